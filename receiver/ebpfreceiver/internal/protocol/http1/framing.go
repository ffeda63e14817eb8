// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package http1

// Framing says how the end of a message's body is found.
type Framing uint8

// The framings of RFC 9112 section 6.3.
const (
	// Unknown: the head was cut before it says, or what it says is contradictory.
	Unknown Framing = iota
	// Empty: the message ends with its head.
	Empty
	// Length: Body.Length bytes follow the head.
	Length
	// Chunked: chunks follow, the last one empty.
	Chunked
	// UntilClose: the message ends with the connection.
	UntilClose
	// Tunnel: what follows the head is no HTTP/1 any more: 101 to an upgrade, 2xx to CONNECT.
	Tunnel
)

// Body is where a message ends, counted from the end of its head. If the head was cut, where that is is not known.
type Body struct {
	// Length is the number of bytes of a body whose Framing is Length, else 0.
	Length int64
	// Framing is how the end is found.
	Framing Framing
}

// RequestBody returns how the body of a request is framed. A cut head that named a framing already is believed: a
// message must not name two.
func RequestBody(r *Request) Body {
	switch {
	case r.badLength, r.TransferEncoding && !r.Chunked, r.TransferEncoding && r.Minor == 0:
		return Body{}
	case r.Chunked:
		return Body{Framing: Chunked}
	case r.ContentLength >= 0:
		return Body{Framing: Length, Length: r.ContentLength}
	case !r.Complete:
		return Body{}
	default:
		return Body{Framing: Empty}
	}
}

// ResponseBody returns how the body of a response to a request with that method is framed. The status and the method
// come first: they decide however much of the head was seen.
func ResponseBody(method []byte, r *Response) Body {
	switch status := r.Status; {
	case status == 101:
		return Body{Framing: Tunnel}
	case status/100 == 1, status == 204, status == 304, string(method) == "HEAD":
		return Body{Framing: Empty}
	case status/100 == 2 && string(method) == "CONNECT":
		return Body{Framing: Tunnel}
	}
	switch {
	case r.TransferEncoding && r.Minor == 0:
		return Body{Framing: UntilClose}
	case r.Chunked:
		return Body{Framing: Chunked}
	case r.TransferEncoding && r.Complete:
		return Body{Framing: UntilClose}
	case r.TransferEncoding, r.badLength:
		return Body{}
	case r.ContentLength >= 0:
		return Body{Framing: Length, Length: r.ContentLength}
	case !r.Complete:
		return Body{}
	default:
		return Body{Framing: UntilClose}
	}
}
