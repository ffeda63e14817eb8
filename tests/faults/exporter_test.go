// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter"
)

const (
	topic = "otlp_spans"
	// senders is how many goroutines send at once, so that several batches of a partition are in flight.
	senders      = 8
	spansEach    = 4 // spans a request
	testDeadline = 60 * time.Second
)

// settings are the exporter's settings as a user writes them. Waiting for the result makes ConsumeTraces return only
// when the span's fate is known; the retry is quick and never gives up. Without a linger every request is a batch of its own,
// so that there are many.
func settings(brokers []string, more map[string]any) map[string]any {
	all := map[string]any{
		"brokers":          brokers,
		"timeout":          "2s",
		"producer":         map[string]any{"linger": "0s"},
		"sending_queue":    map[string]any{"enabled": true, "num_consumers": senders, "queue_size": 1000, "wait_for_result": true},
		"retry_on_failure": map[string]any{"initial_interval": "10ms", "max_interval": "50ms", "max_elapsed_time": "0s"},
	}
	maps.Copy(all, more)
	return all
}

// startExporter starts the exporter through its factory; the test stops it when it ends.
func startExporter(t *testing.T, all map[string]any) exporter.Traces {
	t.Helper()
	factory := kafkaexporter.NewFactory()
	cfg := factory.CreateDefaultConfig()
	require.NoError(t, confmap.NewFromStringMap(all).Unmarshal(cfg))
	validator, ok := cfg.(interface{ Validate() error })
	require.True(t, ok)
	require.NoError(t, validator.Validate())
	exp, err := factory.CreateTraces(t.Context(), exportertest.NewNopSettings(component.MustNewType("kafka")), cfg)
	require.NoError(t, err)
	require.NoError(t, exp.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		require.NoError(t, exp.Shutdown(ctx))
	})
	return exp
}

// spanID makes the n-th span id; none is zero.
func spanID(n int) pcommon.SpanID {
	var id pcommon.SpanID
	binary.BigEndian.PutUint64(id[:], uint64(n)+1)
	return id
}

// request makes the n-th request, whose spans have ids of their own.
func request(n int) ptrace.Traces {
	td := ptrace.NewTraces()
	rs := td.ResourceSpans().AppendEmpty()
	rs.Resource().Attributes().PutStr("service.name", "shop")
	spans := rs.ScopeSpans().AppendEmpty().Spans()
	for i := range spansEach {
		span := spans.AppendEmpty()
		span.SetSpanID(spanID(n*spansEach + i))
		var trace pcommon.TraceID
		binary.BigEndian.PutUint64(trace[8:], uint64(n*spansEach+i)/3+1)
		span.SetTraceID(trace)
		span.SetName("GET")
		span.Attributes().PutStr("url.path", fmt.Sprintf("/cart/%d", n))
	}
	return td
}

// sendAll sends requests 0 to count-1 from several goroutines and waits until all are accepted.
func sendAll(t *testing.T, exp exporter.Traces, count int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testDeadline)
	defer cancel()
	numbers := make(chan int)
	var sending sync.WaitGroup
	for range senders {
		sending.Go(func() {
			for n := range numbers {
				if err := exp.ConsumeTraces(ctx, request(n)); err != nil {
					t.Errorf("request %d: %v", n, err)
				}
			}
		})
	}
	for n := range count {
		numbers <- n
	}
	close(numbers)
	sending.Wait()
}
