// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package tally

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestClientCountsAnsweredAndFailedRequests(t *testing.T) {
	var served Counter
	server := httptest.NewServer(served.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || string(body) != "card=4242" || r.UserAgent() != "demo/1" || r.Method != http.MethodPost {
			t.Errorf("request is %s %q by %q, error %v", r.Method, body, r.UserAgent(), err)
		}
		w.WriteHeader(http.StatusPaymentRequired)
	})))
	var sent Counter
	client := Client{HTTP: server.Client(), Counter: &sent, UserAgent: "demo/1"}

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	status, err := client.Do(ended, http.MethodPost, server.URL, "card=4242")
	if err != nil || status != http.StatusPaymentRequired {
		t.Errorf("status %d, error %v: a request that is begun has to be finished", status, err)
	}
	server.Close()
	if _, err := client.Do(t.Context(), http.MethodPost, server.URL, ""); err == nil {
		t.Error("a closed server is no error")
	}
	if _, err := client.Do(t.Context(), "bad method", server.URL, ""); err == nil {
		t.Error("a bad method is no error")
	}
	if got := sent.Tally().Add(served.Tally()); got != (Tally{Served: 1, Sent: 1, Failed: 2}) {
		t.Errorf("tally is %+v", got)
	}
}
