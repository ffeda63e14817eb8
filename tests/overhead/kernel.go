// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/otelcol-risk/otelcol-risk/tests/overhead/reference"
)

// kernelTime is the outcome: time in BPF programs a request, both ends, by the kernel's own statistics.
type kernelTime struct {
	Ours      float64 `json:"ours_ns"`
	Metrics   float64 `json:"ours_metrics_only_ns"`
	Reference float64 `json:"reference_ns"`
	Ratio     float64 `json:"ratio"` // of the first to the third, in the same run
	Want      float64 `json:"want_ratio"`
	Requests  float64 `json:"requests"`
	// Programs is the share of each of the receiver's programs in Ours, in the last pair.
	Programs shares `json:"programs"`
	// All is the same for a receiver of spans and metrics with its default settings, but for the budget.
	All         float64 `json:"ours_spans_and_metrics_ns"`
	AllRatio    float64 `json:"spans_and_metrics_ratio"`
	AllPrograms shares  `json:"spans_and_metrics_programs"`
}

// share is what one program takes: in an outcome, of a request.
type share struct {
	Nanoseconds float64 `json:"ns"`
	Runs        float64 `json:"runs"`
}

// shares are those of programs, by name.
type shares map[string]share

// nanoseconds is the sum of all.
func (s shares) nanoseconds() (total float64) {
	for _, one := range s {
		total += one.Nanoseconds
	}
	return total
}

// measureKernel runs the receiver and the reference at once, so that both see the same requests on the same machine.
func measureKernel(ctx context.Context, o options) (any, error) {
	server, err := startServer(ctx)
	if err != nil {
		return nil, err
	}
	defer server.stop()
	other, err := reference.Attach()
	if err != nil {
		return nil, err
	}
	defer func() { _ = other.Close() }()
	result := kernelTime{Want: 1.0 / 3}
	var spans, metrics, all, theirs, ratio, allRatio []float64
	for range o.pairs {
		// 0: every exchange is told, as the reference does.
		told, err := runTimes(ctx, server, "traces", `{"cpu_budget":0}`, o)
		if err != nil {
			return nil, err
		}
		counted, err := runTimes(ctx, server, "metrics", `{"cpu_budget":0}`, o)
		if err != nil {
			return nil, err
		}
		both, err := runTimes(ctx, server, "traces,metrics", `{"cpu_budget":0}`, o)
		if err != nil {
			return nil, err
		}
		spans, metrics, all = append(spans, told.ours), append(metrics, counted.ours), append(all, both.ours)
		theirs, ratio, allRatio = append(theirs, told.theirs), append(ratio, told.ours/told.theirs), append(allRatio, both.ours/both.theirs)
		result.Requests += told.requests
		result.Programs, result.AllPrograms = told.programs, both.programs
		fmt.Fprintf(os.Stderr, "spans %.0f metrics %.0f both %.0f reference %.0f %.0f %.0f ns\n",
			told.ours, counted.ours, both.ours, told.theirs, counted.theirs, both.theirs)
	}
	result.Ours, result.Metrics, result.All, result.Reference = median(spans), median(metrics), median(all), median(theirs)
	result.Ratio, result.AllRatio = median(ratio), median(allRatio)
	return result, nil
}

// times is what a request takes while a receiver runs, in ns.
type times struct {
	ours     float64 // in the receiver's programs
	theirs   float64 // in those of this process, which are the reference's
	requests float64
	programs shares
}

// runTimes measures a receiver with these signals and settings.
func runTimes(ctx context.Context, server *webServer, signals, settings string, o options) (t times, err error) {
	a, err := startAgent(ctx, signals, settings)
	if err != nil {
		return t, err
	}
	beside, err := startClock(os.Getpid()) // before the other, which opens the receiver's programs here
	if err != nil {
		return t, err
	}
	receiver, err := startClock(a.cmd.Process.Pid)
	if err != nil {
		return t, err
	}
	t.requests, err = server.saturate(ctx, o)
	ours, clockErr := receiver.stop()
	theirs, besideErr := beside.stop()
	_, stopErr := a.stop()
	t.programs = shares{}
	t.ours, t.theirs = ours.nanoseconds()/t.requests, theirs.nanoseconds()/t.requests
	for name, ran := range ours {
		if ran.Runs > t.requests/100 {
			t.programs[name] = share{Nanoseconds: math.Round(ran.Nanoseconds / t.requests), Runs: math.Round(100*ran.Runs/t.requests) / 100}
		}
	}
	return t, errors.Join(err, clockErr, besideErr, stopErr)
}

// clock takes the time of all BPF programs that a process holds.
type clock struct {
	programs []*ebpf.Program
	stats    io.Closer
	before   shares
}

// startClock begins to take the time.
func startClock(pid int) (*clock, error) {
	c := &clock{}
	seen := map[ebpf.ProgramID]bool{}
	files, err := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/fdinfo/*")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		id, ok := programID(file)
		if !ok || seen[id] {
			continue
		}
		seen[id] = true
		program, err := ebpf.NewProgramFromID(id)
		if err != nil {
			return nil, fmt.Errorf("open program %d: %w", id, err)
		}
		c.programs = append(c.programs, program)
	}
	if len(c.programs) == 0 {
		return nil, fmt.Errorf("process %d holds no BPF programs", pid)
	}
	if c.stats, err = ebpf.EnableStats(uint32(unix.BPF_STATS_RUN_TIME)); err != nil {
		return nil, err
	}
	c.before, err = c.total()
	return c, err
}

// programID reads the id of the program that a descriptor is, if it is one.
func programID(fdinfo string) (ebpf.ProgramID, bool) {
	f, err := os.Open(fdinfo)
	if err != nil {
		return 0, false
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), "prog_id:"); ok {
			id, err := strconv.ParseUint(strings.TrimSpace(text), 10, 32)
			return ebpf.ProgramID(id), err == nil
		}
	}
	return 0, false
}

// stop returns how often and for how long each of the programs ran.
func (c *clock) stop() (shares, error) {
	ran, err := c.total()
	for name, before := range c.before {
		ran[name] = share{Nanoseconds: ran[name].Nanoseconds - before.Nanoseconds, Runs: ran[name].Runs - before.Runs}
	}
	for _, p := range c.programs {
		err = errors.Join(err, p.Close())
	}
	return ran, errors.Join(err, c.stats.Close())
}

func (c *clock) total() (shares, error) {
	total := shares{}
	for _, p := range c.programs {
		info, err := p.Info()
		if err != nil {
			return nil, fmt.Errorf("read name of program: %w", err)
		}
		stats, err := p.Stats()
		if err != nil {
			return nil, fmt.Errorf("read statistics of program %q: %w", info.Name, err)
		}
		so := total[info.Name]
		total[info.Name] = share{Nanoseconds: so.Nanoseconds + float64(stats.Runtime), Runs: so.Runs + float64(stats.RunCount)}
	}
	return total, nil
}
