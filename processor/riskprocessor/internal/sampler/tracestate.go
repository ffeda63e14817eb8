// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package sampler

import (
	"strings"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/sampling"
)

const (
	otelKey = "ot="
	// maxMembers is the number of members that a tracestate may have (W3C Trace Context, section 3.3.1.1).
	maxMembers = 32
	// maxValue is the length that the value of our member may have (OpenTelemetry, Tracestate handling).
	maxValue = 256
)

// traceState is a tracestate taken apart as far as it concerns us: our member is parsed, the others are kept as they
// are. A parser that understood the others would have to drop what it does not understand, and they are not ours.
type traceState struct {
	ot     sampling.OpenTelemetryTraceState
	others []string
}

// parse takes a tracestate apart. Of several members of ours the first counts, the later ones are dropped.
func parse(text string) (traceState, Fault) {
	var (
		state traceState
		fault Fault
		found bool
	)
	for member := range strings.SplitSeq(text, ",") {
		member = strings.Trim(member, " \t")
		value, ours := strings.CutPrefix(member, otelKey)
		switch {
		case member == "":
		case !ours:
			state.others = append(state.others, member)
		case !found:
			found = true
			ot, err := sampling.NewOpenTelemetryTraceState(value)
			if err != nil {
				fault = Syntax // what could be read of ot is still there: the error is for the rest
			}
			state.ot = ot
		}
	}
	return state, fault
}

// with returns the tracestate with the given threshold. Our member, being changed, moves to the front (W3C Trace
// Context, section 3.5), and if that makes one member too many the last one goes, as the standard asks.
func (t *traceState) with(threshold sampling.Threshold) string {
	var b strings.Builder
	b.WriteString(otelKey)
	if rv := t.ot.RValue(); rv != "" {
		b.WriteString("rv:")
		b.WriteString(rv)
		b.WriteByte(';')
	}
	b.WriteString("th:")
	b.WriteString(threshold.TValue())
	for _, extra := range t.ot.ExtraValues() {
		if b.Len()-len(otelKey)+len(extra.Key)+len(extra.Value)+2 > maxValue {
			break // a value that is too long would be refused as a whole, threshold and all
		}
		b.WriteByte(';')
		b.WriteString(extra.Key)
		b.WriteByte(':')
		b.WriteString(extra.Value)
	}
	for _, member := range t.others[:min(len(t.others), maxMembers-1)] {
		b.WriteByte(',')
		b.WriteString(member)
	}
	return b.String()
}

// compose returns a tracestate of nothing but a threshold.
func compose(threshold sampling.Threshold) string {
	var t traceState
	return t.with(threshold)
}
