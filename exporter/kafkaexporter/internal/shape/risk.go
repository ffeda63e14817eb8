// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package shape

import (
	"encoding/hex"
	"strconv"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/pdatautil"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/encode"
	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/recordbatch"
)

// The attributes of a span, and the headers of a record, that say how risky it is (docs/attributes.md).
const (
	riskScore = "risk.score"
	riskLevel = "risk.level"
)

// risks holds the highest risk by record key; "" stands for records without a key. A nil map has no risks.
type risks map[string]risk

// risk is that of one span, which its score and its level are taken from together.
type risk struct {
	score float64
	level string
}

// headers returns the common headers with the risk of the record of that key, or as they are if it has none.
func (r risks) headers(key []byte, common []recordbatch.Header) []recordbatch.Header {
	highest, known := r[string(key)]
	if !known {
		return common
	}
	headers := append([]recordbatch.Header(nil), common...)
	headers = append(headers, recordbatch.Header{Name: riskScore, Value: strconv.AppendFloat(nil, highest.score, 'g', -1, 64)})
	if highest.level != "" {
		headers = append(headers, recordbatch.Header{Name: riskLevel, Value: []byte(highest.level)})
	}
	return headers
}

// add keeps the higher of two risks of a key.
func (r risks) add(key string, attributes pcommon.Map) {
	score, found := attributes.Get(riskScore)
	if !found || score.Type() != pcommon.ValueTypeDouble {
		return
	}
	if highest, known := r[key]; known && highest.score >= score.Double() {
		return
	}
	higher := risk{score: score.Double()}
	if level, found := attributes.Get(riskLevel); found {
		higher.level = level.AsString()
	}
	r[key] = higher
}

func risksOfSpans(td ptrace.Traces, keying encode.Keying) risks {
	all := make(risks)
	for _, resource := range td.ResourceSpans().All() {
		key := ""
		if keying == encode.ByResource {
			hash := pdatautil.MapHash(resource.Resource().Attributes())
			key = string(hash[:])
		}
		for _, scope := range resource.ScopeSpans().All() {
			for _, span := range scope.Spans().All() {
				if keying == encode.ByTraceID {
					key = hexKey(span.TraceID())
				}
				all.add(key, span.Attributes())
			}
		}
	}
	return all
}

// hexKey is the key of a trace, "" for the trace id that says that there is none.
func hexKey(id pcommon.TraceID) string {
	if id.IsEmpty() {
		return ""
	}
	return hex.EncodeToString(id[:])
}
