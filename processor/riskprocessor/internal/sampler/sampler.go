// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package sampler decides by a span's randomness whether it is kept, and writes into its tracestate how many spans it
// stands for.
//
// It follows the consistent probability sampling of OpenTelemetry: each trace has 56 random bits R, which are the `rv`
// of the tracestate or else the last 7 bytes of the trace id; a sampler with threshold T keeps a trace if T <= R; a
// kept span carries T as `th` and stands for 2^56/(2^56-T) spans. Thresholds of samplers in a row combine by the
// maximum, since T1 <= R and T2 <= R is max(T1, T2) <= R:
//
//	incoming th | decision            | th of a kept span
//	none        | keep for certain    | 0: it stands for itself
//	t           | keep for certain    | t: what it stood for before
//	none        | keep if T <= R      | T
//	t           | keep if max(t,T)<=R | max(t, T)
//
// A span may be kept for certain because of what it says (its score), for that does not depend on R. Then the sum of
// what the kept spans stand for is an unbiased estimate of the number of spans (Horvitz-Thompson).
//
// A [Sampler] never changes and may be used by many goroutines at once.
package sampler

import (
	"fmt"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/sampling"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

// precision is the number of hex digits of a threshold after leading f's, as the other samplers of OpenTelemetry
// write it: the error of the probability is at most 1/16^4 of it.
const precision = 4

// Fault says what was wrong with the tracestate of a span. The span is treated as if it had no threshold.
type Fault uint8

const (
	// NoFault: there was no tracestate, or it was understood.
	NoFault Fault = iota
	// Syntax: the value of `ot`, its `th` or its `rv` cannot be read.
	Syntax
	// Inconsistent: `th` is above R, so the span cannot have come through the sampler that `th` speaks of.
	Inconsistent
	// Faults is the number of values.
	Faults
)

// String returns the name of the fault as telemetry reports it.
func (f Fault) String() string {
	switch f {
	case Syntax:
		return "syntax"
	case Inconsistent:
		return "inconsistent"
	default:
		return "none"
	}
}

// Sampler keeps a fixed share of traces.
type Sampler struct {
	threshold sampling.Threshold // NeverSampleThreshold when nothing is kept
	fresh     string             // tracestate of a sampled span that had none
	certain   string             // tracestate of a span kept for certain that had none
}

// New makes a sampler that keeps the given share of traces, 0 to 1.
func New(probability float64) (*Sampler, error) {
	s := &Sampler{threshold: sampling.NeverSampleThreshold, certain: compose(sampling.AlwaysSampleThreshold)}
	if probability > 0 {
		threshold, err := sampling.ProbabilityToThresholdWithPrecision(probability, precision)
		if err != nil {
			return nil, fmt.Errorf("compute threshold of probability %v: %w", probability, err)
		}
		s.threshold, s.fresh = threshold, compose(threshold)
	}
	return s, nil
}

// Decision is the outcome for one span.
type Decision struct {
	// Keep says whether the span is kept.
	Keep bool
	// TraceState is what a kept span must carry.
	TraceState string
	// Fault says what was wrong with the tracestate that the span came with.
	Fault Fault
}

// Decide decides for a span with the given trace id and tracestate. With certain the span is kept whatever its
// randomness is.
func (s *Sampler) Decide(id pcommon.TraceID, traceState string, certain bool) Decision {
	threshold, fresh := s.threshold, s.fresh
	if certain {
		threshold, fresh = sampling.AlwaysSampleThreshold, s.certain
	}
	if traceState == "" { // the usual case costs no parsing and no allocation
		if !threshold.ShouldSample(sampling.TraceIDToRandomness(id)) {
			return Decision{}
		}
		return Decision{Keep: true, TraceState: fresh}
	}
	state, fault := parse(traceState)
	randomness, given := state.ot.RValueRandomness()
	if !given {
		randomness = sampling.TraceIDToRandomness(id)
	}
	incoming, sampled := state.ot.TValueThreshold()
	if sampled && !incoming.ShouldSample(randomness) {
		state.ot.ClearTValue()
		sampled, fault = false, Inconsistent
	}
	if sampled && !sampling.ThresholdGreater(threshold, incoming) {
		// incoming <= R, checked above
		if fault != NoFault {
			traceState = state.with(incoming) // readable for those who come next
		}
		return Decision{Keep: true, TraceState: traceState, Fault: fault}
	}
	if !threshold.ShouldSample(randomness) {
		return Decision{Fault: fault}
	}
	return Decision{Keep: true, TraceState: state.with(threshold), Fault: fault}
}
