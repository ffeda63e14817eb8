// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// Metrics are the collector's own metrics at one moment, by name. A nil Metrics is empty.
type Metrics map[string]*dto.MetricFamily

// Scrape reads the Prometheus endpoint that the collector serves its own metrics on; addr is host:port.
func Scrape(ctx context.Context, addr string) (Metrics, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/metrics", http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("scrape %s: %w", addr, err)
	}
	// A connection of its own for each scrape: an idle one would outlive the caller.
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("scrape: %w", err)
	}
	defer response.Body.Close() //nolint:errcheck // closing a body that was read tells nothing
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("scrape %s: answered %q", addr, response.Status)
	}
	return ParseMetrics(response.Body)
}

// ParseMetrics reads the Prometheus text format.
func ParseMetrics(r io.Reader) (Metrics, error) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(r)
	if err != nil {
		return nil, fmt.Errorf("parse metrics: %w", err)
	}
	return families, nil
}

// Sum adds up the counters and gauges called name, with or without the suffix _total, that carry all of the labels,
// given as key, value, key, value. A metric that is not there is zero: a counter appears with its first increment.
func (m Metrics) Sum(name string, labels ...string) float64 {
	var sum float64
	for _, sample := range m.samples(name) {
		if carries(sample, labels) {
			sum += value(sample)
		}
	}
	return sum
}

// By adds up the counters and gauges called name as Sum does, one total for each value of a label.
func (m Metrics) By(name, label string) map[string]float64 {
	totals := map[string]float64{}
	for _, sample := range m.samples(name) {
		for _, pair := range sample.GetLabel() {
			if pair.GetName() == label {
				totals[pair.GetValue()] += value(sample)
			}
		}
	}
	return totals
}

// Names returns the names that begin with prefix, sorted: for an error message that has to say what is there.
func (m Metrics) Names(prefix string) []string {
	names := slices.Sorted(maps.Keys(m))
	return slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, prefix) })
}

func (m Metrics) samples(name string) []*dto.Metric {
	if family, ok := m[name]; ok {
		return family.GetMetric()
	}
	return m[name+"_total"].GetMetric()
}

func carries(sample *dto.Metric, labels []string) bool {
	for pair := range slices.Chunk(labels, 2) {
		found := slices.ContainsFunc(sample.GetLabel(), func(have *dto.LabelPair) bool {
			return have.GetName() == pair[0] && have.GetValue() == pair[1]
		})
		if !found {
			return false
		}
	}
	return true
}

func value(sample *dto.Metric) float64 {
	return sample.GetCounter().GetValue() + sample.GetGauge().GetValue() + sample.GetUntyped().GetValue()
}
