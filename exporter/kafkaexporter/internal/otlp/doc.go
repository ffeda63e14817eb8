// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package otlp appends pdata as OTLP protobuf to memory that is used again.
//
// pdata's own marshaller walks the data twice, for the size and for the bytes, the second time from the end to the front, and
// allocates the result, which the runtime has to clear first. The functions of this package walk once and forwards, in the
// order in which the data lies in memory, which is what processors fetch ahead. A message's length stands in front of it and
// is known behind it: [Begin] leaves as many bytes for it as it will take as a rule, and [End] moves the message by a byte or
// two where that was wrong.
//
//	before | tag | length | content, appended by whoever | free
//	                      ^ start                        ^ End writes the length
//
// Within a message the fields come in the order in which pdata's marshaller puts them, the highest number first, and so the bytes
// are the same as pdata's. Source: opentelemetry-proto 1.x, the protobuf encoding's specification.
//
// What pdata's API does not show is not written: references into the string table of a profiles request (key_strindex,
// string_value_strindex), which mean nothing in the other signals.
//
// Concurrency: the functions are pure. Ownership: nothing refers to the pdata afterwards.
package otlp
