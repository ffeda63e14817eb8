// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/metadata"
	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/rule"
)

var crsID = component.MustNewID("riskcrs")

// ruleSet stands in for the extension: it takes requests, and finds when the test says so.
type ruleSet struct {
	component.Component
	mu       sync.Mutex
	full     bool
	requests []crsRequest
	done     []func(*crsFinding)
}

func (r *ruleSet) Inspect(request *crsRequest, done func(*crsFinding)) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.full {
		r.requests, r.done = append(r.requests, *request), append(r.done, done)
	}
	return !r.full
}

// find answers all that was asked about.
func (r *ruleSet) find(score int, rules ...int) {
	for _, done := range r.done {
		done(&crsFinding{Score: score, Rules: rules})
	}
	r.requests, r.done = nil, nil
}

// crsRig is a processor with a rule set that the test plays.
type crsRig struct {
	*riskProcessor
	*ruleSet
	telemetry *componenttest.Telemetry
}

func crsConfig(tb testing.TB) *Config {
	tb.Helper()
	cfg := packConfig(tb, "crs")
	cfg.CRS.Extension = &crsID
	return cfg
}

func newCRSRig(t testing.TB, cfg *Config, signal rule.Signal) *crsRig {
	t.Helper()
	require.NoError(t, cfg.Validate())
	r := &crsRig{ruleSet: &ruleSet{}, telemetry: componenttest.NewTelemetry()}
	var err error
	r.riskProcessor, err = newProcessor(cfg, signal, component.NewID(metadata.Type), r.telemetry.NewTelemetrySettings(), systemClock(), newInstances(rand.Uint64))
	require.NoError(t, err)
	require.NoError(t, r.start(t.Context(), extensions{componenttest.NewNopHost(), map[component.ID]component.Component{crsID: r.ruleSet}}))
	ctx := context.WithoutCancel(t.Context())
	t.Cleanup(func() {
		require.NoError(t, r.shutdown(ctx))
		require.NoError(t, r.telemetry.Shutdown(ctx))
	})
	return r
}

// consume returns the reasons of a span with these attributes.
func (r *crsRig) consume(t *testing.T, a attrs) []any {
	t.Helper()
	td := ptrace.NewTraces()
	addSpan(t, td, traceID(rand.Uint64()), a)
	td, err := r.processTraces(t.Context(), td)
	require.NoError(t, err)
	return reasonsOf(t, &spansOf(td)[0])
}

func (r *crsRig) outcomes(t *testing.T) map[string]int64 {
	t.Helper()
	return (&rig{telemetry: r.telemetry}).sums(t, "processor_risk_crs_requests")
}

func attackFrom(address string) attrs {
	return attrs{"client.address": address, "http.request.method": "GET", "url.path": "/items", "url.query": "id=1%27%20or%201=1--"}
}

func TestFindingsCountForWhoSentTheRequest(t *testing.T) {
	r := newCRSRig(t, crsConfig(t), rule.Spans)
	attack := attackFrom("203.0.113.1")
	attack["enduser.id"] = "mallory"
	assert.Empty(t, r.consume(t, attack), "the span itself has gone on when something is found")
	require.Len(t, r.requests, 1)
	assert.Equal(t, crsRequest{Method: "GET", Path: "/items", Query: "id=1%27%20or%201=1--"}, r.requests[0])
	r.find(5, 942100)

	want := []any{"crs.attack", "crs.sql(942100)"}
	assert.Equal(t, want, r.consume(t, attrs{"client.address": "203.0.113.1", "url.path": "/"}), "the next one of the address")
	assert.Equal(t, want, r.consume(t, attrs{"client.address": "198.51.100.9", "enduser.id": "mallory"}), "and of the user")
	assert.Empty(t, r.consume(t, attrs{"client.address": "198.51.100.9", "enduser.id": "alice"}))
	assert.Empty(t, r.requests, "none of these was worth asking")

	for range 3 { // one more than the rule asks for: a step of the window may end in between
		r.consume(t, attackFrom("203.0.113.1"))
	}
	r.find(20, 942190, 941100, 932160, 920270, 942100, 942200, 942210)
	assert.Equal(t,
		[]any{"crs.attack", "crs.severe", "crs.attacks", "crs.sql(942190,942100,942200)", "crs.scripts(941100)", "crs.commands(932160)"},
		r.consume(t, attrs{"client.address": "203.0.113.1"}), "reasons are bounded")
	assert.Equal(t, map[string]int64{"taken": 4}, r.outcomes(t))
	assert.Equal(t, map[string]int64{"": 4}, (&rig{telemetry: r.telemetry}).sums(t, "processor_risk_crs_findings"))
}

