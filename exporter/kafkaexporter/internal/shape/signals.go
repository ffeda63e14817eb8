// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package shape

import (
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/batchpersignal"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pprofile"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// NewTraces returns a shaper of traces.
func NewTraces(set Settings, encoding Encoding[ptrace.Traces]) *Shaper[ptrace.Traces] {
	return &Shaper[ptrace.Traces]{settings: set, encoding: encoding, signal: signal[ptrace.Traces]{
		resources: func(td ptrace.Traces) int { return td.ResourceSpans().Len() },
		resource:  func(td ptrace.Traces, i int) pcommon.Resource { return td.ResourceSpans().At(i).Resource() },
		only: func(td ptrace.Traces, i int) ptrace.Traces {
			one := ptrace.NewTraces()
			td.ResourceSpans().At(i).CopyTo(one.ResourceSpans().AppendEmpty())
			return one
		},
		traces: func(td ptrace.Traces) []part[ptrace.Traces] {
			return keyed(batchpersignal.SplitTraces(td), func(one ptrace.Traces) pcommon.TraceID {
				return one.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).TraceID()
			})
		},
		risks: risksOfSpans,
	}}
}

// NewMetrics returns a shaper of metrics.
func NewMetrics(set Settings, encoding Encoding[pmetric.Metrics]) *Shaper[pmetric.Metrics] {
	return &Shaper[pmetric.Metrics]{settings: set, encoding: encoding, signal: signal[pmetric.Metrics]{
		resources: func(md pmetric.Metrics) int { return md.ResourceMetrics().Len() },
		resource:  func(md pmetric.Metrics, i int) pcommon.Resource { return md.ResourceMetrics().At(i).Resource() },
		only: func(md pmetric.Metrics, i int) pmetric.Metrics {
			one := pmetric.NewMetrics()
			md.ResourceMetrics().At(i).CopyTo(one.ResourceMetrics().AppendEmpty())
			return one
		},
	}}
}

// NewLogs returns a shaper of logs.
func NewLogs(set Settings, encoding Encoding[plog.Logs]) *Shaper[plog.Logs] {
	return &Shaper[plog.Logs]{settings: set, encoding: encoding, signal: signal[plog.Logs]{
		resources: func(ld plog.Logs) int { return ld.ResourceLogs().Len() },
		resource:  func(ld plog.Logs, i int) pcommon.Resource { return ld.ResourceLogs().At(i).Resource() },
		only: func(ld plog.Logs, i int) plog.Logs {
			one := plog.NewLogs()
			ld.ResourceLogs().At(i).CopyTo(one.ResourceLogs().AppendEmpty())
			return one
		},
		traces: func(ld plog.Logs) []part[plog.Logs] {
			return keyed(batchpersignal.SplitLogs(ld), func(one plog.Logs) pcommon.TraceID {
				return one.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).TraceID()
			})
		},
	}}
}

// NewProfiles returns a shaper of profiles.
func NewProfiles(set Settings, encoding Encoding[pprofile.Profiles]) *Shaper[pprofile.Profiles] {
	return &Shaper[pprofile.Profiles]{settings: set, encoding: encoding, signal: signal[pprofile.Profiles]{
		resources: func(pd pprofile.Profiles) int { return pd.ResourceProfiles().Len() },
		resource:  func(pd pprofile.Profiles, i int) pcommon.Resource { return pd.ResourceProfiles().At(i).Resource() },
		only: func(pd pprofile.Profiles, i int) pprofile.Profiles {
			one := pprofile.NewProfiles()
			// What a resource's profiles point into is shared by all of them.
			pd.Dictionary().CopyTo(one.Dictionary())
			pd.ResourceProfiles().At(i).CopyTo(one.ResourceProfiles().AppendEmpty())
			return one
		},
	}}
}

// keyed keys each part by the trace id that all its items have; those without one get no key.
func keyed[T any](parts []T, traceID func(T) pcommon.TraceID) []part[T] {
	all := make([]part[T], len(parts))
	for i, data := range parts {
		all[i].data = data
		if key := hexKey(traceID(data)); key != "" {
			all[i].key = []byte(key)
		}
	}
	return all
}
