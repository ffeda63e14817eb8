// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/feature"
	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/metadata"
	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/metadatatest"
	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/rule"
)

// memory is what the processor needs of a riskstate extension, without one: components do not import each other. The two
// meet in tests of the distribution.
type memory struct {
	component.StartFunc
	component.ShutdownFunc
	values  map[string]any
	seed    uint64
	lost    bool
	scorers map[string]func(context.Context, *scoreRequest, *scoreAnswer) error
}

func newMemory() *memory {
	return &memory{values: map[string]any{}, seed: 7, scorers: map[string]func(context.Context, *scoreRequest, *scoreAnswer) error{}}
}

func (m *memory) Share(name string, create func() (any, error)) (any, error) {
	if _, ok := m.values[name]; !ok {
		value, err := create()
		if err != nil {
			return nil, err
		}
		m.values[name] = value
	}
	return m.values[name], nil
}

func (m *memory) Seed() uint64 { return m.seed }

func (m *memory) Degraded() bool { return m.lost }

func (m *memory) RegisterScorer(name string, score func(context.Context, *scoreRequest, *scoreAnswer) error) (func(), error) {
	m.scorers[name] = score
	return func() { delete(m.scorers, name) }, nil
}

// extensions is a host with extensions.
type extensions struct {
	component.Host
	byID map[component.ID]component.Component
}

func (e extensions) GetExtensions() map[component.ID]component.Component { return e.byID }

var stateID = component.MustNewID("riskstate")

func hostWith(c component.Component) component.Host {
	return extensions{componenttest.NewNopHost(), map[component.ID]component.Component{stateID: c}}
}

// startedWith returns a processor with its state in an extension.
func startedWith(t *testing.T, cfg *Config, host component.Host) *riskProcessor {
	t.Helper()
	cfg.State = &stateID
	p, err := newProcessor(cfg, rule.Spans, component.NewID(metadata.Type), componenttest.NewNopTelemetrySettings(), systemClock(), newInstances(rand.Uint64))
	require.NoError(t, err)
	require.NoError(t, p.start(t.Context(), host))
	t.Cleanup(func() { require.NoError(t, p.shutdown(context.WithoutCancel(t.Context()))) })
	return p
}

func seenConfig(t *testing.T) *Config {
	t.Helper()
	cfg := defaultConfig(t)
	cfg.Features = []FeatureConfig{{Name: "seen", Type: "count", Entity: "ip", Window: maxWindow}}
	cfg.Rules = []RuleConfig{
		{Name: "three", Condition: `Feature("seen") >= 3`, Weight: 0.5},
		{Name: "odd", Condition: `IsMatch(attributes["path"], "^/[^/]+/x") and attributes["n"] == 2 and attributes["f"] == 0.5 and attributes["b"] == true`, Weight: 0.25},
		{Name: "ottl", Condition: `Len(attributes["path"]) == 4`, Weight: 0.125},
	}
	return cfg
}

func consumeOne(t *testing.T, p *riskProcessor) attrs {
	t.Helper()
	td := ptrace.NewTraces()
	addSpan(t, td, traceID(0), attrs{"client.address": "a"})
	td, err := p.processTraces(t.Context(), td)
	require.NoError(t, err)
	return spansOf(td)[0].Attributes().AsRaw()
}

func TestProcessorsWithOneExtensionShareWhatTheyCount(t *testing.T) {
	m := newMemory()
	first, second := startedWith(t, seenConfig(t), hostWith(m)), startedWith(t, seenConfig(t), hostWith(m))
	consumeOne(t, first)
	consumeOne(t, second)
	assert.Equal(t, []any{"three"}, consumeOne(t, first)["risk.reasons"])
	assert.NotContains(t, consumeOne(t, second), "risk.degraded")
	m.lost = true
	assert.Equal(t, true, consumeOne(t, second)["risk.degraded"])
}

func TestCountsSurviveARestartThroughTheExtension(t *testing.T) {
	m := newMemory()
	p := startedWith(t, seenConfig(t), hostWith(m))
	consumeOne(t, p)
	consumeOne(t, p)
	store, ok := m.values[storeName].(*feature.Store)
	require.True(t, ok)
	var snapshot bytes.Buffer
	require.NoError(t, store.Snapshot(&snapshot))

	m = newMemory()
	_, err := m.Share(storeName, func() (any, error) { return feature.NewStore(m.seed, systemClock()), nil })
	require.NoError(t, err)
	restored, ok := m.values[storeName].(*feature.Store)
	require.True(t, ok)
	require.NoError(t, restored.Restore(&snapshot))
	p = startedWith(t, seenConfig(t), hostWith(m))
	assert.Equal(t, []any{"three"}, consumeOne(t, p)["risk.reasons"])

	restored.Rekey(8)
	assert.NotContains(t, consumeOne(t, p), "risk.reasons", "with another seed all begins anew")
	consumeOne(t, p)
	assert.Contains(t, consumeOne(t, p), "risk.reasons", "and is counted as before")
}

