// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sys/unix"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/bpfobj"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/budget"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/ring"
)

const (
	// budgetInterval is how often the cost is measured, and the thinning adapted.
	budgetInterval = 500 * time.Millisecond
	// budgetWindow is for how long of it the kernel takes the time of the programs' runs: a fiftieth.
	budgetWindow = 10 * time.Millisecond
	// modelledExchange is taken for what an exchange costs in the kernel where it may not be measured, modelledCall for
	// one of HTTP/2.
	modelledExchange = 500 * time.Nanosecond
	modelledCall     = 2 * time.Microsecond
	// lookedExchange is more than what looking at an exchange costs at one end, telling of it aside; lookedCall is that of
	// HTTP/2, which has a part in user space.
	lookedExchange = 2 * time.Microsecond
	lookedCall     = 8 * time.Microsecond
	// lookedRoundTrip is the same for TCP's round trips.
	lookedRoundTrip = 500 * time.Nanosecond
	// stepsPerTurn is for how many budgetIntervals the same connections are followed.
	stepsPerTurn = 2
)

// thinning holds the receiver to cpu_budget: it measures what the programs and this process cost, and makes the programs
// leave out what is too much: first records, then connections. The whole process counts, since what happens behind the
// receiver is what spans cost, too. Where the ring fills with HTTP/2, connections of it rest whatever the budget is.
type thinning struct {
	objects    *bpfobj.Objects
	flow       *flow
	ring       *ring.Reader
	logger     *zap.Logger
	controller *budget.Controller // nil: there is no budget
	turns      budget.Turns
	pressure   budget.Pressure
	choice     budget.Choice
	steps      int  // since the last turn began
	modelled   bool // the kernel's part may not be measured
	host       budget.Host
	blind      bool    // how busy the host is cannot be read
	processors float64 // that the host has, whichever of them this process may use

	at       time.Time
	user     time.Duration // CPU time of this process, at that time
	requests uint64        // that the kernel had seen begin
	trips    uint64        // of TCP, that it had looked at
	calls    int64         // of HTTP/2, that had begun

	share, probability, followed, streams atomic.Uint64 // as bits of a float64, for telemetry
}

// newThinning returns nil if nothing may be left out.
func newThinning(cfg *Config, tells bool, objects *bpfobj.Objects, f *flow, reader *ring.Reader, logger *zap.Logger) *thinning {
	t := &thinning{objects: objects, flow: f, ring: reader, logger: logger, choice: budget.Choice{Probability: 1}}
	if cfg.CPUBudget > 0 && (tells || cfg.RestConnections) {
		t.controller = budget.New(budget.Settings{Limit: cfg.CPUBudget, Tells: tells, Rests: cfg.RestConnections})
	} else if !cfg.RestConnections || !cfg.Streams.HTTP2 {
		return nil
	}
	t.processors = float64(processors(logger))
	for _, all := range []*atomic.Uint64{&t.probability, &t.followed, &t.streams} {
		all.Store(math.Float64bits(1))
	}
	return t
}

// processors is how many processors the host has; if that cannot be read, how many this process may use.
func processors(logger *zap.Logger) int {
	list, err := os.ReadFile("/sys/devices/system/cpu/online")
	if err == nil {
		var n int
		if n, err = budget.Processors(list); err == nil {
			return n
		}
	}
	logger.Warn("cpu_budget is a share of the processors that this process may use: the host's cannot be read", zap.Error(err))
	return runtime.NumCPU()
}

// Share is the share of the host's processors that was used last; Probability, that of the exchanges that were looked at
// that become spans; Followed, that of the connections of HTTP/1 that are looked at; Streams, that of those of HTTP/2.
func (t *thinning) Share() float64       { return math.Float64frombits(t.share.Load()) }
func (t *thinning) Probability() float64 { return math.Float64frombits(t.probability.Load()) }
func (t *thinning) Followed() float64    { return math.Float64frombits(t.followed.Load()) }
func (t *thinning) Streams() float64     { return math.Float64frombits(t.streams.Load()) }

// run adapts until ended is closed or ctx ends.
func (t *thinning) run(ctx context.Context, ended <-chan struct{}) {
	ticker := time.NewTicker(budgetInterval)
	defer ticker.Stop()
	t.at, t.user = time.Now(), processTime()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ended:
			return
		case <-ticker.C:
		}
		if err := t.step(ctx); err != nil && ctx.Err() == nil {
			t.logger.Error("adapt to cpu_budget", zap.Error(err))
		}
	}
}

