// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestWhoIsCountedTogether sends two spans through the processor: the second one is another one of the same entity, or not.
func TestWhoIsCountedTogether(t *testing.T) {
	for name, test := range map[string]struct {
		entity string
		a, b   attrs
		same   bool
	}{
		"IPv6 of one customer":              {"ip", attrs{"client.address": "2001:db8:1:2::1"}, attrs{"client.address": "2001:DB8:1:2:ffff::9"}, true},
		"IPv6 of two customers":             {"ip", attrs{"client.address": "2001:db8:1:2::1"}, attrs{"client.address": "2001:db8:1:3::1"}, false},
		"IPv6 of one network":               {"network", attrs{"client.address": "2001:db8:1:2::1"}, attrs{"client.address": "2001:db8:1:3::1"}, true},
		"IPv6 of two networks":              {"network", attrs{"client.address": "2001:db8:1:2::1"}, attrs{"client.address": "2001:db8:2:2::1"}, false},
		"IPv4 of two customers":             {"ip", attrs{"client.address": "192.0.2.1"}, attrs{"client.address": "192.0.2.2"}, false},
		"IPv4 of one network":               {"network", attrs{"client.address": "192.0.2.1"}, attrs{"client.address": "::ffff:192.0.2.2"}, true},
		"who asks a server is its client":   {"ip", attrs{"client.address": "192.0.2.1"}, attrs{"network.peer.address": "192.0.2.1"}, true},
		"a proxy is not":                    {"ip", attrs{"client.address": "192.0.2.1"}, attrs{"client.address": "192.0.2.2", "network.peer.address": "192.0.2.1"}, false},
		"a user by number":                  {"user", attrs{"enduser.id": 42}, attrs{"user.id": "42"}, true},
		"a device":                          {"device", attrs{"device.id": "d"}, attrs{"device.id": "d", "user.id": "another"}, true},
		"a fingerprint":                     {"browser", attrs{"user_agent.original": "a", "lang": "b"}, attrs{"lang": "b", "user_agent.original": "a"}, true},
		"a fingerprint with one difference": {"browser", attrs{"user_agent.original": "a", "lang": "b"}, attrs{"user_agent.original": "a", "lang": "c"}, false},
		"a fingerprint with less":           {"browser", attrs{"user_agent.original": "a", "lang": "b"}, attrs{"user_agent.original": "a"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := defaultConfig(t)
			cfg.Entities["browser"] = EntityConfig{AllOf: []string{"user_agent.original", "lang"}}
			cfg.Features = []FeatureConfig{{Name: "seen", Type: "count", Entity: test.entity, Window: time.Hour}}
			cfg.Rules = []RuleConfig{
				{Name: "first", Condition: `Feature("seen") == 1`, Weight: 0.1},
				{Name: "second", Condition: `Feature("seen") == 2`, Weight: 0.1},
			}
			g := newRig(t, cfg)
			require.Equal(t, []any{"first"}, reasonsOf(t, g.send(t, test.a)))
			want := map[bool]any{true: "second", false: "first"}[test.same]
			assert.Equal(t, []any{want}, reasonsOf(t, g.send(t, test.b)))
		})
	}
}

// TestCalendarDaysOfTwoZones: the day of Berlin ends an hour before that of UTC.
func TestCalendarDaysOfTwoZones(t *testing.T) {
	cfg := defaultConfig(t)
	cfg.Features = []FeatureConfig{
		{Name: "berlin", Type: "sum", Of: "amount", Entity: "user", CalendarDay: "Europe/Berlin"},
		{Name: "utc", Type: "sum", Of: "amount", Entity: "user", CalendarDay: "UTC"},
	}
	cfg.Rules = []RuleConfig{
		{Name: "berlin", Condition: `Feature("berlin") > 100`, Weight: 0.1},
		{Name: "utc", Condition: `Feature("utc") > 100`, Weight: 0.1},
	}
	h := newHolding(t, cfg, nil)
	pay := func(at time.Time, amount float64) []any {
		h.now.Store(at.UnixNano())
		return reasonsOf(t, h.send(t, attrs{"user.id": "alice", "amount": amount}))
	}
	midnight := time.Date(2026, 11, 28, 23, 0, 0, 0, time.UTC) // in Berlin
	assert.Empty(t, pay(midnight.Add(-23*time.Hour), 60))
	assert.Equal(t, []any{"berlin", "utc"}, pay(midnight.Add(-time.Second), 60))
	assert.Equal(t, []any{"utc"}, pay(midnight, 60), "a new day in Berlin")
	assert.Equal(t, []any{"berlin"}, pay(midnight.Add(time.Hour), 60), "and in UTC")
	h.end(t)
}
