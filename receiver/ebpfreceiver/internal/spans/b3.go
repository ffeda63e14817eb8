// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package spans

import (
	"bytes"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
)

// parentOf returns the parent that a request names: by W3C trace context, else by B3 in one field, else in several.
func parentOf(h *protocol.HTTP) (p parent, ok bool) {
	if p, ok = parseTraceParent(h.TraceParent); ok {
		return p, true
	}
	if p, ok = parseB3(h.B3); ok {
		return p, true
	}
	return b3Parent(h.B3TraceID, h.B3SpanID, h.B3Sampled)
}

// parseB3 reads `traceid-spanid[-sampled[-parentspanid]]` (github.com/openzipkin/b3-propagation, "Single Header").
func parseB3(text []byte) (p parent, ok bool) {
	trace, rest, found := bytes.Cut(text, []byte{'-'})
	if !found {
		return p, false // only whether to sample
	}
	span, rest, _ := bytes.Cut(rest, []byte{'-'})
	sampled, _, _ := bytes.Cut(rest, []byte{'-'})
	return b3Parent(trace, span, sampled)
}

// b3Parent reads a trace id of 64 or 128 bits, a span id and `0`, `1`, `d` or nothing. Nothing leaves the decision to
// others, and since the span is there it is taken as sampled.
func b3Parent(trace, span, sampled []byte) (p parent, ok bool) {
	id := p.trace[:]
	if len(trace) == 2*len(id)/2 {
		id = id[len(id)/2:]
	}
	if len(trace) != 2*len(id) || len(span) != 2*len(p.span) || !decode(id, trace) || !decode(p.span[:], span) {
		return parent{}, false
	}
	if string(sampled) != "0" && string(sampled) != "false" {
		p.flags = flagSampled
	}
	if p.trace.IsEmpty() || p.span.IsEmpty() {
		return parent{}, false
	}
	return p, true
}
