// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package http2

// Known is a header field that is of interest to the receiver itself.
type Known uint8

// The fields whose values are kept.
const (
	// Method, Scheme, Authority and Path are the pseudo-header fields of a request (RFC 9113 section 8.3.1); Host may
	// stand in for Authority.
	Method Known = iota
	Scheme
	Authority
	Path
	Host
	// UserAgent and ContentType are the fields of that name.
	UserAgent
	ContentType
	// TraceParent and TraceState are the W3C trace context; of two traceparents neither counts.
	TraceParent
	TraceState
	// B3 is the single field of that name; the other three are the separate ones.
	B3
	B3TraceID
	B3SpanID
	B3Sampled
	// GRPCStatus is the field grpc-status of trailers.
	GRPCStatus

	values // how many there are

	status // it becomes a number
	other  // of no interest
	unseen // nobody knows
)

// knownNames are their names.
var knownNames = map[string]Known{
	":method": Method, ":scheme": Scheme, ":authority": Authority, ":path": Path, "host": Host, "user-agent": UserAgent,
	"content-type": ContentType, "traceparent": TraceParent, "tracestate": TraceState, "b3": B3, "x-b3-traceid": B3TraceID,
	"x-b3-spanid": B3SpanID, "x-b3-sampled": B3Sampled, "grpc-status": GRPCStatus, ":status": status,
}

// name is what matters of a header field's name.
type name struct {
	known  Known
	pseudo bool   // of a pseudo-header field
	asked  uint16 // its place among the names that were asked for, from 1; 0: it was not
}

// wanted says whether somebody wants the value.
func (n name) wanted() bool { return n.known < other || n.asked != 0 }

// Names are the fields whose values are of interest. Nothing else is decoded. They may be shared.
type Names struct {
	of     map[string]name
	static [staticCount]name
}

// NewNames returns the fields that are known, and those with the names that were asked for, in lower case. Those that
// are only needed to say where a call belongs, and who made it, may be left out.
func NewNames(asked []string, context bool) *Names {
	n := &Names{of: make(map[string]name)}
	for text, known := range knownNames {
		if !context && known != Method && known != Path && known != ContentType && known != GRPCStatus && known != status {
			known = other
		}
		n.of[text] = name{known: known, pseudo: text[0] == ':'}
	}
	for i, text := range asked {
		is := n.find([]byte(text))
		is.asked = uint16(i + 1)
		n.of[text] = is
	}
	for i := range n.static {
		n.static[i] = n.find([]byte(staticText[2*i]))
	}
	return n
}

// find returns what a name is.
func (n *Names) find(text []byte) name {
	if found, ok := n.of[string(text)]; ok {
		return found
	}
	return name{known: other, pseudo: len(text) > 0 && text[0] == ':'}
}
