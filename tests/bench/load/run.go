// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package load

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Result is what a run measured.
type Result struct {
	// Payloads and Bytes count what was acknowledged in the measured time; bytes are those of uncompressed OTLP.
	Payloads int64 `json:"payloads"`
	Bytes    int64 `json:"bytes"`
	// Elapsed is the measured time, CPU the user and system time that the process spent in it.
	Elapsed time.Duration `json:"elapsed"`
	CPU     time.Duration `json:"cpu"`
	// Sent is the same as Bytes, and Records the number of records that the broker must have got, for the warm-up and
	// the measured time together.
	Sent    int64 `json:"sent"`
	Records int64 `json:"records"`
}

// MBPerSecond is the throughput in 10^6 bytes of uncompressed OTLP a second.
func (r Result) MBPerSecond() float64 { return float64(r.Bytes) / 1e6 / r.Elapsed.Seconds() }

// CPUPerGB is the process time in seconds for 10^9 bytes of uncompressed OTLP.
func (r Result) CPUPerGB() float64 { return r.CPU.Seconds() / (float64(r.Bytes) / 1e9) }

// shutdownLimit bounds the end of an exporter that has nothing left to send.
const shutdownLimit = 10 * time.Second

// Run does what the spec says. An exporter that fails to deliver anything ends the run with its error.
func Run(ctx context.Context, s Spec) (Result, error) {
	if err := s.Validate(); err != nil {
		return Result{}, fmt.Errorf("read spec: %w", err)
	}
	t, err := newTarget(ctx, s)
	if err != nil {
		return Result{}, err
	}
	result, err := t.measure(ctx, s)
	ending, cancel := context.WithTimeout(ctx, shutdownLimit)
	defer cancel()
	return result, errors.Join(err, t.exporter.Shutdown(ending))
}

// measure warms up, then measures. Both end with no payload on its way, so that the CPU time belongs to the bytes.
func (t *target) measure(ctx context.Context, s Spec) (Result, error) {
	warm, err := t.drive(ctx, s, s.Warmup)
	if err != nil {
		return Result{}, fmt.Errorf("warm up: %w", err)
	}
	cpu, err := cpuTime()
	if err != nil {
		return Result{}, err
	}
	began := time.Now()
	result, err := t.drive(ctx, s, s.Duration)
	if err != nil {
		return Result{}, err
	}
	result.Elapsed = time.Since(began)
	after, err := cpuTime()
	result.CPU = after - cpu
	result.Sent = warm.Bytes + result.Bytes
	result.Records = (warm.Payloads + result.Payloads) * s.records()
	return result, err
}

// drive calls the exporter from all callers, at the rate if there is one, until the time is over and returns when all calls have ended.
func (t *target) drive(ctx context.Context, s Spec, duration time.Duration) (Result, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next, payloads, bytes atomic.Int64
	began := time.Now()
	deadline := began.Add(duration)
	var calling sync.WaitGroup
	for range s.Callers {
		calling.Go(func() {
			for time.Now().Before(deadline) && ctx.Err() == nil {
				i := int(next.Add(1) - 1)
				if s.Rate > 0 {
					due := began.Add(time.Duration(i) * time.Second / time.Duration(s.Rate))
					if due.After(deadline) {
						return
					}
					select {
					case <-time.After(time.Until(due)):
					case <-ctx.Done():
						return
					}
				}
				if err := t.send(ctx, i); err != nil {
					cancel(fmt.Errorf("deliver payload %d: %w", i, err))
					return
				}
				payloads.Add(1)
				bytes.Add(t.sizes[i%len(t.sizes)])
			}
		})
	}
	calling.Wait()
	return Result{Payloads: payloads.Load(), Bytes: bytes.Load()}, context.Cause(ctx)
}
