// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafkaexporter

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.uber.org/zap"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/encode"
	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/producer"
)

// forward delivers dead letters without the request that they come from. Nobody hears of its end, so what is not delivered is
// counted and logged.
func (e *kafkaExporter) forward(letters []encode.Record) {
	e.lots.delivering.Go(func() {
		topic, count := letters[0].Topic, len(letters)
		req := newRequest(letters, count)
		err := e.planPatiently(req)
		for err == nil && req.ticket != nil {
			// As everything that has a batch, they stay until a broker has answered. Those whose partition is gone are left.
			if err = e.deliver(context.Background(), req); err == nil {
				req.ticket, count = nil, len(req.records)
				err = e.planPatiently(req)
			}
		}
		if err != nil {
			e.telemetry.refused(topic, lossReason(err), count)
		}
		if err = errors.Join(append(req.refused, err)...); err != nil {
			e.settings.Logger.Error("Dead letters were not delivered.", zap.String("topic", topic), zap.Error(err))
		}
	})
}

// lossReason is the reason under which records are counted that were not delivered for that error.
func lossReason(err error) string {
	switch {
	case consumererror.IsPermanent(err):
		return "not_encodable"
	case errors.Is(err, producer.ErrClosed):
		return "shutdown"
	default:
		return "timed_out"
	}
}

// planPatiently plans for as long as a request is tried again: its topic may be unknown, or there may be no room.
func (e *kafkaExporter) planPatiently(req *request) error {
	const pause = 200 * time.Millisecond // after which shutdown is noticed, too
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if patience := e.patience(); patience >= 0 {
		timer := time.AfterFunc(max(patience, e.timeout()), cancel)
		defer timer.Stop()
	}
	for req.ticket == nil && len(req.records) > 0 {
		err := e.plan(ctx, req)
		if err == nil {
			continue
		}
		if consumererror.IsPermanent(err) || errors.Is(err, producer.ErrClosed) || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	return nil
}
