// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package shop is the demo's shop: four small HTTP services that know nothing of telemetry.
//
//	storefront --+--> catalog            always well
//	             +--> payment            slow at times, declines cards whose number is none
//	             +--> recommendations    fails at times
//
// The storefront hides a failing recommendation from its visitor and passes everything else on.
package shop

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/otelcol-risk/otelcol-risk/tests/demo/tally"
)

// Names of the services.
const (
	Storefront      = "storefront"
	Catalog         = "catalog"
	Payment         = "payment"
	Recommendations = "recommendations"
)

// Services lists them all, the entry service last: the order in which they have to be started.
func Services() []string { return []string{Catalog, Payment, Recommendations, Storefront} }

// Dependencies are the services that the storefront calls.
type Dependencies struct {
	// Client sends the storefront's requests.
	Client *tally.Client
	// Addr has the address, host:port, of each service by name.
	Addr map[string]string
}

// Handler returns what a service does. Bad times are counted from the moment of the call. It is safe for concurrent
// use, as every handler is.
func Handler(service string, deps Dependencies) (http.Handler, error) {
	trouble := newTrouble(time.Now)
	switch service {
	case Catalog:
		return catalog(), nil
	case Payment:
		return payment(trouble), nil
	case Recommendations:
		return recommendations(trouble), nil
	case Storefront:
		return storefront{deps}.handler(), nil
	}
	return nil, fmt.Errorf("unknown service %q", service)
}

func catalog() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /products", text("anvil\nrocket skates\ntornado seeds\n"))
	mux.HandleFunc("GET /products/{id}", text("anvil, 50 kg\n"))
	return mux
}

func payment(trouble trouble) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /payments", func(w http.ResponseWriter, r *http.Request) {
		if trouble.now() {
			pause(r.Context(), 600*time.Millisecond+rand.N(300*time.Millisecond))
		}
		if !validCard(r.PostFormValue("card")) {
			http.Error(w, "declined", http.StatusPaymentRequired)
			return
		}
		text("paid\n")(w, r)
	})
	return mux
}

func recommendations(trouble trouble) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /similar/{id}", func(w http.ResponseWriter, r *http.Request) {
		if trouble.now() {
			http.Error(w, "model is not loaded", http.StatusServiceUnavailable)
			return
		}
		text("rocket skates\n")(w, r)
	})
	return mux
}

func text(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		// The visitor who does not read the answer misses nothing that we could tell it in another way.
		_, _ = w.Write([]byte(body))
	}
}

// pause waits, but not longer than the visitor does.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
