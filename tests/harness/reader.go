// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// Span is one span read back, together with the resource that it came under.
type Span struct {
	ptrace.Span
	Resource pcommon.Map
}

// Attr returns a span attribute as text, or "" when it is absent.
func (s Span) Attr(key string) string { return text(s.Attributes(), key) }

// ResourceAttr returns a resource attribute as text, or "" when it is absent.
func (s Span) ResourceAttr(key string) string { return text(s.Resource, key) }

func text(m pcommon.Map, key string) string {
	if v, ok := m.Get(key); ok {
		return v.AsString()
	}
	return ""
}

// Reader reads a topic of otlp_proto records from its beginning, with a client that is not the one under test.
// It reads committed records only.
type Reader struct {
	client *kgo.Client
	topic  string
	read   int64 // records
}

// NewReader returns a reader of one topic of the broker at addr.
func NewReader(addr, topic string) (*Reader, error) {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(addr),
		kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
	)
	if err != nil {
		return nil, fmt.Errorf("read topic %q: %w", topic, err)
	}
	return &Reader{client: client, topic: topic}, nil
}

// Poll waits for at least one record and returns the spans of all that are there, in the order of their partition.
// It returns the context's error when nothing came until then.
func (r *Reader) Poll(ctx context.Context) ([]Span, error) {
	fetches := r.client.PollFetches(ctx)
	var spans []Span
	var errs []error
	for _, e := range fetches.Errors() {
		errs = append(errs, fmt.Errorf("read topic %q partition %d: %w", e.Topic, e.Partition, e.Err))
	}
	var unmarshaler ptrace.ProtoUnmarshaler
	fetches.EachRecord(func(record *kgo.Record) {
		r.read++
		traces, err := unmarshaler.UnmarshalTraces(record.Value)
		if err != nil {
			errs = append(errs, fmt.Errorf("decode record %s/%d/%d: %w", record.Topic, record.Partition, record.Offset, err))
			return
		}
		spans = AppendSpans(spans, traces)
	})
	return spans, errors.Join(errs...)
}

// Until polls until enough says that the spans read so far are enough, and returns all that were read: also when
// the context ends first, together with its error.
func (r *Reader) Until(ctx context.Context, enough func([]Span) bool) ([]Span, error) {
	var all []Span
	for !enough(all) {
		spans, err := r.Poll(ctx)
		all = append(all, spans...)
		if err != nil {
			return all, err
		}
	}
	return all, nil
}

// Rest polls until every record that the broker holds of the topic was read, and returns the spans of those that were
// not read before. With nothing writing any more, nothing can follow.
func (r *Reader) Rest(ctx context.Context, broker *Broker) ([]Span, error) {
	return r.Until(ctx, func([]Span) bool { return r.read >= broker.Records(r.topic) })
}

// Close ends the reader.
func (r *Reader) Close() { r.client.Close() }

// AppendSpans appends every span of traces to dst. The spans point into traces.
func AppendSpans(dst []Span, traces ptrace.Traces) []Span {
	for _, resource := range traces.ResourceSpans().All() {
		for _, scope := range resource.ScopeSpans().All() {
			for _, span := range scope.Spans().All() {
				dst = append(dst, Span{Span: span, Resource: resource.Resource().Attributes()})
			}
		}
	}
	return dst
}
