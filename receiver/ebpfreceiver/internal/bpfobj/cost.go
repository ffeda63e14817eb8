// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package bpfobj

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"
)

// CPUTime returns how many processors the programs keep busy, on average over a window that begins now: 0.5 is half of
// one. The kernel takes the time of every run only for that long, because two looks at the clock cost a tenth of a run;
// they are part of the result. It needs CAP_SYS_ADMIN and returns early with ctx.
func (o *Objects) CPUTime(ctx context.Context, window time.Duration) (busy float64, err error) {
	stats, err := ebpf.EnableStats(uint32(unix.BPF_STATS_RUN_TIME))
	if err != nil {
		return 0, fmt.Errorf("enable run-time statistics: %w", err)
	}
	defer func() { err = errors.Join(err, stats.Close()) }()
	before, err := o.runTime()
	if err != nil {
		return 0, err
	}
	begun := time.Now()
	ended := time.NewTimer(window)
	defer ended.Stop()
	select {
	case <-ended.C:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	after, err := o.runTime()
	if err != nil {
		return 0, err
	}
	return float64(after-before) / float64(time.Since(begun)), nil
}

// runTime is for how long the programs have run while somebody took the time.
func (o *Objects) runTime() (total time.Duration, err error) {
	programs := reflect.ValueOf(o.socketPrograms)
	for i := range programs.NumField() {
		program, ok := programs.Field(i).Interface().(*ebpf.Program)
		if !ok || program == nil {
			continue
		}
		stats, err := program.Stats()
		if err != nil {
			return 0, fmt.Errorf("read run-time statistics: %w", err)
		}
		total += stats.Runtime
	}
	return total, nil
}

// Rest makes the programs follow, of the 2^shift groups that connections of HTTP/1 are in, the one of that number, which
// only its lowest bits tell. A shift of 0 makes them follow all, at most it is 10.
func (o *Objects) Rest(shift int, group uint32) error {
	if err := o.variables.RestTurn.Set(uint64(group)<<8 | uint64(shift)); err != nil {
		return fmt.Errorf("write whose turn it is: %w", err)
	}
	return nil
}

// RestStreams makes the programs follow one of 2^shift groups of the connections of HTTP/2, always the same, and more of them
// rest when the ring fills. At most it is 10.
func (o *Objects) RestStreams(shift int) error {
	if err := o.variables.StreamTurn.Set(uint32(shift)<<8 | uint32(shift)); err != nil {
		return fmt.Errorf("write share of connections: %w", err)
	}
	return nil
}

// RestingStreams returns the shift in force: that of RestStreams, or more if the ring has filled since then.
func (o *Objects) RestingStreams() (shift int, err error) {
	var turn uint32
	if err := o.variables.StreamTurn.Get(&turn); err != nil {
		return 0, fmt.Errorf("read share of connections: %w", err)
	}
	return int(turn & 0xff), nil
}

// Thin makes the programs write records only of exchanges whose 56 random bits are at least the threshold.
func (o *Objects) Thin(threshold uint64) error {
	if err := o.variables.ThinThreshold.Set(threshold); err != nil {
		return fmt.Errorf("write threshold: %w", err)
	}
	return nil
}
