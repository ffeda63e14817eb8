// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// The scenarios run the example of the README through the factory, with a clock that stands still unless told otherwise.

func TestPasswordGuessingFromOneAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, loadConfig(t, "example.yaml"))
		attempt := func(user int) *ptrace.Span {
			return g.send(t, attrs{
				"client.address": "203.0.113.9", "user.id": fmt.Sprint("u", user), "url.path": "/login", "http.response.status_code": 401,
			})
		}
		for i := 1; i <= 5; i++ {
			assert.Zero(t, scoreOf(t, attempt(i)), "%d failures are no reason to worry", i)
		}
		for i := 6; i <= 10; i++ {
			span := attempt(i)
			assert.InDelta(t, 0.5, scoreOf(t, span), 1e-9)
			assert.Equal(t, []any{"many_users_on_one_ip"}, reasonsOf(t, span))
		}
		span := attempt(11)
		assert.InDelta(t, 0.8, scoreOf(t, span), 1e-9, "both rules are of one group")
		assert.Equal(t, []any{"password_guessing", "many_users_on_one_ip"}, reasonsOf(t, span))

		<-time.After(11 * time.Minute) // by the bubble's clock
		assert.InDelta(t, 0.0, scoreOf(t, attempt(1)), 1e-9, "after both windows the address is forgiven")
	})
}

func TestCardTestingByOneDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, loadConfig(t, "example.yaml"))
		var span *ptrace.Span
		for card := 1; card <= 4; card++ {
			span = g.send(t, attrs{
				"client.address": fmt.Sprintf("198.51.100.%d", card), // another address each time
				"device.id":      "d-1", "payment.card.fingerprint": fmt.Sprint("c", card), "http.response.status_code": 402,
			})
			if card < 4 {
				assert.Zero(t, scoreOf(t, span), "%d cards", card)
			}
		}
		assert.InDelta(t, 0.9, scoreOf(t, span), 1e-9)
		assert.Equal(t, []any{"card_testing"}, reasonsOf(t, span))
		level, _ := span.Attributes().Get("risk.level")
		assert.Equal(t, "critical", level.Str())

		span = g.send(t, attrs{"device.id": "d-1", "payment.card.fingerprint": "c1", "http.response.status_code": 200})
		assert.InDelta(t, 0.9, scoreOf(t, span), 1e-9, "when a card works at last, that is still the same device")
		span = g.send(t, attrs{"device.id": "d-2", "payment.card.fingerprint": "c1", "http.response.status_code": 402})
		assert.Zero(t, scoreOf(t, span), "somebody else is not concerned")
	})
}

func TestQuietUserStaysLow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, loadConfig(t, "example.yaml"))
		for i := range 500 {
			status := 200
			if i%50 == 0 {
				status = 401 // mistypes the password now and then
			}
			span := g.send(t, attrs{
				"client.address": "192.0.2.7", "user.id": "alice", "device.id": "d-alice", "url.path": "/login", "http.response.status_code": status,
			})
			if span != nil {
				require.Zero(t, scoreOf(t, span), "span %d", i)
				require.Empty(t, reasonsOf(t, span))
			}
			<-time.After(20 * time.Second) // by the bubble's clock
		}
		assert.Equal(t, map[string]int64{"low": 500}, g.sums(t, "processor_risk_spans_scored"))
	})
}

func TestFloodAndOtherGroupsAddUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, loadConfig(t, "example.yaml"))
		var span *ptrace.Span
		for range 1201 { // 20 a second, over a window of a minute
			span = g.send(t, attrs{"client.address": "203.0.113.10", "url.path": "/.env", "http.response.status_code": 500})
		}
		assert.InDelta(t, 1-0.6*0.5*0.9, scoreOf(t, span), 1e-9)
		assert.Equal(t, []any{"flood", "scanner_path", "server_error"}, reasonsOf(t, span))
	})
}

func TestFeaturesOfAbsentEntitiesMakeNoRuleFire(t *testing.T) {
	cfg := loadConfig(t, "example.yaml")
	cfg.Rules = []RuleConfig{
		{Name: "low", Condition: `Feature("ip_requests_1m") < 5`, Weight: 0.5},
		{Name: "high", Condition: `Feature("ip_requests_1m") >= 0`, Weight: 0.5},
		{Name: "unknown", Condition: `Feature("ip_requests_1m") == nil`, Weight: 0.5},
	}
	g := newRig(t, cfg)
	td := ptrace.NewTraces()
	addSpan(t, td, traceID(0), attrs{"network.peer.address": "10.0.0.1"}).SetKind(ptrace.SpanKindClient)
	out := g.consume(t, td)
	require.Len(t, out, 1)
	assert.Equal(t, []any{"unknown"}, reasonsOf(t, &out[0]), "the peer of a client is not its user")
}
