// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package exchange

import (
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/event"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol/http1"
)

// body is how the end of a response is told from the number of bytes that have passed.
type body struct {
	framing http1.Framing
	interim bool   // a 1xx response: the final one is still to come
	before  uint64 // bytes of the response stream before this head: those of interim responses
	total   uint64 // bytes of the response stream at its end; 0: the head was cut, so it cannot be known
	head    uint64 // bytes of the response stream up to the end of this head; 0: it was cut
	least   uint64 // fewest bytes of the response stream at its end, if the head was cut
	trailer bool   // the head announces trailers
}

// newBody frames the response r to a request with method; before is the number of response bytes that came before it, and
// captured that up to the last one that was read of it.
func newBody(method []byte, r *http1.Response, before, captured uint64) body {
	framed := http1.ResponseBody(method, r)
	b := body{framing: framed.Framing, before: before, trailer: r.Trailer}
	if r.Complete {
		b.head = before + uint64(r.HeadLen)
	} else {
		b.least = captured + 1 + uint64(framed.Length)
	}
	b.interim = r.Status/100 == 1 && framed.Framing != http1.Tunnel
	if r.Complete && (framed.Framing == http1.Empty || framed.Framing == http1.Length) {
		b.total = b.head + uint64(framed.Length)
	}
	return b
}

// complete says whether the response has ended with the packet that brought it to so many bytes and had those flags. A
// response without a body and one that turns the connection into a tunnel end with their head, even one that was cut:
// what follows the cut is the rest of the head, a few packets later at most.
func (b *body) complete(bytes uint64, flags event.Flags) bool {
	switch {
	case b.interim:
		return false
	case b.framing == http1.Empty, b.framing == http1.Tunnel:
		return bytes >= b.total
	case b.framing == http1.Length:
		return b.total > 0 && bytes >= b.total
	case b.framing == http1.Chunked:
		return flags&event.ChunkEnd != 0
	}
	return false
}

// trailed says whether the packet that brought the response to so many bytes and had those flags may have ended it with
// trailers: text may look like that.
func (b *body) trailed(bytes uint64, flags event.Flags) bool {
	return b.framing == http1.Chunked && flags&event.EmptyLine != 0 && bytes > b.head
}

// endsWithConnection says whether an orderly close after so many bytes is the response's end, or may be.
func (b *body) endsWithConnection(bytes uint64) bool {
	switch {
	case b.interim, b.framing == http1.Chunked:
		return false
	case b.framing == http1.Length && b.total > 0:
		return bytes >= b.total
	}
	return true
}

// endUnknown says that no count of bytes can tell the end: only the next request, the close, or silence once least have
// passed.
func (b *body) endUnknown() bool {
	return b.framing == http1.Unknown || b.framing == http1.Length && b.total == 0
}
