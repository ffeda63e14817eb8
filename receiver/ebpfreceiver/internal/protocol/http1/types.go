// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package http1

import "errors"

var (
	// ErrStartLine is returned when the input does not begin with an HTTP/1 start line.
	ErrStartLine = errors.New("parse start line: not HTTP/1")
	// ErrCut is returned when the input ends within a start line of which too little is there.
	ErrCut = errors.New("parse start line: input ends before it says enough")
	// ErrField is returned when a field line is malformed, or a second Host says something else.
	ErrField = errors.New("parse field line: malformed")
	// ErrContentLength is returned when Content-Length is not a number, or is there twice with different numbers.
	ErrContentLength = errors.New("parse content-length: invalid or contradictory")
)

// Fields are the facts that requests and responses share.
type Fields struct {
	// ContentLength is the value of Content-Length; -1 if there is none, or none that is valid.
	ContentLength int64
	// HeadLen is the number of input bytes that the head takes, its empty line included; 0 unless Complete.
	HeadLen int
	// Minor is the second number of the version: 1 for HTTP/1.1.
	Minor uint8
	// Complete says that the empty line that ends the head was seen.
	Complete bool
	// TransferEncoding says that there is a Transfer-Encoding; Chunked, that the last coding it names is `chunked`.
	TransferEncoding, Chunked bool
	// Close and KeepAlive say that Connection names that option.
	Close, KeepAlive bool
	// Upgrade says that there is an Upgrade field; Trailer, that fields are announced that follow the body.
	Upgrade, Trailer bool
	// badLength says that Content-Length was refused, so that a later, valid one is, too.
	badLength bool
}

// Request is what [ParseRequest] finds. Nil slices were not seen.
type Request struct {
	// Method, Target, Host, UserAgent, TraceParent and TraceState are as sent, without surrounding white space. A
	// value with line ends or control characters in it is absent. So are two traceparents (W3C trace context, section
	// 3.2) and two Hosts that differ; of other fields that are there twice the first counts, which of tracestate
	// leaves the newest entries (section 3.3).
	Method, Target, Host, UserAgent, TraceParent, TraceState []byte
	// B3, B3TraceID, B3SpanID and B3Sampled are the fields b3, x-b3-traceid, x-b3-spanid and x-b3-sampled.
	B3, B3TraceID, B3SpanID, B3Sampled []byte
	Fields
	// TargetCut says that the request line's end was not seen: Target is what is there of it, or all of it and the
	// beginning of the version; Minor is not known.
	TargetCut bool
	// ExpectContinue says that the client waits for a 100 response before it sends the body.
	ExpectContinue bool

	traceParents uint8
}

// Response is what [ParseResponse] finds.
type Response struct {
	Fields
	// Status is the status code, 100 to 999.
	Status uint16
}
