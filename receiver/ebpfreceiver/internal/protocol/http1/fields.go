// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"bytes"
	"math"
)

// add takes in a field that requests and responses share. Fields are told by their length first: of the many that a
// head has, few share it with one that matters.
func (f *Fields) add(name, value []byte) error {
	switch len(name) {
	case len("upgrade"): // and trailer
		f.Upgrade = f.Upgrade || fold(name, "upgrade")
		f.Trailer = f.Trailer || fold(name, "trailer")
	case len("connection"):
		if fold(name, "connection") {
			f.addConnection(value)
		}
	case len("content-length"):
		if fold(name, "content-length") {
			return f.addContentLength(value)
		}
	case len("transfer-encoding"):
		if fold(name, "transfer-encoding") {
			f.addTransferEncoding(value)
		}
	}
	return nil
}

// addConnection takes in the options of a Connection field (RFC 9110 section 7.6.1).
func (f *Fields) addConnection(list []byte) {
	for len(list) > 0 {
		var option []byte
		option, list = cutElement(list)
		f.Close = f.Close || fold(option, "close")
		f.KeepAlive = f.KeepAlive || fold(option, "keep-alive")
	}
}

// addTransferEncoding takes in the codings of one field line. Only the last one matters: if it is `chunked`, the
// message says itself where it ends.
func (f *Fields) addTransferEncoding(list []byte) {
	f.TransferEncoding = true
	for len(list) > 0 {
		var coding []byte
		coding, list = cutElement(list)
		if len(coding) == 0 {
			continue
		}
		if i := bytes.IndexByte(coding, ';'); i >= 0 {
			coding = trim(coding[:i])
		}
		f.Chunked = fold(coding, "chunked")
	}
}

// addContentLength takes in one Content-Length line. The same number several times, in one line or in many, counts
// once (RFC 9110 section 8.6); anything else makes every length of the message worthless.
func (f *Fields) addContentLength(list []byte) error {
	for {
		var element []byte
		element, list = cutElement(list)
		n, ok := parseLength(element)
		if !ok || f.badLength || f.ContentLength >= 0 && f.ContentLength != n {
			f.badLength = true
			f.ContentLength = -1
			return ErrContentLength
		}
		f.ContentLength = n
		if list == nil {
			return nil
		}
	}
}

// parseLength reads a number of decimal digits that fits an int64.
func parseLength(digits []byte) (int64, bool) {
	if len(digits) == 0 {
		return 0, false
	}
	var n int64
	for _, c := range digits {
		if c < '0' || c > '9' || n > (math.MaxInt64-int64(c-'0'))/10 {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// add takes in one field of a request.
func (r *Request) add(name, value []byte) error {
	switch len(name) {
	case len("host"):
		if fold(name, "host") {
			return r.addHost(value)
		}
	case len("expect"):
		if fold(name, "expect") {
			r.ExpectContinue = r.ExpectContinue || fold(value, "100-continue")
		}
	case len("user-agent"): // and connection, tracestate
		switch {
		case fold(name, "user-agent"):
			r.UserAgent = text(r.UserAgent, value)
			return nil
		case fold(name, "tracestate"):
			r.TraceState = text(r.TraceState, value)
			return nil
		}
	case len("traceparent"): // and x-b3-spanid
		switch {
		case fold(name, "traceparent"):
			r.addTraceParent(value)
		case fold(name, "x-b3-spanid"):
			r.B3SpanID = text(r.B3SpanID, value)
		}
	case len("b3"):
		if fold(name, "b3") {
			r.B3 = text(r.B3, value)
		}
	case len("x-b3-traceid"): // and x-b3-sampled
		switch {
		case fold(name, "x-b3-traceid"):
			r.B3TraceID = text(r.B3TraceID, value)
		case fold(name, "x-b3-sampled"):
			r.B3Sampled = text(r.B3Sampled, value)
		}
	}
	return r.Fields.add(name, value)
}

// addHost takes in a Host field. Two that differ leave none: which one the server follows is its secret.
func (r *Request) addHost(value []byte) error {
	switch {
	case r.Host == nil && plain(value):
		r.Host = value
		return nil
	case bytes.Equal(r.Host, value):
		return nil
	}
	r.Host = []byte{}
	return ErrField
}

// addTraceParent takes in a traceparent field; of two, neither counts (W3C trace context, section 3.2).
func (r *Request) addTraceParent(value []byte) {
	if r.traceParents < 2 {
		r.traceParents++
	}
	r.TraceParent = nil
	if r.traceParents == 1 && plain(value) {
		r.TraceParent = value
	}
}

// text returns the value to keep of a field whose value so far is old.
func text(old, value []byte) []byte {
	if old != nil || !plain(value) {
		return old
	}
	return value
}
