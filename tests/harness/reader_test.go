// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

const topic = "otlp_spans"

func startBroker(t *testing.T) *Broker {
	t.Helper()
	broker, err := StartBroker(2, topic)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	return broker
}

func produce(t *testing.T, addr string, value []byte) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.DefaultProduceTopic(topic))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.ProduceSync(t.Context(), &kgo.Record{Value: value}).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

func tracesOf(service string, spans ...string) ptrace.Traces {
	traces := ptrace.NewTraces()
	resource := traces.ResourceSpans().AppendEmpty()
	resource.Resource().Attributes().PutStr("service.name", service)
	scope := resource.ScopeSpans().AppendEmpty()
	for _, name := range spans {
		span := scope.Spans().AppendEmpty()
		span.SetName(name)
		span.Attributes().PutInt("http.response.status_code", 200)
	}
	return traces
}

func newReader(t *testing.T, broker *Broker) *Reader {
	t.Helper()
	reader, err := NewReader(broker.Addr(), topic)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(reader.Close)
	return reader
}

func TestReaderReturnsEverySpanWithItsResource(t *testing.T) {
	broker := startBroker(t)
	var marshaler ptrace.ProtoMarshaler
	for _, traces := range []ptrace.Traces{tracesOf("shop", "GET", "POST"), tracesOf("payment", "PUT")} {
		value, err := marshaler.MarshalTraces(traces)
		if err != nil {
			t.Fatal(err)
		}
		produce(t, broker.Addr(), value)
	}
	ctx, cancel := context.WithTimeout(t.Context(), grace)
	defer cancel()
	spans, err := newReader(t, broker).Until(ctx, func(s []Span) bool { return len(s) >= 3 })
	if err != nil {
		t.Fatal(err)
	}
	services := map[string]string{}
	for _, span := range spans {
		services[span.Name()] = span.ResourceAttr("service.name")
		if got := span.Attr("http.response.status_code"); got != "200" {
			t.Errorf("status of %s is %q", span.Name(), got)
		}
		if got := span.Attr("absent"); got != "" {
			t.Errorf("an absent attribute is %q", got)
		}
	}
	if services["GET"] != "shop" || services["POST"] != "shop" || services["PUT"] != "payment" || len(spans) != 3 {
		t.Errorf("spans are %v", services)
	}
}

func TestReaderReportsARecordThatIsNotOTLP(t *testing.T) {
	broker := startBroker(t)
	produce(t, broker.Addr(), []byte("not otlp"))
	ctx, cancel := context.WithTimeout(t.Context(), grace)
	defer cancel()
	_, err := newReader(t, broker).Poll(ctx)
	if err == nil || !strings.Contains(err.Error(), "decode record "+topic) {
		t.Errorf("error is %v", err)
	}
}

func TestReaderReturnsWhatItHasWhenTheContextEnds(t *testing.T) {
	broker := startBroker(t)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	spans, err := newReader(t, broker).Until(ctx, func([]Span) bool { return false })
	if !errors.Is(err, context.DeadlineExceeded) || len(spans) != 0 {
		t.Errorf("%d spans, error %v", len(spans), err)
	}
}

func TestRestIsWhatWasNotReadBefore(t *testing.T) {
	broker := startBroker(t)
	reader := newReader(t, broker)
	ctx, cancel := context.WithTimeout(t.Context(), grace)
	defer cancel()
	if spans, err := reader.Rest(ctx, broker); err != nil || len(spans) != 0 {
		t.Errorf("of an empty topic: %d spans, error %v", len(spans), err)
	}
	var marshaler ptrace.ProtoMarshaler
	value, err := marshaler.MarshalTraces(tracesOf("shop", "GET", "POST"))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		produce(t, broker.Addr(), value)
	}
	first, err := reader.Poll(ctx)
	if err != nil {
		t.Fatal(err)
	}
	rest, err := reader.Rest(ctx, broker)
	if err != nil || len(first)+len(rest) != 6 || broker.Records(topic) != 3 {
		t.Errorf("%d and %d spans of %d records, error %v", len(first), len(rest), broker.Records(topic), err)
	}
}
