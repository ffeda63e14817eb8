// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"math"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-risk/otelcol-risk/tests/harness"
)

func TestRiskyExchangesAreKeptAndTheRestHasItsWeight(t *testing.T) {
	const (
		good    = 1000
		failing = 40
		share   = 0.25 // sampling::percentage in risk.yaml
	)
	needRoot(t)
	s := startServer(t, "127.0.0.1")
	p := startPipeline(t, "risk.yaml", onlyPorts(t, s.addr))
	get(t, "", s.addr, "/small", good)
	get(t, "127.0.0.9", s.addr, "/broken", failing)
	spans := p.finish(2 * (good + failing))
	if lost := p.metrics.Losses(); len(lost) != 0 {
		t.Errorf("lost %v: the numbers below are of what was left", lost)
	}

	broken, busy, estimate := 0, 0, 0.0
	for _, span := range spans {
		weight, err := harness.Weight(span.TraceState().AsRaw())
		if err != nil {
			t.Fatal(err)
		}
		estimate += weight
		reasons := span.Attr("risk.reasons")
		if strings.Contains(reasons, "busy_address") {
			busy++
		}
		if strings.Contains(label(span), "/broken") {
			broken++
			checkAttrs(t, span, map[string]string{"risk.score": "0.9", "risk.level": "critical", "risk.reasons": `["failing"]`})
			if weight != 1 {
				t.Errorf("a risky span stands for %v", weight)
			}
		} else if math.Abs(weight-1/share) > 1e-6 {
			t.Errorf("a sampled span stands for %v, want %v: %s", weight, 1/share, span.TraceState().AsRaw())
		}
		if _, ok := span.Attributes().Get("risk.score"); !ok {
			t.Errorf("no score: %s", describe(span))
		}
	}
	if broken != 2*failing {
		t.Errorf("%d of %d risky spans are in Kafka", broken, 2*failing)
	}
	if busy == 0 {
		t.Error("no span of an address with more than 100 requests says so")
	}
	// The kept ones of n spans are binomial; six standard deviations are passed by chance once in 500 million runs.
	const n = 2 * good
	deviation := math.Sqrt(n*share*(1-share)) / share
	if want := float64(n + 2*failing); math.Abs(estimate-want) > 6*deviation {
		t.Errorf("the weights add up to %v, want %v ± %v", estimate, want, 6*deviation)
	}
	if got := only(spans, ptrace.SpanKindServer); len(got) == 0 {
		t.Error("no server spans")
	}
}
