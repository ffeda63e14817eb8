// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/metadata"
)

const (
	countingPack = `
features:
  - {name: seen, type: count, entity: ip, window: 1h}
rules:
  - {name: three, condition: 'Feature("seen") >= 3', weight: 0.2}
`
	changedPack = `
features:
  - {name: seen, type: count, entity: ip, window: 1h}
  - {name: users, type: distinct, entity: ip, of: user, window: 1h}
rules:
  - {name: four, condition: 'Feature("seen") >= 4 and attributes["new"] == 1', weight: 0.3}
`
	brokenPack = `
rules:
  - {name: broken, condition: 'Feature("nothing") >= 3', weight: 0.2}
`
)

// statusHost notes what a component reports.
type statusHost struct {
	component.Host
	mu       sync.Mutex // guards the following
	reported []componentstatus.Status
	errs     []error
}

func (h *statusHost) seen() ([]componentstatus.Status, []error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.reported), slices.Clone(h.errs)
}

func (h *statusHost) Report(event *componentstatus.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reported, h.errs = append(h.reported, event.Status()), append(h.errs, event.Err())
}

// TestRulesAreReplacedWhenTheirFileChanges runs through a change, a fault and its repair, with a clock that stands still
// unless told otherwise.
func TestRulesAreReplacedWhenTheirFileChanges(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rules.yaml")
	write := func(text string) { require.NoError(t, os.WriteFile(file, []byte(text), 0o600)) }
	write(countingPack)
	synctest.Test(t, func(t *testing.T) {
		cfg := defaultConfig(t)
		cfg.RulesFiles = []string{file}
		require.NoError(t, cfg.Validate())
		host := &statusHost{Host: componenttest.NewNopHost()}
		g := &rig{sink: new(consumertest.TracesSink), telemetry: componenttest.NewTelemetry()}
		set := processortest.NewNopSettings(metadata.Type)
		set.TelemetrySettings = g.telemetry.NewTelemetrySettings()
		var err error
		g.Traces, err = NewFactory().CreateTraces(t.Context(), set, cfg, g.sink)
		require.NoError(t, err)
		require.NoError(t, g.Start(t.Context(), host))
		wait := func() {
			<-time.After(cfg.ReloadInterval + 1)
			synctest.Wait()
		}
		send := func() []any { return reasonsOf(t, g.send(t, attrs{"client.address": "a", "new": 1})) }

		assert.Empty(t, send())
		assert.Empty(t, send())
		assert.Equal(t, []any{"three"}, send())

		write(changedPack)
		assert.Equal(t, []any{"three"}, send(), "until the file is looked at")
		wait()
		assert.Equal(t, []any{"four"}, send(), "the count has survived")

		write(brokenPack)
		wait()
		wait()
		assert.Equal(t, []any{"four"}, send(), "rules with a fault are not used")
		reported, errs := host.seen()
		assert.Equal(t, []componentstatus.Status{componentstatus.StatusRecoverableError}, reported, "once")
		require.ErrorContains(t, errs[0], `rules::broken::condition: `)
		require.ErrorContains(t, errs[0], `feature "nothing" is not defined`)

		require.NoError(t, os.Remove(file))
		wait()
		assert.Equal(t, []any{"four"}, send(), "nor is a file that has gone")
		_, errs = host.seen()
		require.ErrorContains(t, errs[1], "no such file")

		write(countingPack)
		wait()
		assert.Equal(t, []any{"three"}, send())
		reported, _ = host.seen()
		assert.Equal(t, componentstatus.StatusOK, reported[2])
		assert.Equal(t, map[string]int64{"used": 2, "refused": 2}, g.sums(t, "processor_risk_rules_reloads"))
		require.NoError(t, g.Shutdown(t.Context()))
		require.NoError(t, g.telemetry.Shutdown(context.WithoutCancel(t.Context())))
	})
}

func TestRulesAreReplacedUnderTraffic(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rules.yaml")
	require.NoError(t, os.WriteFile(file, []byte(countingPack), 0o600))
	cfg := defaultConfig(t)
	cfg.RulesFiles, cfg.ReloadInterval = []string{file}, 0
	p := started(t, cfg)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 40 {
			text := countingPack
			if i%2 == 0 {
				text = changedPack
			}
			changed, err := parsePack(file, []byte(text))
			if assert.NoError(t, err) {
				assert.NoError(t, p.use(packs{live: []pack{{PackConfig: cfg.PackConfig}, changed}}))
			}
		}
	}()
	sent := 0
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		td := ptrace.NewTraces()
		addSpan(t, td, traceID(0), attrs{"client.address": "a"})
		_, err := p.processTraces(t.Context(), td)
		require.NoError(t, err)
		sent++
	}
	td := ptrace.NewTraces()
	addSpan(t, td, traceID(0), attrs{"client.address": "a"})
	w := p.worker()
	w.begin(t.Context())
	w.scoreSpans(td)
	assert.InDelta(t, float64(sent+1), w.vectors[0].Features[0].Double, 0, "no count was lost")
	w.end()
	require.NoError(t, p.shutdown(t.Context()))
}

func TestFeaturesAndRulesOfSeveralFiles(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		return file
	}
	cfg := loadConfig(t, "example.yaml")
	cfg.RulesFiles = []string{write("a.yaml", countingPack), write("b.yaml", changedPack)}
	require.NoError(t, cfg.Validate(), "both have the same feature")

	different := write("c.yaml", "features: [{name: seen, type: count, entity: ip, window: 2h}]")
	cfg.RulesFiles[1] = different
	require.ErrorContains(t, cfg.Validate(), different+`::features::seen::name: must be unique, found "seen" twice`)
	cfg.RulesFiles[1] = write("d.yaml", countingPack+"\n  - {name: flood, condition: name == nil, weight: 1}")
	require.ErrorContains(t, cfg.Validate(), `::rules::flood::name: must be unique, found "flood" twice`)
	cfg.RulesFiles[1] = write("e.yaml", "rules: 7")
	require.ErrorContains(t, cfg.Validate(), `rules_files: read`)
	cfg.RulesFiles[1] = write("f.yaml", "rule: []")
	require.ErrorContains(t, cfg.Validate(), `invalid keys: rule`)
	cfg.RulesFiles[1] = write("g.yaml", "a: [")
	require.ErrorContains(t, cfg.Validate(), `rules_files: parse`)
	cfg.RulesFiles[1] = write("h.yaml", string(make([]byte, maxPackBytes+1)))
	require.ErrorContains(t, cfg.Validate(), `is larger than 1048576 bytes`)
}
