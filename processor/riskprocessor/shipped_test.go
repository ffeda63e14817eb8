// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/injection"
	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/rule"
)

// packConfig uses the named packs and nothing else.
func packConfig(tb testing.TB, names ...string) *Config {
	tb.Helper()
	cfg := defaultConfig(tb)
	cfg.RulePacks, cfg.Learned.Enabled = names, false
	return cfg
}

// packsOfRecords are the packs that tell from records alone; that of the Core Rule Set is tested in crs_test.go.
func packsOfRecords() []string {
	return slices.DeleteFunc(RulePacks(), func(pack string) bool { return pack == "crs" })
}

// request is a span of a server, as the conventions have it.
type request struct {
	attrs    attrs
	duration time.Duration
	client   bool          // a call instead
	wait     time.Duration // before it
}

// traffic is requests, number i of n.
type traffic struct {
	n    int
	each func(i int) request
}

const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"

// packTraffic is attacks by the reason that they must get in the end, and ordinary traffic that must get none, by pack.
func packTraffic() map[string]struct {
	attacks  map[string]traffic
	ordinary []traffic
} {
	type cases = struct {
		attacks  map[string]traffic
		ordinary []traffic
	}
	one := func(a attrs) traffic {
		return traffic{1, func(int) request { return request{attrs: a} }}
	}
	return map[string]cases{
		"scanner": {
			map[string]traffic{
				"scanner.path":       one(attrs{"url.path": "/%2egit/config"}),
				"scanner.user_agent": one(attrs{"user_agent.original": "sqlmap/1.8 (https://sqlmap.org)", "url.path": "/"}),
				"scanner.missing": {40, func(i int) request {
					return request{attrs: attrs{"client.address": "203.0.113.1", "url.path": fmt.Sprint("/x", i), "http.response.status_code": 404}}
				}},
			},
			[]traffic{
				one(attrs{"url.path": "/blog/what-is-git", "user_agent.original": firefox}),
				{300, func(i int) request { // a broken link on a page that somebody reads again and again
					return request{attrs: attrs{"client.address": "203.0.113.2", "url.path": "/logo.png", "http.response.status_code": 404 - 204*(i%2)}}
				}},
			},
		},
		"injection": {
			map[string]traffic{
				"injection.sql":     one(attrs{"url.path": "/item", "url.query": "id=1%27+OR+%271%27%3D%271"}),
				"injection.script":  one(attrs{"url.path": "/search", "url.query": "q=%3Cscript%3Ealert(1)%3C/script%3E"}),
				"injection.path":    one(attrs{"url.path": "/static/%252e%252e/%252e%252e/etc/passwd"}),
				"injection.command": one(attrs{"url.path": "/ping", "url.query": "host=127.0.0.1%3Bcat%20/etc/hostname"}),
				"injection.code":    one(attrs{"url.path": "/", "user_agent.original": "${jndi:ldap://203.0.113.3/a}"}),
				"injection.address": one(attrs{"url.path": "/fetch", "url.query": "url=http://169.254.169.254/latest/meta-data"}),
				"injection.repeated": {3, func(i int) request {
					return request{attrs: attrs{"client.address": "203.0.113.4", "url.path": "/i", "url.query": fmt.Sprintf("id=%d'+or+1=1--", i)}}
				}},
			},
			[]traffic{
				one(attrs{"url.path": "/search", "url.query": "q=it%27s+5+o%27clock+%26+more", "user_agent.original": firefox}),
				one(attrs{"url.path": "/select/union-station/drop-off", "url.query": "sort=price&order=asc&email=a%40example.com"}),
				one(attrs{"url.path": "/login", "url.query": "next=https%3A%2F%2Fshop.example%2Fcart%3Fid%3D7"}),
			},
		},
		"credential_stuffing": {
			map[string]traffic{
				"credential_stuffing.many_users": {12, func(i int) request { return login("203.0.113.5", fmt.Sprint("u", i), 401) }},
				"credential_stuffing.guessing":   {25, func(int) request { return login("203.0.113.6", "root", 401) }},
				"credential_stuffing.network":    {40, func(i int) request { return login(fmt.Sprint("203.0.114.", i), fmt.Sprint("n", i), 401) }},
				"credential_stuffing.one_user":   {10, func(i int) request { return login(fmt.Sprintf("198.51.%d.1", i), "alice", 401) }},
			},
			[]traffic{
				{200, func(i int) request { // an office behind one address, where some mistype
					r := login("203.0.113.7", fmt.Sprint("o", i), 200)
					if i%10 == 0 {
						r.attrs["http.response.status_code"] = 401
					}
					return r
				}},
				{4, func(int) request { return login("203.0.113.8", "bob", 401) }},
			},
		},
		"card_testing": {
			map[string]traffic{
				"card_testing.many_cards": {6, func(i int) request { return payment("203.0.113.9", "d1", i, 402) }},
				"card_testing.declines":   {8, func(int) request { return payment("203.0.113.10", "d2", 0, 402) }},
				"card_testing.route":      {120, func(i int) request { return payment(fmt.Sprintf("198.51.%d.2", i), fmt.Sprint("e", i), i, 402) }},
			},
			[]traffic{
				{100, func(i int) request { // a shop's till: many cards, some declined
					return payment(fmt.Sprintf("192.0.2.%d", i), fmt.Sprint("f", i), i, 402-202*min(1, i%10))
				}},
				{3, func(i int) request { return payment("203.0.113.11", "d3", i%2, 402) }},
			},
		},
		"scraping": {
			map[string]traffic{
				"scraping.many_pages": {1500, func(i int) request {
					return request{attrs: attrs{"client.address": "203.0.113.12", "http.request.method": "GET", "url.path": fmt.Sprint("/item/", i)}}
				}},
				"scraping.fast": {6100, func(int) request {
					return request{attrs: attrs{"client.address": "203.0.113.13", "http.request.method": "GET", "url.path": "/prices"}}
				}},
				"scraping.bot":     one(attrs{"user_agent.original": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"}),
				"scraping.library": one(attrs{"user_agent.original": "python-requests/2.32.3"}),
			},
			[]traffic{
				{120, func(i int) request {
					return request{attrs: attrs{"client.address": "203.0.113.14", "http.request.method": "GET", "url.path": fmt.Sprint("/item/", i), "user_agent.original": firefox}}
				}},
				one(attrs{"user_agent.original": "Mozilla/5.0 (Linux; Android 8.1.0; CUBOT_X18_Plus) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36"}),
			},
		},
		"exfiltration": {
			map[string]traffic{
				"exfiltration.single": one(attrs{"http.response.body.size": 200_000_000}),
				"exfiltration.client": {60, func(int) request {
					return request{attrs: attrs{"client.address": "203.0.113.15", "http.response.body.size": 9_000_000}}
				}},
				"exfiltration.user": {60, func(i int) request {
					return request{attrs: attrs{"client.address": fmt.Sprint("203.0.115.", i), "user.id": "eve", "http.response.body.size": 9_000_000}}
				}},
				"exfiltration.upload": {60, func(int) request {
					return request{client: true, attrs: attrs{"http.request.body.size": 20_000_000}}
				}},
			},
			[]traffic{
				{200, func(int) request {
					return request{attrs: attrs{"client.address": "203.0.113.16", "user.id": "carol", "http.response.body.size": 1_000_000}}
				}},
				{50, func(int) request { // films, an hour of them
					return request{attrs: attrs{"client.address": "203.0.113.17", "http.response.body.size": 40_000_000}, wait: 72 * time.Second}
				}},
			},
		},
		"error_burst": {
			map[string]traffic{
				"error_burst.service": {60, func(i int) request { return answer("203.0.116."+fmt.Sprint(i), fmt.Sprint("/r", i), 500) }},
				"error_burst.route":   {30, func(i int) request { return answer("203.0.117."+fmt.Sprint(i), "/broken", 503) }},
				"error_burst.client":  {20, func(i int) request { return answer("203.0.113.18", fmt.Sprint("/q", i), 500) }},
			},
			[]traffic{{300, func(i int) request {
				return answer("203.0.118."+fmt.Sprint(i%250), "/fine", 200+300*(1-min(1, i%20)))
			}}},
		},
		"latency": {
			map[string]traffic{
				"latency.outlier": {1, func(int) request { return request{duration: 12 * time.Second} }},
				"latency.route": {300, func(i int) request {
					r := request{attrs: attrs{"http.route": "/slow"}, duration: 20 * time.Millisecond, wait: 10 * time.Second}
					if i >= 250 {
						r.duration = 2 * time.Second
					}
					return r
				}},
			},
			[]traffic{{300, func(i int) request { // a report that always takes its time, and a page that seldom does
				r := request{attrs: attrs{"http.route": "/report"}, duration: 3 * time.Second, wait: 10 * time.Second}
				if i%2 == 0 {
					r.attrs["http.route"], r.duration = "/page", 10*time.Millisecond
				}
				return r
			}}},
		},
	}
}

func login(address, user string, status int) request {
	return request{attrs: attrs{"client.address": address, "user.id": user, "url.path": "/login", "http.response.status_code": status}}
}

func payment(address, device string, card, status int) request {
	return request{attrs: attrs{
		"client.address": address, "device.id": device, "http.route": "/pay", "http.response.status_code": status,
		"payment.card.fingerprint": fmt.Sprint("card", card),
	}}
}

func answer(address, route string, status int) request {
	return request{attrs: attrs{"client.address": address, "http.route": route, "http.response.status_code": status}}
}

// TestRulePacks sends attacks and ordinary traffic through the processor, with one pack in use.
func TestRulePacks(t *testing.T) {
	cases := packTraffic()
	for _, pack := range packsOfRecords() {
		require.Contains(t, cases, pack, "every pack has traffic")
		rules := map[string]bool{}
		for reason, attack := range cases[pack].attacks {
			rules[reason] = true
			t.Run(reason, func(t *testing.T) {
				last := sendTraffic(t, packConfig(t, pack), attack)
				assert.Contains(t, last, reason)
			})
		}
		for i, ordinary := range cases[pack].ordinary {
			t.Run(fmt.Sprint(pack, " leaves ordinary traffic alone ", i), func(t *testing.T) {
				assert.Empty(t, sendTraffic(t, packConfig(t, pack), ordinary))
			})
		}
		text, err := os.ReadFile(filepath.Join("packs", pack+".yaml"))
		require.NoError(t, err)
		parsed, err := parsePack(pack, text)
		require.NoError(t, err)
		for _, r := range parsed.Rules {
			assert.True(t, rules[r.Name] || slices.Contains(logRules, r.Name), "%s has traffic", r.Name)
			assert.True(t, strings.HasPrefix(r.Name, pack+"."), r.Name)
		}
		for _, f := range parsed.Features {
			assert.True(t, strings.HasPrefix(f.Name, pack+"_"), f.Name)
		}
	}
}

// logRules are tested in shipped_logs_test.go.
var logRules = []string{"credential_stuffing.failed_login", "credential_stuffing.log_guessing", "scanner.log_line", "scanner.refused", "error_burst.logs"}

// sendTraffic returns the reasons of the last span of an attack; for ordinary traffic, pass on what any span got.
func sendTraffic(t *testing.T, cfg *Config, of traffic) []any {
	t.Helper()
	var all []any
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t, cfg)
		for i := range of.n {
			r := of.each(i)
			<-time.After(r.wait + time.Millisecond) // by the bubble's clock
			td := ptrace.NewTraces()
			span := addSpan(t, td, traceID(g.ids.Add(1)), r.attrs)
			td.ResourceSpans().At(0).Resource().Attributes().PutStr("service.name", "shop")
			if r.client {
				span.SetKind(ptrace.SpanKindClient)
			}
			end := time.Now()
			span.SetEndTimestamp(pcommon.NewTimestampFromTime(end))
			span.SetStartTimestamp(pcommon.NewTimestampFromTime(end.Add(-r.duration)))
			out := g.consume(t, td)
			require.Len(t, out, 1)
			for _, reason := range reasonsOf(t, &out[0]) {
				if !slices.Contains(all, reason) {
					all = append(all, reason)
				}
			}
		}
		assert.Empty(t, g.sums(t, "processor_risk_condition_errors"))
		assert.Empty(t, g.sums(t, "processor_risk_feature_errors"))
	})
	return all
}

