// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

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
	var ours, only, theirs, ratio []float64
	var requests float64
	for range o.pairs {
		// 0: every exchange is told, as the reference does.
		spans, beside, n, err := runTimes(ctx, server, "traces", `{"cpu_budget":0}`, o)
		if err != nil {
			return nil, err
		}
		metrics, _, _, err := runTimes(ctx, server, "metrics", "{}", o)
		if err != nil {
			return nil, err
		}
		ours, only, theirs = append(ours, spans), append(only, metrics), append(theirs, beside)
		ratio, requests = append(ratio, spans/beside), requests+n
		fmt.Fprintf(os.Stderr, "spans %.0f metrics %.0f reference %.0f ns\n", spans, metrics, beside)
	}
	return kernelTime{
		Ours: median(ours), Metrics: median(only), Reference: median(theirs), Ratio: median(ratio), Want: 1.0 / 3, Requests: requests,
	}, nil
}

// runTimes returns the time a request in the receiver's programs and in those of this process, which are the reference's.
func runTimes(ctx context.Context, server *webServer, signals, settings string, o options) (ours, theirs, requests float64, err error) {
	a, err := startAgent(ctx, signals, settings)
	if err != nil {
		return 0, 0, 0, err
	}
	beside, err := startClock(os.Getpid()) // before the other, which opens the receiver's programs here
	if err != nil {
		return 0, 0, 0, err
	}
	receiver, err := startClock(a.cmd.Process.Pid)
	if err != nil {
		return 0, 0, 0, err
	}
	requests, err = server.saturate(ctx, o)
	ran, clockErr := receiver.stop()
	besideRan, besideErr := beside.stop()
	_, stopErr := a.stop()
	return float64(ran) / requests, float64(besideRan) / requests, requests, errors.Join(err, clockErr, besideErr, stopErr)
}

// clock takes the time of all BPF programs that a process holds.
type clock struct {
	programs []*ebpf.Program
	stats    io.Closer
	before   time.Duration
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

// stop returns for how long the programs ran.
func (c *clock) stop() (time.Duration, error) {
	after, err := c.total()
	for _, p := range c.programs {
		err = errors.Join(err, p.Close())
	}
	return after - c.before, errors.Join(err, c.stats.Close())
}

func (c *clock) total() (sum time.Duration, err error) {
	for _, p := range c.programs {
		stats, err := p.Stats()
		if err != nil {
			return 0, err
		}
		sum += stats.Runtime
	}
	return sum, nil
}
