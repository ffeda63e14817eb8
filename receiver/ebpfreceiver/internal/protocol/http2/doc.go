// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package http2 reads HTTP/2 connections (RFC 9113) and their compressed headers (RFC 7541) as an observer, who may
// have come in the middle and may miss parts.
//
//	[preface] frame frame frame ...                 one direction of a connection: Reader
//	          length 24 | type 8 | flags 8 | R stream 31 | payload
//	HEADERS CONTINUATION ... = one header block     Reader puts it together, without padding and priority
//	block -> fields                                 Decoder, one a direction, in the order of the blocks
//
// Payloads of DATA frames may be left out of the input: the kernel does not hand them over ([Reader.Elided]). Nothing
// else of a frame is looked at before all of it is there, so input may be cut anywhere.
//
// A header block refers to fields of blocks before it, by their distance from the newest. Who came in the middle does
// not know those from before; the distance of all that came since is known. So a field that refers to an unknown one is
// left out and counted ([Fields.Unknown]), and everything else is right. After a block that was not seen as a whole the
// distances are unknown, too, and the [Decoder] starts again from nothing.
//
// What nobody wants is not looked at: a value is decoded, and remembered, if its name is one of [Names]. Of all others only
// the places in the table are kept. So a wrong Huffman code in a value of no interest goes unnoticed; where the value ends
// is known without it.
//
// Memory is bounded: a Reader keeps at most its limit of one header block, a Decoder at most twice its limit of values.
// [Fields] are valid until they are decoded to again, a Frame during the call only. Nothing is allocated but what a Decoder
// remembers. But for Names, no type is safe for concurrent use.
package http2
