// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package otlp writes pdata as OTLP protobuf into memory that is used again.
//
// pdata's own marshaller walks the data twice, for the size and for the bytes, and allocates the result, which the
// runtime has to clear first. A [Writer] walks once: it writes backwards, from the end of its buffer to the front, so that the
// length of a message is known when its prefix is due, and keeps the buffer.
//
//	front                                           end
//	| free | prefix, message 1 | prefix, message 2 |
//	       ^ at         <---- growth: the bytes move to the end of a larger buffer
//
// A place in the buffer is told by its distance from the end ([Writer.Mark]): that stays the same when the buffer grows.
// Within a message the fields come in the order in which pdata's marshaller puts them, the highest number first, and so the bytes
// are the same as pdata's. Source: opentelemetry-proto 1.x, the protobuf encoding's specification.
//
// What pdata's API does not show is not written: references into the string table of a profiles request (key_strindex,
// string_value_strindex), which mean nothing in the other signals.
//
// Concurrency: a Writer is for one goroutine at a time. Ownership: the slices that [Writer.Bytes] returns belong to the
// Writer and are valid until [Writer.Reset]; nothing refers to the pdata afterwards.
package otlp