func TestProcessorsShareWhatTheyCountAfterANewSeed(t *testing.T) {
	m := newMemory()
	first, second := startedWith(t, seenConfig(t), hostWith(m)), startedWith(t, seenConfig(t), hostWith(m))
	store, ok := m.values[storeName].(*feature.Store)
	require.True(t, ok)
	store.Rekey(8)
	consumeOne(t, first)
	consumeOne(t, second)
	assert.Equal(t, []any{"three"}, consumeOne(t, first)["risk.reasons"])
	packs, err := first.cfg.packs()
	require.NoError(t, err)
	require.NoError(t, first.use(packs))
	assert.Equal(t, []any{"three"}, consumeOne(t, first)["risk.reasons"], "also when rules are read again")
}

// The seed may change at any time, also while a processor starts: the extension learns it from Redis.
func TestANewSeedWhileAProcessorStarts(t *testing.T) {
	for range 5 {
		m := newMemory()
		first := startedWith(t, seenConfig(t), hostWith(m))
		store, ok := m.values[storeName].(*feature.Store)
		require.True(t, ok)
		var told sync.WaitGroup
		told.Go(func() {
			for n := range uint64(3) {
				store.Rekey(100 + n)
			}
		})
		second := startedWith(t, seenConfig(t), hostWith(m))
		told.Wait()
		consumeOne(t, first)
		consumeOne(t, second)
		require.Equal(t, []any{"three"}, consumeOne(t, first)["risk.reasons"])
	}
}

func TestWhatCannotBeRestoredIsReported(t *testing.T) {
	cfg := seenConfig(t)
	cfg.Features = []FeatureConfig{{Name: "bytes", Type: "sum", Of: "n", Entity: "ip", Window: maxWindow}}
	cfg.Rules = cfg.Rules[1:]
	m := newMemory()
	p := startedWith(t, cfg, hostWith(m))
	td := ptrace.NewTraces()
	addSpan(t, td, traceID(0), attrs{"client.address": "a", "n": 5})
	_, err := p.processTraces(t.Context(), td)
	require.NoError(t, err)
	var written bytes.Buffer
	require.NoError(t, m.values[storeName].(*feature.Store).Snapshot(&written))

	// The end of it is a key with its sum, the sum of the step before, events, what the fleet knows, an end, a checksum,
	// and an end of tables.
	snapshot := written.Bytes()
	table := snapshot[len(snapshot)-1-8-8-8-12-21-1-4-4 : len(snapshot)-4-4]
	binary.LittleEndian.PutUint64(table[1+8:], math.Float64bits(math.Inf(1)))
	binary.LittleEndian.PutUint32(snapshot[len(snapshot)-4-4:], crc32.Checksum(table, crc32.MakeTable(crc32.Castagnoli)))
	m = newMemory()
	restored := feature.NewStore(m.seed, systemClock())
	require.NoError(t, restored.Restore(bytes.NewReader(snapshot)))
	m.values[storeName] = restored

	telemetry := componenttest.NewTelemetry()
	set := telemetry.NewTelemetrySettings()
	core, logs := observer.New(zap.ErrorLevel)
	set.Logger = zap.New(core)
	p, err = newProcessor(cfg, rule.Spans, component.NewID(metadata.Type), set, systemClock(), newInstances(rand.Uint64))
	require.NoError(t, err)
	require.NoError(t, p.start(t.Context(), hostWith(m)))
	metadatatest.AssertEqualProcessorRiskRestoreFaults(t, telemetry, []metricdata.DataPoint[int64]{{Value: 1}}, metricdatatest.IgnoreTimestamp())
	require.Equal(t, 1, logs.Len())
	assert.Contains(t, logs.All()[0].ContextMap()["error"], "1 keys are left out, one for: sum is not finite")
	require.NoError(t, p.shutdown(t.Context()))
	require.NoError(t, telemetry.Shutdown(t.Context()))
}

