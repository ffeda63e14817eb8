// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package tally

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestCounterCountsBothEnds(t *testing.T) {
	var counter Counter
	answered := false
	handler := counter.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		answered = true
		if got := counter.Tally().Served; got != 0 {
			t.Errorf("counted %d before the answer", got)
		}
	}))
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", http.NoBody))
	counter.Sent(nil)
	counter.Sent(nil)
	counter.Sent(errors.New("connection reset"))
	counter.Unexported(3)
	if want := (Tally{Served: 1, Sent: 2, Failed: 1, Unexported: 3}); counter.Tally() != want || !answered {
		t.Errorf("tally is %+v, want %+v", counter.Tally(), want)
	}
}

func TestTalliesAddUp(t *testing.T) {
	sum := Tally{Served: 1, Sent: 2}.Add(Tally{Sent: 3, Failed: 4, Unexported: 5})
	if want := (Tally{Served: 1, Sent: 5, Failed: 4, Unexported: 5}); sum != want {
		t.Errorf("sum is %+v, want %+v", sum, want)
	}
}
