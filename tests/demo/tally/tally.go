// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package tally counts the HTTP exchanges that the demo's own programs made, from both ends, independently of anything
// that the collector sees: it is what the spans in Kafka are compared with.
//
// A request is counted where it is handled and where it is sent, after its answer is complete; a program that is asked
// to end finishes what it began first. So the sums of both ends agree when all programs have ended.
package tally

import (
	"net/http"
	"sync/atomic"
)

// Tally is what one program counted.
type Tally struct {
	// Served is how many requests it answered.
	Served int64 `json:"served"`
	// Sent is how many requests it sent and got the whole answer to.
	Sent int64 `json:"sent"`
	// Failed is how many requests it sent without getting an answer. The demo wants none.
	Failed int64 `json:"failed"`
	// Unexported is how many spans it could not hand to the collector; always zero when it does not make spans itself.
	Unexported int64 `json:"unexported"`
}

// Add returns the sum of both.
func (t Tally) Add(other Tally) Tally {
	return Tally{
		Served: t.Served + other.Served, Sent: t.Sent + other.Sent,
		Failed: t.Failed + other.Failed, Unexported: t.Unexported + other.Unexported,
	}
}

// Counter is a Tally in the making. Its methods may be called by several goroutines.
type Counter struct {
	served, sent, failed, unexported atomic.Int64
}

// Tally returns the counts so far.
func (c *Counter) Tally() Tally {
	return Tally{
		Served: c.served.Load(), Sent: c.sent.Load(),
		Failed: c.failed.Load(), Unexported: c.unexported.Load(),
	}
}

// Unexported counts n spans that could not be handed to the collector.
func (c *Counter) Unexported(n int) { c.unexported.Add(int64(n)) }

// Handler counts what next answers.
func (c *Counter) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r)
		c.served.Add(1)
	})
}

// Sent counts one request that was sent, by whether its answer could be read to its end.
func (c *Counter) Sent(err error) {
	if err != nil {
		c.failed.Add(1)
		return
	}
	c.sent.Add(1)
}
