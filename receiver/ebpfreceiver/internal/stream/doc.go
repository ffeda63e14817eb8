// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package stream turns the records of connections that speak frames into exchanges and handshakes.
//
//	StreamOpen  -> connection: who talks to whom
//	StreamData  -> HTTP/2: http2.Reader, http2.Decoder (one a direction) -> call (one a stream) -> protocol.Exchange
//	            -> TLS:    tls.Observer                                                         -> Handshake
//	StreamEnd   -> what is open ends with its connection
//
// The kernel copies frames in the order of the stream and numbers its records. When bytes or records were missed, it says
// so or a number is missing: the direction then begins anew, what was under way in it is not known, and that is counted.
// An exchange ends where its stream does, be it the last byte of a body, trailers, a reset or the connection's end.
//
// Memory is bounded by [Settings.MaxMemory] and the number of calls by [Settings.MaxOpen]. Connections that were quiet for
// the longest time are forgotten first: at first what was learned on them, then the connections.
//
// A [Tracker] is used by one goroutine, but for its Counts.
package stream
