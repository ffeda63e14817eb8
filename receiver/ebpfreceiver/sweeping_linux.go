// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/bpfobj"
)

// newSweeper returns what takes away the state of idle connections; nil if nobody wants that, or the kernel cannot do it:
// connections then keep their state, and all else is the same.
func (r *ebpfReceiver) newSweeper() *bpfobj.Sweeper {
	if r.cfg.IdleAfter == 0 {
		return nil
	}
	sweeper, err := r.objects.NewSweeper()
	if err != nil {
		r.settings.Logger.Info("idle HTTP/1 connections keep about 1 KiB each in the kernel, whatever `idle_after` says", zap.Error(err))
		return nil
	}
	return sweeper
}

// sweep sweeps until the receiver ends.
func (r *ebpfReceiver) sweep(ctx context.Context) {
	ticker := time.NewTicker(r.cfg.IdleAfter)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.flow.drained:
			return
		case <-ticker.C:
		}
		if err := r.sweeper.Sweep(); err != nil {
			r.settings.Logger.Error("take away the state of idle connections", zap.Error(err))
		}
	}
}
