// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"runtime"
	"slices"
	"sync"
	"time"
)

// processors is the number of processors of this host.
var processors = float64(runtime.NumCPU())

// request is what is sent; nginx answers with the body "hello\n".
const request = "GET / HTTP/1.1\r\nHost: overhead\r\n\r\n"

// paced is how requests at a steady rate went.
type paced struct {
	sent      int64
	latencies []time.Duration // sorted
}

// percentile returns the latency that this share of the requests had at most, in microseconds.
func (p *paced) percentile(share float64) float64 {
	if len(p.latencies) == 0 {
		return 0
	}
	return float64(p.latencies[int(share*float64(len(p.latencies)-1))]) / 1e3
}

// pace sends requests at a rate over persistent connections, each with one request at a time. Requests are due at fixed
// times; a connection that is late makes up for it.
func (s *webServer) pace(ctx context.Context, rate float64, o options) (*paced, error) {
	var mu sync.Mutex
	var running sync.WaitGroup
	var all paced
	var first error
	begun := time.Now()
	for i := range o.connections {
		running.Go(func() {
			each := time.Duration(float64(o.connections) / rate * 1e9)
			latencies, err := s.paceOne(ctx, begun.Add(each*time.Duration(i)/time.Duration(o.connections)), begun.Add(o.duration), each)
			mu.Lock()
			defer mu.Unlock()
			all.sent += int64(len(latencies))
			all.latencies = append(all.latencies, latencies...)
			if err != nil && first == nil {
				first = err
			}
		})
	}
	running.Wait()
	slices.Sort(all.latencies)
	return &all, first
}

// paceOne sends the requests of one connection.
func (s *webServer) paceOne(ctx context.Context, due, end time.Time, each time.Duration) ([]time.Duration, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.addr)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	latencies := make([]time.Duration, 0, int(end.Sub(due)/each)+1)
	timer := time.NewTimer(0)
	defer timer.Stop()
	answer := make([]byte, 4096)
	for ; due.Before(end); due = due.Add(each) {
		if wait := time.Until(due); wait > 0 {
			timer.Reset(wait)
			<-timer.C
		}
		sent := time.Now()
		if _, err := conn.Write([]byte(request)); err != nil {
			return latencies, err
		}
		n, err := conn.Read(answer)
		if err != nil {
			return latencies, err
		}
		if !bytes.HasSuffix(answer[:n], []byte("hello\n")) {
			return latencies, fmt.Errorf("read answer: %q", answer[:n])
		}
		latencies = append(latencies, time.Since(sent))
	}
	return latencies, nil
}
