// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"context"
	"math"
	"runtime"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sys/unix"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/bpfobj"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/budget"
)

const (
	// budgetInterval is how often the cost is measured, and the thinning adapted.
	budgetInterval = 500 * time.Millisecond
	// budgetWindow is for how long of it the kernel takes the time of the programs' runs: a fiftieth.
	budgetWindow = 10 * time.Millisecond
	// modelledExchange is taken for what an exchange costs in the kernel where it may not be measured.
	modelledExchange = 500 * time.Nanosecond
)

// thinning holds the receiver to cpu_budget: it measures what the programs and this process cost, and makes the programs
// leave out what is too much. The whole process counts, since what happens behind the receiver is what spans cost, too.
type thinning struct {
	objects    *bpfobj.Objects
	logger     *zap.Logger
	controller *budget.Controller
	modelled   bool // the kernel's part may not be measured

	at       time.Time
	user     time.Duration // CPU time of this process, at that time
	requests uint64        // that the kernel had seen begin

	share, probability atomic.Uint64 // as bits of a float64, for telemetry
}

func newThinning(limit float64, objects *bpfobj.Objects, logger *zap.Logger) *thinning {
	t := &thinning{objects: objects, logger: logger, controller: budget.New(limit)}
	t.probability.Store(math.Float64bits(1))
	return t
}

// Share is the share of the host's processors that was used last; Probability, that of the exchanges that become spans.
func (t *thinning) Share() float64       { return math.Float64frombits(t.share.Load()) }
func (t *thinning) Probability() float64 { return math.Float64frombits(t.probability.Load()) }

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
	kernel, err := t.kernel(ctx)
	if err != nil {
		return err
	}
	now, user := time.Now(), processTime()
	busy := kernel + float64(user-t.user)/float64(now.Sub(t.at))
	t.at, t.user = now, user
	probability := t.controller.Step(busy / float64(runtime.NumCPU()))
	t.share.Store(math.Float64bits(t.controller.Share()))
	t.probability.Store(math.Float64bits(probability))
	return t.objects.Thin(budget.Threshold(probability))
}

// kernel returns how many processors the programs keep busy.
func (t *thinning) kernel(ctx context.Context) (float64, error) {
	if !t.modelled {
		busy, err := t.objects.CPUTime(ctx, budgetWindow)
		if err == nil || ctx.Err() != nil {
			return busy, err
		}
		t.modelled = true
		t.logger.Warn("cost in the kernel is estimated for cpu_budget: it may not be measured", zap.Error(err))
	}
	counters, err := t.objects.Counters()
	if err != nil {
		return 0, err
	}
	begun := counters.Requests - t.requests
	t.requests = counters.Requests
	return float64(begun) * float64(modelledExchange) / float64(time.Since(t.at)), nil
}

// processTime is the CPU time that this process has used.
func processTime() time.Duration {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		return 0 // never: both arguments are valid
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
