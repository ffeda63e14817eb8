// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/otelcol-risk/otelcol-risk/tests/demo/tally"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// log keeps who asked for what.
type log struct {
	mu       sync.Mutex // guards requests
	requests map[string]map[string]int
}

func (l *log) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = err.Error()
	}
	page, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.requests[host] == nil {
		l.requests[host] = map[string]int{}
	}
	l.requests[host][page]++
}

func TestCrowdBehavesAsDescribedAndIsCounted(t *testing.T) {
	var served, sent tally.Counter
	visits := &log{requests: map[string]map[string]int{}}
	server := httptest.NewServer(served.Handler(visits))
	defer server.Close()

	ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
	defer cancel()
	var wrapped atomic.Int32
	crowd := Crowd{
		Storefront: server.Listener.Addr().String(), Duration: 200 * time.Millisecond, Counter: &sent,
		Wrap: func(next http.RoundTripper) http.RoundTripper { wrapped.Add(1); return next },
	}
	crowd.Run(ctx)

	if got := sent.Tally(); got.Sent == 0 || got.Failed != 0 || got.Sent != served.Tally().Served {
		t.Errorf("sent %+v, served %+v", got, served.Tally())
	}
	if wrapped.Load() == 0 {
		t.Error("no transport was wrapped")
	}
	if !canUse(guesserHost) {
		t.Skip("needs the addresses 127.0.0.x: run on Linux")
	}
	if got := visits.requests["127.0.0.66"]["login"]; got < 5 {
		t.Errorf("the guesser tried %d times", got)
	}
	if visits.requests["127.0.0.77"]["checkout"] == 0 || visits.requests["127.0.0.78"]["checkout"] == 0 {
		t.Errorf("visits are %v", visits.requests)
	}
	if visits.requests["127.0.0.11"][""] == 0 {
		t.Errorf("visits are %v", visits.requests)
	}
}
