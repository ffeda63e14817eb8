// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskcrs

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.uber.org/zap"

	"github.com/otelcol-risk/otelcol-risk/extension/riskcrs/internal/crs"
)

// inspector is the extension.
type inspector struct {
	config    *Config
	logger    *zap.Logger
	telemetry *telemetry

	// Set by Start.
	engine  *crs.Engine
	queue   *queue
	stop    chan struct{}
	workers sync.WaitGroup
	warned  sync.Once // the first failure was logged
}

func newInspector(set component.TelemetrySettings, cfg *Config) (*inspector, error) {
	t, err := newTelemetry(set)
	if err != nil {
		return nil, err
	}
	return &inspector{config: cfg, logger: set.Logger, telemetry: t}, nil
}

// Start compiles the rules and starts the workers; pipelines are started after it.
func (i *inspector) Start(context.Context, component.Host) error {
	engine, err := crs.New(i.config.ParanoiaLevel)
	if err != nil {
		return err
	}
	queue := newQueue(&i.config.Queue)
	if err := i.telemetry.observe(queue.size); err != nil {
		return err
	}
	i.engine, i.queue, i.stop = engine, queue, make(chan struct{})
	for range i.config.Workers {
		i.workers.Go(i.work)
	}
	return nil
}

// Shutdown ends the workers; pipelines were shut down before it. What waits is counted and forgotten: nobody is left whom
// a finding could tell anything.
func (i *inspector) Shutdown(ctx context.Context) error {
	if i.queue != nil {
		left := i.queue.close()
		close(i.stop)
		i.workers.Wait()
		i.telemetry.dropped(ctx, atShutdown, left)
	}
	i.telemetry.shutdown()
	return nil
}

// Inspect takes a request to look at, or says that it does not; see doc.go.
func (i *inspector) Inspect(r *Request, done func(*Finding)) bool {
	why := notRunning
	switch bytes := sizeOf(r); {
	case i.queue == nil:
	case bytes > i.config.MaxRequestBytes:
		why = tooLarge
	default:
		why = i.queue.put(r, bytes, done)
	}
	if why != taken {
		i.telemetry.dropped(context.Background(), why, 1)
	}
	return why == taken
}

// work looks at one request after the other, and rests in between as cpu_share says.
func (i *inspector) work() {
	rest := time.NewTimer(0)
	defer rest.Stop()
	for {
		w, ok := i.queue.take()
		if !ok {
			return
		}
		took := i.look(&w)
		if i.config.CPUShare == 1 {
			continue
		}
		rest.Reset(time.Duration(float64(took) * (1/i.config.CPUShare - 1)))
		select {
		case <-i.stop:
			return
		case <-rest.C:
		}
	}
}

// look looks at a request and tells who asked.
func (i *inspector) look(w *waiting) (took time.Duration) {
	begin := time.Now()
	result, how := i.evaluate(&w.request, begin.Add(i.config.Timeout))
	took = time.Since(begin)
	finding := Finding{}
	if how == flagged {
		finding.Score, finding.Rules = result.Score, result.Rules
	}
	i.telemetry.inspected(context.Background(), how, took, finding.Rules)
	w.done(&finding)
	return took
}

// evaluate asks the rules. The library reads what strangers sent: should it panic, that is a failure of one request.
func (i *inspector) evaluate(r *crs.Request, deadline time.Time) (result crs.Result, how outcome) {
	defer func() {
		if fault := recover(); fault != nil {
			i.fail(zap.Any("panic", fault))
			how = failed
		}
	}()
	result, err := i.engine.Inspect(r, deadline)
	switch {
	case err != nil:
		i.fail(zap.Error(err))
		return result, failed
	case result.Score >= i.config.Threshold:
		return result, flagged
	case result.GaveUp:
		return result, gaveUp
	default:
		return result, clean
	}
}

// fail logs the first failure; the counter tells how many there are.
func (i *inspector) fail(why zap.Field) {
	i.warned.Do(func() {
		i.logger.Warn("cannot evaluate the Core Rule Set on a request; further failures are only counted", why)
	})
}
