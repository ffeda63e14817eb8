// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.uber.org/zap"
)

// reloader looks at the rules files again and again, and uses them when they have changed. A set with a fault is reported,
// by status, log and metric, and the rules stay as they were.
type reloader struct {
	processor *riskProcessor
	host      component.Host
	last      digest // of the files as they were last looked at
	failed    bool   // the files as they are have a fault
	stop      context.CancelFunc
	done      sync.WaitGroup
}

// startReloading begins to look at the files, of which those with the given digest are in use. The caller stops it.
func startReloading(p *riskProcessor, host component.Host, used digest) *reloader {
	ctx, stop := context.WithCancel(context.Background()) // Start's context ends with Start
	r := &reloader{processor: p, host: host, last: used, stop: stop}
	r.done.Go(func() {
		ticker := time.NewTicker(p.cfg.ReloadInterval)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				r.look(ctx)
			}
		}
	})
	return r
}

// close stops looking and waits for the end of it.
func (r *reloader) close() {
	if r != nil {
		r.stop()
		r.done.Wait()
	}
}

// look reads the files, and acts if they are not what they were at the last look.
func (r *reloader) look(ctx context.Context) {
	packs, err := r.processor.cfg.packs()
	if packs.digest == r.last {
		return
	}
	r.last = packs.digest
	if err == nil {
		err = r.processor.use(packs)
	}
	r.processor.telemetry.reloaded(ctx, err == nil)
	logger := r.processor.set.Logger
	if err != nil {
		r.failed = true
		logger.Error("cannot use changed rules; those in use stay", zap.Error(err))
		componentstatus.ReportStatus(r.host, componentstatus.NewRecoverableErrorEvent(err))
		return
	}
	logger.Info("rules have changed", zap.Int("rules", len(r.processor.generation.Load().live.names)))
	if r.failed {
		r.failed = false
		componentstatus.ReportStatus(r.host, componentstatus.NewEvent(componentstatus.StatusOK))
	}
}
