// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package otlp

import "go.opentelemetry.io/collector/pdata/pmetric"

// ResourceMetrics writes a whole ResourceMetrics message with its tag.
func (w *Writer) ResourceMetrics(rm pmetric.ResourceMetrics) {
	end := w.Mark()
	w.Resource(rm.Resource())
	scopes := rm.ScopeMetrics()
	for i := scopes.Len() - 1; i >= 0; i-- {
		w.scopeMetrics(scopes.At(i))
	}
	w.Schema(rm.SchemaUrl())
	w.Prefix(TagResource, end)
}

func (w *Writer) scopeMetrics(sm pmetric.ScopeMetrics) {
	end := w.Mark()
	w.Scope(sm.Scope())
	metrics := sm.Metrics()
	for i := metrics.Len() - 1; i >= 0; i-- {
		w.metric(metrics.At(i))
	}
	w.Schema(sm.SchemaUrl())
	w.Prefix(TagScope, end)
}

func (w *Writer) metric(m pmetric.Metric) {
	end := w.Mark()
	w.text(0x0a, m.Name())
	w.text(0x12, m.Description())
	w.text(0x1a, m.Unit())
	data := w.Mark()
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		w.numbers(m.Gauge().DataPoints())
		w.Prefix(0x2a, data)
	case pmetric.MetricTypeSum:
		w.numbers(m.Sum().DataPoints())
		w.uint(0x10, uint64(m.Sum().AggregationTemporality()))
		w.boolean(0x18, m.Sum().IsMonotonic())
		w.Prefix(0x3a, data)
	case pmetric.MetricTypeHistogram:
		w.histograms(m.Histogram().DataPoints())
		w.uint(0x10, uint64(m.Histogram().AggregationTemporality()))
		w.Prefix(0x4a, data)
	case pmetric.MetricTypeExponentialHistogram:
		w.exponentials(m.ExponentialHistogram().DataPoints())
		w.uint(0x10, uint64(m.ExponentialHistogram().AggregationTemporality()))
		w.Prefix(0x52, data)
	case pmetric.MetricTypeSummary:
		w.summaries(m.Summary().DataPoints())
		w.Prefix(0x5a, data)
	}
	w.attributes(0x62, m.Metadata())
	w.Prefix(TagItem, end)
}
