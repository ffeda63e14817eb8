// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package metrics counts and times what was seen, whatever becomes of the spans, and says it in the words of
// OpenTelemetry.
//
//	Histogram.Record, Histogram.Add, Counter.Add --.
//	Source.Drain (what the kernel counted) --------+-> Store --Collect--> pmetric
//
// A [Store] holds cumulative series: one an instrument, service and list of attributes. Their number is bounded an
// instrument; what comes in addition is counted in a series of its own, whose only attribute is otel.metric.overflow. A
// series that does not change for long is forgotten, and begins anew when it does.
//
// Whoever measures makes an instrument once ([Store.Histogram], [Store.Counter]) and then either records as it sees
// things, or is a [Source] that is asked before every collection for what happened since it was asked last.
//
// Durations are whole nanoseconds until they are written, so that no order of additions changes a sum, and the kernel and
// this package agree on the bucket of every one of them. A Store and its instruments are safe for concurrent use; an
// [Attributes] is not.
package metrics
