// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package sampler

import (
	"math/rand/v2"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/sampling"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

// Log records have no tracestate: OpenTelemetry's samplers keep threshold and randomness in these attributes.
const (
	KeyThreshold  = "sampling.threshold"
	KeyRandomness = "sampling.randomness"
)

// LogDecision is the outcome for one log record.
type LogDecision struct {
	// Keep says whether the record is kept.
	Keep bool
	// Threshold is the value that KeyThreshold must have on a kept record.
	Threshold string
	// Randomness is the value that KeyRandomness must get; empty leaves it as it is.
	Randomness string
	// Fault says what was wrong with the attributes that the record came with.
	Fault Fault
}

// DecideLog decides for a log record with the given trace id and values of KeyThreshold and KeyRandomness, empty for
// none, as Decide does for a span: a record and a span of one trace are both kept or both dropped, as long as the
// randomness comes from the trace id. A record without a trace id gets randomness of its own, and carries it from then
// on, so that samplers in a row agree.
func (s *Sampler) DecideLog(id pcommon.TraceID, threshold, randomness string, certain bool) LogDecision {
	var d LogDecision
	own := s.threshold
	if certain {
		own = sampling.AlwaysSampleThreshold
	}
	r, fault := logRandomness(id, randomness, certain, &d)
	d.Fault = fault
	incoming := sampling.AlwaysSampleThreshold
	if threshold != "" {
		t, err := sampling.TValueToThreshold(threshold)
		switch {
		case err != nil:
			d.Fault = Syntax
		case !t.ShouldSample(r):
			d.Fault = Inconsistent
		default:
			incoming = t
		}
	}
	if sampling.ThresholdGreater(incoming, own) {
		own = incoming
	}
	if !own.ShouldSample(r) {
		return LogDecision{Fault: d.Fault}
	}
	d.Keep, d.Threshold = true, own.TValue()
	return d
}

// logRandomness returns the randomness of a record; what was made for it is noted in d.
func logRandomness(id pcommon.TraceID, given string, certain bool, d *LogDecision) (sampling.Randomness, Fault) {
	fault := NoFault
	if given != "" {
		r, err := sampling.RValueToRandomness(given)
		if err == nil {
			return r, NoFault
		}
		fault = Syntax
	}
	if !id.IsEmpty() {
		return sampling.TraceIDToRandomness(id), fault
	}
	if certain {
		return sampling.AllProbabilitiesRandomness, fault // nothing to decide, nothing to note
	}
	r, err := sampling.UnsignedToRandomness(rand.Uint64() >> 8)
	if err != nil {
		return sampling.AllProbabilitiesRandomness, fault // cannot be: 56 bits are in range
	}
	d.Randomness = r.RValue()
	return r, fault
}
