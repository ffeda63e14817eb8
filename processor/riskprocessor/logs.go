// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

import (
	"context"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/processor/processorhelper"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/sampler"
)

// processLogs takes one batch the whole way. It may be called by many goroutines at once.
func (p *riskProcessor) processLogs(ctx context.Context, ld plog.Logs) (plog.Logs, error) {
	w := p.worker()
	defer w.release()
	w.begin(ctx)
	w.scoreLogs(ld)
	w.decideLogs(ld)
	p.telemetry.report(ctx, w)
	w.end()
	if ld.ResourceLogs().Len() == 0 {
		return ld, processorhelper.ErrSkipProcessingData
	}
	return ld, nil
}

// scoreLogs scores every record of the batch and notes which traces are to be kept.
func (w *worker) scoreLogs(ld plog.Logs) {
	for _, rl := range ld.ResourceLogs().All() {
		w.reader.Resource(rl.Resource().Attributes(), w.nextResource())
		for _, sl := range rl.ScopeLogs().All() {
			for _, record := range sl.LogRecords().All() {
				r := w.next()
				r.resourceLogs, r.scopeLogs, r.log, r.trace = rl, sl, record, record.TraceID()
				w.reader.Log(record, r.vector)
				w.count(r)
				if w.crs != nil {
					w.askCRS(r, record.Attributes())
				}
			}
		}
	}
	w.flush()
	w.judge()
}

// decideLogs drops the records that are sampled out, and annotates the others.
func (w *worker) decideLogs(ld plog.Logs) {
	next := 0
	ld.ResourceLogs().RemoveIf(func(rl plog.ResourceLogs) bool {
		rl.ScopeLogs().RemoveIf(func(sl plog.ScopeLogs) bool {
			sl.LogRecords().RemoveIf(func(record plog.LogRecord) bool {
				v := &w.verdicts[next]
				next++
				return !w.keepLog(record, v)
			})
			return sl.LogRecords().Len() == 0
		})
		return rl.ScopeLogs().Len() == 0
	})
}

// keepLog decides for one record and prepares a kept one.
func (w *worker) keepLog(record plog.LogRecord, v *verdict) bool {
	w.counts.levels[w.annotator.Level(v.score)]++
	attrs := record.Attributes()
	reason := w.reason(v)
	if reason == keptWithoutTraceID {
		reason = keptByProbability // most logs have none: the sampler gives them randomness of their own
	}
	switch reason {
	case keptByMode:
		w.counts.kept[reason]++
	default:
		d := w.sampler.DecideLog(v.trace, text(attrs, sampler.KeyThreshold), text(attrs, sampler.KeyRandomness), reason != keptByProbability)
		w.counts.faults[d.Fault]++
		if w.cfg.Sampling.DryRun {
			w.dryRun(attrs, reason, d.Keep)
			break
		}
		if !d.Keep {
			w.counts.sampledOut++
			return false
		}
		attrs.PutStr(sampler.KeyThreshold, d.Threshold)
		if d.Randomness != "" {
			attrs.PutStr(sampler.KeyRandomness, d.Randomness)
		}
		w.counts.kept[reason]++
	}
	w.annotator.Write(attrs, v.score, &v.hits, v.more, w.degraded)
	return true
}

// text returns the value of an attribute that is text, or nothing.
func text(attrs pcommon.Map, key string) string {
	value, ok := attrs.Get(key)
	if !ok || value.Type() != pcommon.ValueTypeStr {
		return ""
	}
	return value.Str()
}