func TestRulePacksCombineWithRulesOfOnesOwn(t *testing.T) {
	cfg := packConfig(t, packsOfRecords()...)
	cfg.Rules = []RuleConfig{{Name: "mine", Condition: `attributes["url.path"] == "/.env" and Feature("scanner_missing_10m") >= 0`, Weight: 0.5}}
	cfg.Shadow.RulePacks = []string{"scanner"}
	g := newRig(t, cfg)
	span := g.send(t, attrs{"client.address": "203.0.113.1", "url.path": "/.env"})
	assert.Equal(t, []any{"mine", "scanner.path"}, reasonsOf(t, span), "the pack's features can be used, too")
	assert.InDelta(t, 1-0.5*0.4, scoreOf(t, span), 1e-12)
	assert.Equal(t, map[string]int64{"scanner.path": 1}, g.sums(t, "processor_risk_shadow_rule_hits"))
}

func TestRulePackFaults(t *testing.T) {
	cfg := packConfig(t, "scaner", "scanner", "scanner", "scraping")
	cfg.Entities["network"] = EntityConfig{}
	cfg.Shadow.RulePacks = []string{"other"}
	cfg.Features = []FeatureConfig{{Name: "scanner_missing_10m", Type: "count", Entity: "ip", Window: time.Minute}}
	err := cfg.Validate()
	for _, want := range []string{
		`rule_packs::0: must be one of card_testing, credential_stuffing, crs, error_burst, exfiltration, injection, latency, scanner, scraping, found "scaner"`,
		`rule_packs::2: found "scanner" twice`,
		`shadow::rule_packs::0: must be one of`,
		`rule_packs::scanner::features::scanner_missing_10m::name: must be unique`,
		`rule_packs::scraping::features::scraping_network_pages_10m::entity: "network" is not one of`,
	} {
		require.ErrorContains(t, err, want)
	}
}

// TestRulePacksNeedNoOTTL holds the packs' conditions to forms that are compiled to closures.
func TestRulePacksNeedNoOTTL(t *testing.T) {
	cfg := packConfig(t, RulePacks()...)
	cfg.CRS.Extension = &crsID
	packs, err := cfg.packs()
	require.NoError(t, err)
	for _, signal := range []rule.Signal{rule.Spans, rule.Logs} {
		p, err := compile(cfg, packs, signal, componenttest.NewNopTelemetrySettings(), injection.New(64), 1)
		require.NoError(t, err)
		for i, c := range p.live.conditions {
			assert.True(t, c.Direct(), p.live.names[i])
		}
		assert.True(t, p.findings.gate[0].Direct(), "the default of crs::condition")
		for i := range p.features {
			assert.True(t, p.whens[i] == nil || p.whens[i].Direct(), p.features[i].Name)
			assert.True(t, p.matches[i].Direct(), p.features[i].Name)
		}
	}
}
