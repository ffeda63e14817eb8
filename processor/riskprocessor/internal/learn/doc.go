// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package learn finds what is unusual about a trace, without being told what is usual.
//
// For every operation (service and span name) a Model learns, from the spans themselves, how long it takes with and
// without its children, which operations it calls, how often it fails, and which set of operations a trace has that
// begins with it. A Scorer measures the spans of one trace, or of the part of it that is at hand, against that, in four
// steps (docs/risk-model.md has the formulas):
//
//	span       -ln of the probability of something as unusual: latency, structure, failure
//	operation  the same of the last minute of the operation, because faults come in time
//	trace      the strongest span of each operation, corrected for how many there are (Sidak); both are added
//	score      one cause a channel: the odds of its operations add up; independent channels: noisy-or
//
// A span is scored first and learned then; nothing is learned from labels or rules. Counts are halved from time to time,
// so that what is usual may change.
//
// Memory is bounded by the number of operations, each about 3 KB. When all places are taken an operation that was idle
// for ten minutes makes room; without one the newcomer is not scored, and counted.
//
// A Model may be used by any number of goroutines at once, each with a Scorer of its own. Times passed in must not run
// backwards by much: an older time counts as the newest one. Spans are only read, and not kept after the call.
package learn