func TestStateMustBeThere(t *testing.T) {
	cfg := seenConfig(t)
	cfg.State = &stateID
	for want, host := range map[string]component.Host{
		`state: extension "riskstate" is not configured`:                  componenttest.NewNopHost(),
		`state: extension "riskstate" keeps no state for processors`:      hostWith(&struct{ component.Component }{}),
		`state: extension "riskstate": "riskprocessor/features" is a int`: hostWith(&memory{values: map[string]any{storeName: 1}}),
	} {
		p, err := newProcessor(cfg, rule.Spans, component.NewID(metadata.Type), componenttest.NewNopTelemetrySettings(), systemClock(), newInstances(rand.Uint64))
		require.NoError(t, err)
		require.ErrorContains(t, p.start(t.Context(), host), want)
		require.NoError(t, p.shutdown(t.Context()))
	}
}

func TestScorerAnswers(t *testing.T) {
	m := newMemory()
	p := startedWith(t, seenConfig(t), hostWith(m))
	score := m.scorers["risk"]
	require.NotNil(t, score)
	ask := func(observe bool, entity string, attributes ...requestAttribute) scoreAnswer {
		var answer scoreAnswer
		request := scoreRequest{Observe: observe, Attributes: attributes}
		if entity != "" {
			request.Entities = []requestEntity{{"ip", entity}, {"unknown", "x"}}
		}
		require.NoError(t, score(t.Context(), &request, &answer))
		return answer
	}
	consumeOne(t, p)
	for range 5 {
		assert.Equal(t, scoreAnswer{Level: "low"}, ask(false, "a"), "to look is not to count")
	}
	assert.Equal(t, scoreAnswer{Level: "low"}, ask(true, "a"))
	assert.Equal(t, scoreAnswer{Score: 0.5, Level: "medium", Reasons: []string{"three"}}, ask(true, "a"))
	assert.Equal(t, scoreAnswer{Score: 0.5, Level: "medium", Reasons: []string{"three"}},
		ask(false, "", requestAttribute{Key: "client.address", Kind: attributeText, Text: "a"}), "attributes identify, too")
	assert.Equal(t, scoreAnswer{Level: "low"}, ask(false, "b", requestAttribute{Key: "client.address", Kind: attributeText, Text: "a"}), "but who is named comes first")
	path := []requestAttribute{
		{Key: "path", Kind: attributeText, Text: "/a/x"},
		{Key: "n", Kind: attributeInt, Int: 2},
		{Key: "f", Kind: attributeFloat, Float: 0.5},
		{Key: "b", Kind: attributeBool, Int: 1},
	}
	assert.Equal(t, scoreAnswer{Score: 1 - 0.75*0.875, Level: "medium", Reasons: []string{"odd", "ottl"}}, ask(false, "c", path...))
	assert.Equal(t, []any{"three"}, consumeOne(t, p)["risk.reasons"], "spans are scored as before")
	m.lost = true
	assert.True(t, ask(false, "a").Degraded)
}

func TestScorerIsOfferedOnceAComponent(t *testing.T) {
	m, cfg := newMemory(), seenConfig(t)
	cfg.State = &stateID
	set := componenttest.NewNopTelemetrySettings()
	shared := newInstances(rand.Uint64)
	var all []*riskProcessor
	for _, signal := range []rule.Signal{rule.Spans, rule.Spans, rule.Logs} {
		p, err := newProcessor(cfg, signal, component.NewID(metadata.Type), set, systemClock(), shared)
		require.NoError(t, err)
		require.NoError(t, p.start(t.Context(), hostWith(m)))
		all = append(all, p)
	}
	assert.Len(t, m.scorers, 1)
	for _, p := range all {
		require.NoError(t, p.shutdown(t.Context()))
	}
	assert.Empty(t, m.scorers)
	assert.Empty(t, shared.byConfig)
}

func BenchmarkScorer(b *testing.B) {
	p := started(b, benchConfig(b))
	request := scoreRequest{
		Observe:    true,
		Entities:   []requestEntity{{"ip", "192.0.2.1"}, {"user", "u1"}},
		Attributes: []requestAttribute{{Key: "http.response.status_code", Kind: attributeInt, Int: 200}, {Key: "url.path", Kind: attributeText, Text: "/cart"}},
	}
	answer := scoreAnswer{Reasons: make([]string, 0, 16)}
	b.ReportAllocs()
	for b.Loop() {
		answer.Reasons = answer.Reasons[:0]
		if err := p.answer(b.Context(), &request, &answer); err != nil {
			b.Fatal(err)
		}
	}
}
