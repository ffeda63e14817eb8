// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package spans

import (
	"encoding/hex"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// Bits of a span's flags in OTLP: the lowest eight are W3C trace flags, the next two say whether the parent is known to
// be in another process, and if so whether it is.
const (
	flagSampled     = 0x01
	flagRandom      = 0x02
	flagRemoteKnown = 0x100
	flagRemote      = 0x200
)

// maxTraceState is the length that every vendor passes on (W3C trace context, section 3.3.1.5); a longer one is dropped
// rather than cut.
const maxTraceState = 512

// parent is what a traceparent names.
type parent struct {
	trace pcommon.TraceID
	span  pcommon.SpanID
	flags byte
	w3c   bool // by a traceparent: without a valid one, a tracestate says nothing (section 3.3)
}

// parseTraceParent reads `version-traceid-parentid-flags` in lower-case hex (W3C trace context, section 3.2):
//
//	00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
//	0  3                                36               53  55
//
// A version later than 00 may go on behind the flags with another dash; ff is none.
func parseTraceParent(text []byte) (p parent, ok bool) {
	const end = 55
	if len(text) < end || text[2] != '-' || text[35] != '-' || text[52] != '-' || !lowerHex(text[:2]) {
		return p, false
	}
	switch version := string(text[:2]); {
	case version == "ff", version == "00" && len(text) != end, len(text) > end && text[end] != '-':
		return p, false
	}
	var flags [1]byte
	if !decode(p.trace[:], text[3:35]) || !decode(p.span[:], text[36:52]) || !decode(flags[:], text[53:end]) {
		return parent{}, false
	}
	p.flags, p.w3c = flags[0], true
	if p.trace.IsEmpty() || p.span.IsEmpty() {
		return parent{}, false
	}
	return p, true
}

// decode reads lower-case hex.
func decode(to, text []byte) bool {
	if !lowerHex(text) {
		return false
	}
	n, err := hex.Decode(to, text)
	return err == nil && n == len(to)
}

// lowerHex says whether text is lower-case hex digits.
func lowerHex(text []byte) bool {
	for _, c := range text {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// validTraceState says whether text may be passed on: printable ASCII of a length that others pass on, too. What it
// says is for its readers.
func validTraceState(text []byte) bool {
	for _, c := range text {
		if c != '\t' && (c < ' ' || c > '~') {
			return false
		}
	}
	return len(text) > 0 && len(text) <= maxTraceState
}
