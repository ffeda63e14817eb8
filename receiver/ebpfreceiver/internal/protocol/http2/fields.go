// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package http2

// Fields are the facts that a header block tells. Nil slices were not seen.
type Fields struct {
	// Method, Scheme, Authority and Path are the pseudo-header fields of a request (RFC 9113 section 8.3.1); Host may
	// stand in for Authority.
	Method, Scheme, Authority, Path, Host []byte
	// UserAgent and ContentType are the fields of that name.
	UserAgent, ContentType []byte
	// TraceParent and TraceState are the W3C trace context; of two traceparents neither counts.
	TraceParent, TraceState []byte
	// B3 is the single field of that name; B3TraceID, B3SpanID and B3Sampled are the separate ones.
	B3, B3TraceID, B3SpanID, B3Sampled []byte
	// GRPCStatus is the field grpc-status of trailers.
	GRPCStatus []byte
	// Names are those of further fields that are taken, in lower case; who decodes sets them. Taken is what was found of
	// them, in order.
	Names []string
	Taken []Taken
	// Unknown counts fields that refer to something that was not seen: they may be any of the above.
	Unknown int
	// Status is the status code of a response; 0 if there is none.
	Status uint16
	// Head says that there is a pseudo-header field: the block begins a message, and is no trailers.
	Head bool
	// Several says that there are two traceparents.
	several bool
}

// Taken is a field that was asked for.
type Taken struct {
	// Name is its place in [Fields].Names.
	Name int
	// Value is as sent; it has no control characters.
	Value []byte
}

// add takes in one field. The first of several counts, as recipients mostly see it.
func (f *Fields) add(new field) {
	if !new.known {
		f.Unknown++
		return
	}
	if len(new.name) == 0 {
		return
	}
	f.Head = f.Head || new.name[0] == ':'
	for i, name := range f.Names {
		if string(new.name) == name && plain(new.value) {
			f.Taken = append(f.Taken, Taken{i, new.value})
		}
	}
	switch string(new.name) {
	case ":status":
		if f.Status == 0 {
			f.Status = parseStatus(new.value)
		}
		return
	case "traceparent":
		f.several = f.several || f.TraceParent != nil
		f.TraceParent = new.value
		if f.several {
			f.TraceParent = nil
		}
		return
	}
	if to := f.place(new.name); to != nil && *to == nil && plain(new.value) {
		*to = new.value
	}
}

// place returns where the value of the field with that name goes; nil if it is of no interest.
func (f *Fields) place(name []byte) *[]byte {
	switch string(name) {
	case ":method":
		return &f.Method
	case ":scheme":
		return &f.Scheme
	case ":authority":
		return &f.Authority
	case ":path":
		return &f.Path
	case "host":
		return &f.Host
	case "user-agent":
		return &f.UserAgent
	case "content-type":
		return &f.ContentType
	case "tracestate":
		return &f.TraceState
	case "b3":
		return &f.B3
	case "x-b3-traceid":
		return &f.B3TraceID
	case "x-b3-spanid":
		return &f.B3SpanID
	case "x-b3-sampled":
		return &f.B3Sampled
	case "grpc-status":
		return &f.GRPCStatus
	}
	return nil
}

// parseStatus reads three digits; 0 if text is something else.
func parseStatus(text []byte) uint16 {
	if len(text) != 3 {
		return 0
	}
	var n uint16
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0
		}
		n = n*10 + uint16(c-'0')
	}
	if n < 100 {
		return 0
	}
	return n
}

// plain says whether value is text: no control character but the tabulator (RFC 9110 section 5.5).
func plain(value []byte) bool {
	for _, c := range value {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
