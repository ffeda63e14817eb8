// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"maps"
	"strings"
	"testing"
)

func TestLossesAreNamedByComponentAndReason(t *testing.T) {
	const text = exposition + `# TYPE otelcol_exporter_send_failed_spans_total counter
otelcol_exporter_send_failed_spans_total{exporter="kafka"} 4
# TYPE otelcol_exporter_enqueue_failed_spans_total counter
otelcol_exporter_enqueue_failed_spans_total{exporter="kafka"} 0
# TYPE otelcol_processor_risk_spans_sampled_out_total counter
otelcol_processor_risk_spans_sampled_out_total{processor="risk"} 90
`
	m, err := ParseMetrics(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int{"ebpf: ring_full": 8, "ebpf: head_evicted": 2, "kafka: send failed": 4}
	if got := m.Losses(); !maps.Equal(got, want) || Total(got) != 14 {
		t.Errorf("losses are %v, want %v", got, want)
	}
	if got := m.SampledOut(); got != 90 {
		t.Errorf("sampled out: %d", got)
	}
	if got := Metrics(nil).Losses(); len(got) != 0 {
		t.Errorf("losses of nothing are %v", got)
	}
}
