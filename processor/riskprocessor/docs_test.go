// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/sampling"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/annotate"
	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/rule"
	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/sampler"
	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/score"
	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/window"
)

func TestReadmeShowsTheTestedExample(t *testing.T) {
	example, err := os.ReadFile(filepath.Join("testdata", "example.yaml"))
	require.NoError(t, err)
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	indented := "  " + strings.ReplaceAll(strings.TrimSpace(string(example)), "\n", "\n  ")
	assert.Contains(t, string(readme), indented)
}

func TestReadmeNamesEveryDefault(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	cfg := defaultConfig(t)
	for _, line := range []string{
		fmt.Sprintf("| `mode` | `%s` |", cfg.Mode),
		fmt.Sprintf("| `entities::ip` | `%s` |", strings.Join(cfg.Entities["ip"].From, "`, `")),
		fmt.Sprintf("| `entities::user` | `%s` |", strings.Join(cfg.Entities["user"].From, "`, `")),
		fmt.Sprintf("| `entities::device` | `%s` |", strings.Join(cfg.Entities["device"].From, "`, `")),
		fmt.Sprintf("| `levels::medium`, `high`, `critical` | %v, %v, %v |", cfg.Levels.Medium, cfg.Levels.High, cfg.Levels.Critical),
		fmt.Sprintf("| `sampling::keep_above` | %v |", cfg.Sampling.KeepAbove),
		fmt.Sprintf("| `sampling::percentage` | %v |", cfg.Sampling.Percentage),
		fmt.Sprintf("| `limits::max_entities` | %v |", cfg.Limits.MaxEntities),
		fmt.Sprintf("%d bytes each for `rate`, `count` and `first_seen`, %d for `sum` and `ratio`, %d for `distinct`", window.CounterBytes, window.SumBytes, window.DistinctBytes),
	} {
		assert.Contains(t, string(readme), line)
	}
}

// TestWorkedExample computes the figures of docs/risk-model.md with the code that scores spans.
func TestWorkedExample(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "risk-model.md"))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("docs/risk-model.md is not part of the module; run the test in the repository")
	}
	require.NoError(t, err)
	doc := string(text)
	cfg := loadConfig(t, "example.yaml")

	failures := workedCount(cfg.Features[1].Window)
	assert.Contains(t, doc, fmt.Sprintf("`%s` = %.1f |", cfg.Features[1].Name, failures))
	assert.Contains(t, doc, fmt.Sprintf("| %.3f a second |", failures/cfg.Features[1].Window.Seconds()))

	total, level := workedScore(cfg)
	assert.Contains(t, doc, fmt.Sprintf("| %.2f, level `%s` |", total, level))
	assert.Contains(t, doc, fmt.Sprintf("| %.2f ≥ %v | kept for certain, `ot=th:0`, stands for 1 |", total, cfg.Sampling.KeepAbove))

	s, err := sampler.New(cfg.Sampling.Percentage / 100)
	require.NoError(t, err)
	kept := s.Decide(pcommon.TraceID{9: 0xf0}, "", false)
	require.True(t, kept.Keep)
	require.False(t, s.Decide(pcommon.TraceID{9: 0x80}, "", false).Keep)
	assert.Contains(t, doc, fmt.Sprintf("four digits | `%s` |", kept.TraceState))
	each := standsFor(t, kept.TraceState)
	assert.Contains(t, doc, fmt.Sprintf("| %.4f spans |", each))
	assert.Contains(t, doc, fmt.Sprintf("3 × 1 + 20 × %.4f = %.0f spans", each, 3+20*each))

	upstream := s.Decide(pcommon.TraceID{9: 0xff}, "ot=th:fc", false)
	require.True(t, upstream.Keep)
	assert.Contains(t, doc, fmt.Sprintf("| `%s`, stands for %.0f |", upstream.TraceState, standsFor(t, upstream.TraceState)))
	assert.Contains(t, doc, fmt.Sprintf("Up to %d different values are counted exactly", window.ExactElements))
	assert.Contains(t, doc, fmt.Sprintf("%d bytes per entity for count, rate and first_seen, %d for sum and ratio, %d for distinct", window.CounterBytes, window.SumBytes, window.DistinctBytes))
}

// workedCount is 30 events in one step of the window and 12 in the next one, after a quarter of it.
func workedCount(length time.Duration) (count float64) {
	c, period := window.NewCounter(window.MinEntities, 1), window.Sliding(length)
	for range 30 {
		c.Add(1, period.At(length/2))
	}
	for range 12 {
		count, _ = c.Add(1, period.At(length+length/4))
	}
	return count
}

// workedScore is the score of a span for which password_guessing, many_users_on_one_ip and server_error fired.
func workedScore(cfg *Config) (float64, annotate.Level) {
	var (
		weights []score.Weighted
		hits    rule.Hits
	)
	for i, r := range cfg.Rules {
		weights = append(weights, score.Weighted{Weight: r.Weight, Group: r.Group})
		switch r.Name {
		case "password_guessing", "many_users_on_one_ip", "server_error":
			hits.Add(i)
		}
	}
	total := score.New(weights).Score(&hits)
	return total, annotate.New(nil, cfg.Levels.Medium, cfg.Levels.High, cfg.Levels.Critical).Level(total)
}

func standsFor(tb testing.TB, traceState string) float64 {
	tb.Helper()
	w3c, err := sampling.NewW3CTraceState(traceState)
	require.NoError(tb, err)
	return w3c.OTelValue().AdjustedCount()
}