func (t *thinning) step(ctx context.Context) error {
	if t.controller == nil {
		return t.relieve()
	}
	measured, err := t.measure(ctx)
	if err != nil {
		return err
	}
	choice := t.controller.Step(measured)
	t.share.Store(math.Float64bits(t.controller.Share()))
	if t.choice.Rest == 0 && choice.Rest > 0 {
		t.logger.Info("connections rest, since looking at all of them costs more than cpu_budget allows now: metrics are scaled",
			zap.Float64("share", t.controller.Share()))
	}
	return errors.Join(t.apply(choice), t.relieve())
}

// relieve tells the programs how many connections of HTTP/2 rest: as many as the budget asks for, or more if the ring has
// filled.
func (t *thinning) relieve() error {
	inForce, err := t.objects.RestingStreams()
	if err != nil {
		return err
	}
	rest := t.pressure.Step(budget.Filled{Rest: inForce, Still: t.ring.Waiting() > t.flow.cfg.RingBufferSize/2}, t.choice.Rest)
	t.streams.Store(math.Float64bits(math.Exp2(-float64(rest))))
	return t.objects.RestStreams(rest)
}

// measure returns what was used since the last call.
func (t *thinning) measure(ctx context.Context) (m budget.Measured, err error) {
	kernel, err := t.kernel(ctx)
	if err != nil {
		return m, err
	}
	counters, err := t.objects.Counters()
	if err != nil {
		return m, err
	}
	now, user := time.Now(), processTime()
	calls := t.flow.streams.Counts.Requests.Load()
	took, begun, called := float64(now.Sub(t.at)), float64(counters.Requests-t.requests), float64(calls-t.calls)
	trips := float64(counters.RoundTrips - t.trips)
	if t.modelled {
		kernel = (begun*float64(modelledExchange) + called*float64(modelledCall)) / took
	}
	m.Share = (kernel + float64(user-t.user)/took) / t.processors
	m.Looked = (begun*float64(lookedExchange) + called*float64(lookedCall) + trips*float64(lookedRoundTrip)) / took / t.processors
	t.at, t.user, t.requests, t.trips, t.calls = now, user, counters.Requests, counters.RoundTrips, calls
	if m.Busy, err = t.busy(); err != nil && !t.blind {
		t.blind = true
		t.logger.Warn("cpu_budget is not halved while all processors are busy: that cannot be read", zap.Error(err))
	}
	return m, nil
}

// busy returns how much of the host's processors was used since the last call, by anybody.
func (t *thinning) busy() (float64, error) {
	f, err := os.Open("/proc/stat")
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()
	var line [256]byte // of a file that is long on a large host
	n, err := f.Read(line[:])
	if err != nil {
		return 0, fmt.Errorf("read times of processors: %w", err)
	}
	return t.host.Step(line[:n])
}

// kernel returns how many processors the programs keep busy; 0 once that turned out not to be known.
func (t *thinning) kernel(ctx context.Context) (float64, error) {
	if t.modelled {
		return 0, nil
	}
	busy, err := t.objects.CPUTime(ctx, budgetWindow)
	if err != nil && ctx.Err() == nil {
		t.modelled = true
		t.logger.Warn("cost in the kernel is estimated for cpu_budget: it may not be measured", zap.Error(err))
		return 0, nil
	}
	return busy, err
}

// apply tells the programs what was chosen, and which connections have their turn.
func (t *thinning) apply(choice budget.Choice) error {
	t.steps++
	changed := choice.Rest != t.choice.Rest
	t.choice = choice
	t.probability.Store(math.Float64bits(choice.Probability))
	t.followed.Store(math.Float64bits(math.Exp2(-float64(choice.Rest))))
	threshold := budget.Threshold(choice.Probability)
	t.flow.threshold.Store(threshold)
	if err := t.objects.Thin(threshold); err != nil {
		return err
	}
	if !changed && (choice.Rest == 0 || t.steps < stepsPerTurn) {
		return nil
	}
	t.steps = 0
	return t.objects.Rest(choice.Rest, t.turns.Next(choice.Rest))
}

// processTime is the CPU time that this process has used.
func processTime() time.Duration {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		return 0 // never: both arguments are valid
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
