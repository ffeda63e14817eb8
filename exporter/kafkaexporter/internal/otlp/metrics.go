// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package otlp

import "go.opentelemetry.io/collector/pdata/pmetric"

// AppendResourceMetrics appends a whole ResourceMetrics message with its tag.
func AppendResourceMetrics(b []byte, rm pmetric.ResourceMetrics) []byte {
	scopes, items := rm.ScopeMetrics(), 0
	for _, sm := range scopes.All() {
		items += sm.Metrics().Len()
	}
	b, start := Begin(b, TagResource, WidthOf(items))
	b = AppendSchema(b, rm.SchemaUrl())
	for _, sm := range scopes.All() {
		b = appendScopeMetrics(b, sm)
	}
	b = AppendResource(b, rm.Resource())
	return End(b, start, WidthOf(items))
}

func appendScopeMetrics(b []byte, sm pmetric.ScopeMetrics) []byte {
	metrics := sm.Metrics()
	b, start := Begin(b, TagScope, WidthOf(metrics.Len()))
	b = AppendSchema(b, sm.SchemaUrl())
	for _, m := range metrics.All() {
		b = appendMetric(b, m)
	}
	b = AppendScope(b, sm.Scope())
	return End(b, start, WidthOf(metrics.Len()))
}

func appendMetric(b []byte, m pmetric.Metric) []byte {
	b, start := Begin(b, TagItem, itemWidth)
	b = appendAttributes(b, 0x62, m.Metadata(), 0)
	b = appendData(b, m)
	b = appendText(b, 0x1a, m.Unit())
	b = appendText(b, 0x12, m.Description())
	b = appendText(b, 0x0a, m.Name())
	return End(b, start, itemWidth)
}

// appendData appends the points of a metric, in the message of its kind.
func appendData(b []byte, m pmetric.Metric) []byte {
	var start int
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		b, start = Begin(b, 0x2a, dataWidth)
		b = appendNumbers(b, m.Gauge().DataPoints())
	case pmetric.MetricTypeSum:
		b, start = Begin(b, 0x3a, dataWidth)
		b = appendBool(b, 0x18, m.Sum().IsMonotonic())
		b = appendUint(b, 0x10, uint64(m.Sum().AggregationTemporality()))
		b = appendNumbers(b, m.Sum().DataPoints())
	case pmetric.MetricTypeHistogram:
		b, start = Begin(b, 0x4a, dataWidth)
		b = appendUint(b, 0x10, uint64(m.Histogram().AggregationTemporality()))
		b = appendHistograms(b, m.Histogram().DataPoints())
	case pmetric.MetricTypeExponentialHistogram:
		b, start = Begin(b, 0x52, dataWidth)
		b = appendUint(b, 0x10, uint64(m.ExponentialHistogram().AggregationTemporality()))
		b = appendExponentials(b, m.ExponentialHistogram().DataPoints())
	case pmetric.MetricTypeSummary:
		b, start = Begin(b, 0x5a, dataWidth)
		b = appendSummaries(b, m.Summary().DataPoints())
	default:
		return b
	}
	return End(b, start, dataWidth)
}

const dataWidth = itemWidth