func TestWhatIsFoundClean(t *testing.T) {
	r := newCRSRig(t, crsConfig(t), rule.Spans)
	r.consume(t, attackFrom("203.0.113.1"))
	r.find(0)
	assert.Empty(t, r.consume(t, attackFrom("203.0.113.1")))
}

func TestOnlyWhatIsWorthItIsAskedAbout(t *testing.T) {
	r := newCRSRig(t, crsConfig(t), rule.Spans)
	for name, a := range map[string]attrs{
		"ordinary":          {"client.address": "a", "url.path": "/shop/items/4711", "url.query": "page=2&sort=price"},
		"ordinary, encoded": {"client.address": "a", "url.path": "/search", "url.query": "q=rock+%26+roll%20music"},
		"no request":        {"client.address": "a", "db.query.text": "SELECT '1' UNION SELECT 2 --"},
		"a browser":         {"client.address": "a", "user_agent.original": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"},
		"a call":            {"client.address": "a", "url.full": "https://example.org/shop/items?page=2"},
	} {
		r.consume(t, a)
		assert.Empty(t, r.requests, name)
	}
	assert.Empty(t, r.outcomes(t))
	anybody := attackFrom("")
	delete(anybody, "client.address")
	r.consume(t, anybody)
	assert.Empty(t, r.requests, "nobody to count for")
	r.full = true
	r.consume(t, attackFrom("a"))
	assert.Equal(t, map[string]int64{"no_entity": 1, "refused": 1}, r.outcomes(t))
}

func TestTheConditionIsASetting(t *testing.T) {
	cfg := crsConfig(t)
	cfg.CRS.Condition = `attributes["url.path"] == "/login" or Int(attributes["n"]) == 1`
	r := newCRSRig(t, cfg, rule.Spans)
	r.consume(t, attackFrom("a"))
	assert.Empty(t, r.requests)
	r.consume(t, attrs{"client.address": "a", "url.path": "/login"})
	assert.Len(t, r.requests, 1)
	r.consume(t, attrs{"client.address": "a", "n": "1"})
	assert.Equal(t, map[string]int64{"taken": 1, "no_request": 1}, r.outcomes(t))
}

func TestRequestsAreWhatRecordsSay(t *testing.T) {
	for name, test := range map[string]struct {
		attrs attrs
		want  crsRequest
	}{
		"path and query": {
			attrs{"http.request.method": "POST", "url.path": "/a", "url.query": "b=1", "url.full": "http://other/"},
			crsRequest{Method: "POST", Path: "/a", Query: "b=1"},
		},
		"a whole URL":                  {attrs{"url.full": "https://example.org:8443/a/b?c=d?e#f"}, crsRequest{Path: "/a/b", Query: "c=d?e"}},
		"a URL without a path":         {attrs{"url.full": "https://example.org"}, crsRequest{}},
		"a URL with nothing but query": {attrs{"url.full": "https://example.org?a=1"}, crsRequest{Query: "a=1"}},
		"a method nobody knew":         {attrs{"http.request.method": "_OTHER", "url.path": "/"}, crsRequest{Path: "/"}},
		"and its name":                 {attrs{"http.request.method": "_OTHER", "http.request.method_original": "DEBUG"}, crsRequest{Method: "DEBUG"}},
		"numbers are no text":          {attrs{"url.path": 7}, crsRequest{}},
		"nothing of a request":         {attrs{"rpc.method": "x"}, crsRequest{}},
	} {
		m := pcommon.NewMap()
		require.NoError(t, m.FromRaw(test.attrs))
		assert.Equal(t, test.want, requestOf(m), name)
	}
	m := pcommon.NewMap()
	m.PutStr("user_agent.original", "curl/8")
	require.NoError(t, m.PutEmpty("http.request.header.cookie").FromRaw([]any{"a=1", "b=2", 7}))
	m.PutStr("http.request.header.referer", "https://example.org/")
	m.PutStr("http.response.header.server", "nginx")
	want := []crsHeader{{"user-agent", "curl/8"}, {"cookie", "a=1"}, {"cookie", "b=2"}, {"referer", "https://example.org/"}}
	assert.Equal(t, crsRequest{Headers: want}, requestOf(m))
}

func TestFindingsInLogs(t *testing.T) {
	r := newCRSRig(t, crsConfig(t), rule.Logs)
	send := func(a attrs) []any {
		ld := plog.NewLogs()
		record := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
		require.NoError(t, record.Attributes().FromRaw(a))
		ld, err := r.processLogs(t.Context(), ld)
		require.NoError(t, err)
		reasons, ok := ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Attributes().Get("risk.reasons")
		if !ok {
			return nil
		}
		return reasons.Slice().AsRaw()
	}
	assert.Empty(t, send(attackFrom("a")))
	r.find(5, 941100)
	assert.Equal(t, []any{"crs.attack", "crs.scripts(941100)"}, send(attrs{"client.address": "a"}))
}

// TestFindingsOutliveAReload has the rules replaced between the question and its answer.
func TestFindingsOutliveAReload(t *testing.T) {
	r := newCRSRig(t, crsConfig(t), rule.Spans)
	r.consume(t, attackFrom("a"))
	more := append([]pack{{key: "", PackConfig: PackConfig{Features: []FeatureConfig{{Name: "seen", Type: "count", Entity: "device", Window: time.Minute}}}}}, r.packs.live...)
	require.NoError(t, r.use(packs{live: more}))
	r.find(5, 942100)
	assert.Equal(t, []any{"crs.attack", "crs.sql(942100)"}, r.consume(t, attrs{"client.address": "a"}))
}

func TestFindingsAnswerQuestions(t *testing.T) {
	r := newCRSRig(t, crsConfig(t), rule.Spans)
	r.consume(t, attackFrom("a"))
	r.find(5, 942100)
	var answer scoreAnswer
	require.NoError(t, r.answer(t.Context(), &scoreRequest{Entities: []requestEntity{{Name: "ip", Value: "a"}}}, &answer))
	assert.Equal(t, []string{"crs.attack", "crs.sql(942100)"}, answer.Reasons)
	assert.InDelta(t, 0.4, answer.Score, 1e-12)
	question := scoreRequest{Entities: []requestEntity{{Name: "ip", Value: "a"}}, Attributes: []requestAttribute{{Key: "url.query", Kind: attributeText, Text: "id=1' or 1=1--"}}, Observe: true}
	require.NoError(t, r.answer(t.Context(), &question, &answer))
	assert.Empty(t, r.requests, "questions are not asked about")
}

func TestFindingsWithWholeTracesAndWhatIsLearned(t *testing.T) {
	cfg := crsConfig(t)
	cfg.WholeTraces.Enabled, cfg.Learned.Enabled, cfg.Levels.Medium = true, true, 0.01
	require.NoError(t, cfg.Validate())
	p, err := newProcessor(cfg, rule.Spans, component.NewID(metadata.Type), componenttest.NewNopTelemetrySettings(), systemClock(), newInstances(rand.Uint64))
	require.NoError(t, err)
	var got [][]any
	next, err := consumer.NewTraces(func(_ context.Context, td ptrace.Traces) error {
		for _, span := range spansOf(td) {
			got = append(got, reasonsOf(t, &span))
		}
		return nil
	})
	require.NoError(t, err)
	h, set := newHolder(p, next), &ruleSet{}
	require.NoError(t, h.Start(t.Context(), extensions{componenttest.NewNopHost(), map[component.ID]component.Component{crsID: set}}))
	for _, a := range []attrs{attackFrom("a"), {"client.address": "a"}} {
		td := ptrace.NewTraces()
		addSpan(t, td, traceID(rand.Uint64()), a)
		require.NoError(t, h.ConsumeTraces(t.Context(), td))
		set.find(5, 942100)
	}
	require.NoError(t, h.Shutdown(t.Context()))
	assert.ElementsMatch(t, [][]any{nil, {"crs.attack", "crs.sql(942100)"}}, got)
	assert.Equal(t, []string{"a", "b"}, joined([]string{"a"}, []string{"b"}))
	assert.Equal(t, []string{"b"}, joined(nil, []string{"b"}))
	assert.Equal(t, []string{"a"}, joined([]string{"a"}, nil))
}

func TestTheRuleSetMustBeThere(t *testing.T) {
	p, err := newProcessor(crsConfig(t), rule.Spans, component.NewID(metadata.Type), componenttest.NewNopTelemetrySettings(), systemClock(), newInstances(rand.Uint64))
	require.NoError(t, err)
	require.EqualError(t, p.start(t.Context(), componenttest.NewNopHost()), `crs::extension: extension "riskcrs" is not configured, or not in service::extensions`)
	host := extensions{componenttest.NewNopHost(), map[component.ID]component.Component{crsID: newMemory()}}
	require.EqualError(t, p.start(t.Context(), host), `crs::extension: extension "riskcrs" does not look at requests`)
	require.NoError(t, p.shutdown(t.Context()))
}

func TestFaultsOfFindings(t *testing.T) {
	require.ErrorContains(t, packConfig(t, "crs").Validate(), `rule_packs::crs::features::crs_ip_attacks_10m::signals: "crs" needs crs::extension`)
	cfg := crsConfig(t)
	cfg.CRS.Condition, cfg.CRS.RememberEntities = `Feature("crs_ip_attacks_10m") > 1`, -1
	crs := FeatureConfig{Type: "count", Entity: "ip", Window: time.Minute, Signals: []string{"crs"}}
	add := func(name string, change func(*FeatureConfig)) {
		f := crs
		f.Name = name
		change(&f)
		cfg.Features = append(cfg.Features, f)
	}
	add("both", func(f *FeatureConfig) { f.Signals = []string{"crs", "logs"} })
	add("when", func(f *FeatureConfig) { f.When = `attributes["a"] == 1` })
	add("typed", func(f *FeatureConfig) { f.Type, f.Of = "distinct", "user" })
	add("added", func(f *FeatureConfig) { f.Type, f.Of = "sum", "bytes" })
	err := cfg.Validate()
	for _, want := range []string{
		`crs::condition: `, `feature "crs_ip_attacks_10m" is not defined`,
		`crs::remember_entities: must be from 0 to 16777216, found -1`,
		`features::both::signals: must be crs alone, found ["crs" "logs"]`,
		`features::when::when: is not for signals crs`,
		`features::typed::type: must be count, rate or sum for signals crs, found "distinct"`,
		`features::added::of: must be crs.score for signals crs, found "bytes"`,
	} {
		require.ErrorContains(t, err, want)
	}
}

func TestFindingsAreForgottenByAge(t *testing.T) {
	f, err := newFindings(2)
	require.NoError(t, err)
	for entity := range uint64(4) {
		f.note(entity, []string{"first"})
	}
	f.note(2, []string{"second"})
	assert.Empty(t, f.of(0), "nobody")
	assert.Empty(t, f.of(1), "the oldest has made room")
	assert.Equal(t, []string{"second"}, f.of(2))
	assert.Equal(t, []string{"first"}, f.of(3))
	f.note(4, []string{"third"})
	assert.Empty(t, f.of(3), "2 was found again since, and a look at 3 does not count")
	assert.Equal(t, 2, f.byEntity.Len())
}

func TestManyFindAtOnce(t *testing.T) {
	r := newCRSRig(t, crsConfig(t), rule.Spans)
	r.consume(t, attackFrom("a"))
	done := r.done[0]
	var finding sync.WaitGroup
	for range 4 {
		finding.Go(func() {
			for range 100 {
				done(&crsFinding{Score: 5, Rules: []int{942100}})
				r.consume(t, attrs{"client.address": "a"})
			}
		})
	}
	finding.Wait()
	assert.Equal(t, map[string]int64{"": 400}, (&rig{telemetry: r.telemetry}).sums(t, "processor_risk_crs_findings"))
	assert.Contains(t, r.consume(t, attrs{"client.address": "a"}), "crs.attacks")
}

// BenchmarkAsked says what asking costs a span: when nobody is asked, when it is not worth it, and when it is but there is no
// room, which is what a flood comes to.
func BenchmarkAsked(b *testing.B) {
	for name, test := range map[string]struct {
		extension *component.ID
		query     string
	}{
		"nobody":       {nil, "page=2&sort=price&category=shoes"},
		"not worth it": {&crsID, "page=2&sort=price&category=shoes"},
		"no room":      {&crsID, "id=-1%27%20UNION%20SELECT%20password%20FROM%20users"},
	} {
		b.Run(name, func(b *testing.B) {
			cfg := packConfig(b)
			cfg.Mode, cfg.CRS.Extension = ModeScore, test.extension
			if test.extension != nil {
				cfg.RulePacks = []string{"crs"}
			}
			r := newCRSRig(b, cfg, rule.Spans)
			r.full = true
			td := ptrace.NewTraces()
			for n := range uint64(100) {
				addSpan(b, td, traceID(n+1), attrs{"client.address": "203.0.113.1", "url.path": "/shop/items", "url.query": test.query})
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.processTraces(b.Context(), td); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100, "ns/span")
		})
	}
}
