// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const exposition = `# HELP otelcol_receiver_ebpf_lost_total Exchanges that were lost.
# TYPE otelcol_receiver_ebpf_lost_total counter
otelcol_receiver_ebpf_lost_total{reason="ring_full",receiver="ebpf"} 7
otelcol_receiver_ebpf_lost_total{reason="head_evicted",receiver="ebpf"} 2
otelcol_receiver_ebpf_lost_total{reason="ring_full",receiver="ebpf/two"} 1
# TYPE otelcol_process_memory_rss gauge
otelcol_process_memory_rss 1024
`

func TestMetricsAddUp(t *testing.T) {
	m, err := ParseMetrics(strings.NewReader(exposition))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		labels []string
		want   float64
	}{
		{"otelcol_receiver_ebpf_lost", nil, 10},
		{"otelcol_receiver_ebpf_lost_total", nil, 10},
		{"otelcol_receiver_ebpf_lost", []string{"reason", "ring_full"}, 8},
		{"otelcol_receiver_ebpf_lost", []string{"reason", "ring_full", "receiver", "ebpf"}, 7},
		{"otelcol_receiver_ebpf_lost", []string{"reason", "unknown"}, 0},
		{"otelcol_process_memory_rss", nil, 1024},
		{"otelcol_absent", nil, 0},
	} {
		if got := m.Sum(test.name, test.labels...); got != test.want {
			t.Errorf("sum of %s %q is %v, want %v", test.name, test.labels, got, test.want)
		}
	}
	by := m.By("otelcol_receiver_ebpf_lost", "reason")
	if len(by) != 2 || by["ring_full"] != 8 || by["head_evicted"] != 2 {
		t.Errorf("by reason: %v", by)
	}
	if names := m.Names("otelcol_receiver"); len(names) != 1 {
		t.Errorf("names are %q", names)
	}
}

func TestScrapeReportsWhatIsWrong(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		`answered "503 Service Unavailable"`: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) },
		"parse metrics": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "{{{") // a lost answer fails the test by itself
		},
	} {
		server := httptest.NewServer(handler)
		_, err := Scrape(t.Context(), server.Listener.Addr().String())
		server.Close()
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error is %v, want %q", err, name)
		}
		if _, err = Scrape(t.Context(), server.Listener.Addr().String()); err == nil {
			t.Error("a closed endpoint is no error")
		}
	}
}

func TestScrapeReadsTheEndpoint(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/metrics" {
			t.Errorf("path is %q", r.URL.Path)
		}
		if _, err := io.WriteString(w, exposition); err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	m, err := Scrape(t.Context(), server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Sum("otelcol_receiver_ebpf_lost"); got != 10 {
		t.Errorf("sum is %v", got)
	}
}
