// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package cause

import (
	"strconv"
	"time"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/procinfo"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
)

// traceKey is a trace in a process.
type traceKey struct {
	pid   uint32
	begun uint64
	trace [32]byte // hex digits, as in traceparent
}

// traceOf returns the trace id of a traceparent (W3C trace context): the 32 hex digits behind `00-`. Whether it is valid
// otherwise, who makes spans decides.
func traceOf(x *protocol.Exchange) (trace [32]byte, ok bool) {
	const prefix = len("00-")
	parent := x.HTTP.TraceParent
	if len(parent) < prefix+len(trace)+1 || parent[2] != '-' || parent[prefix+len(trace)] != '-' {
		return trace, false
	}
	return [32]byte(parent[prefix:]), true
}

// keyOf returns the trace that x belongs to, in the process that it was made or answered by; false if either is not known.
func keyOf(x *protocol.Exchange, p *procinfo.Process) (key traceKey, ok bool) {
	trace, ok := traceOf(x)
	return traceKey{p.PID, p.Begun, trace}, ok && p.Known()
}

// recent remembers the last failures by trace, at most max.
type recent struct {
	max   int
	byKey map[traceKey][]Failure
	order []seen
}

// seen is when a failure of a trace was noted.
type seen struct {
	key traceKey
	at  int64
}

// add notes a failure, and forgets what ended before the time oldest.
func (r *recent) add(key traceKey, failure Failure, oldest time.Time) {
	for len(r.order) > 0 && (len(r.order) >= r.max || r.order[0].at < oldest.UnixNano()) {
		first := r.order[0].key
		r.order = r.order[1:]
		if left := r.byKey[first]; len(left) > 1 {
			r.byKey[first] = left[1:]
		} else {
			delete(r.byKey, first)
		}
	}
	r.byKey[key] = append(r.byKey[key], failure)
	r.order = append(r.order, seen{key, failure.End})
}

// within returns the failures of a trace that lie within a time.
func (r *recent) within(key traceKey, start, end int64) (found []Failure) {
	for _, failure := range r.byKey[key] {
		if failure.Start >= start && failure.End <= end && len(found) < maxFailures {
			found = append(found, failure)
		}
	}
	return found
}

// outcome says whether a call failed, and how, as its span says it.
func outcome(x *protocol.Exchange) (failed bool, errorType string) {
	if x.Kind == protocol.GRPC {
		_, failed, errorType = protocol.RPCOutcome(x)
	} else {
		var how protocol.Failure
		failed, how = protocol.HTTPError(x.Side, x.HTTP.Status, x.Failure)
		errorType = how.ErrorType()
	}
	if failed && errorType == "" {
		errorType = strconv.Itoa(int(x.HTTP.Status))
	}
	return failed, errorType
}

func failed(x *protocol.Exchange) bool {
	failed, _ := outcome(x)
	return failed
}

// failureOf describes a call that failed.
func failureOf(x *protocol.Exchange) Failure {
	f := Failure{
		Local: x.Local, Peer: x.Peer, Call: true, Method: protocol.HTTPMethod(x.HTTP.Method), Status: x.HTTP.Status, Start: x.Start, End: x.End,
	}
	_, f.ErrorType = outcome(x)
	if x.Identity != nil {
		f.Span = *x.Identity
	}
	return f
}
