// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package load

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// A payload is what a busy node's batch processor hands on: resourceCount resources with itemsPerResource items each,
// in tracesPerResource traces that stay within the resource.
//
// They stay within it so that both exporters make the same records: keyed by trace id, contrib makes one record for
// each trace of each resource, ours one for each trace.
const (
	resourceCount     = 8
	itemsPerResource  = 250
	tracesPerResource = 32
	// variants is the number of different payloads that are sent in turn, so that compression across the records of a
	// batch does not see the same record again.
	variants = 4
)

// records returns how many records a payload becomes.
func (s Spec) records() int64 {
	shape := s.shape()
	switch s.Key {
	case ByTrace:
		return int64(shape.resources * min(shape.items, tracesPerResource))
	case ByResource:
		return int64(shape.resources)
	default:
		return 1
	}
}

// shape is the size of a payload.
type shape struct{ resources, items int }

func (s Spec) shape() shape {
	if s.Items > 0 {
		return shape{1, s.Items}
	}
	return shape{resourceCount, itemsPerResource}
}

// words make bodies that compress about as well as real log lines do, some 3 to 6 times.
var words = [...]string{
	"payment", "accepted", "refused", "cart", "checkout", "timeout", "retry", "upstream", "session", "token", "order",
	"shipped", "stock", "cache", "miss", "hit", "slow", "query", "database", "connection", "reset", "peer", "user",
}

// filler makes reproducible content.
type filler struct{ random *rand.Rand }

func newFiller(variant int) filler { return filler{rand.New(rand.NewPCG(uint64(variant), 42))} }

func makeLogs(variant int, size shape) plog.Logs {
	f := newFiller(variant)
	payload := plog.NewLogs()
	for r := range size.resources {
		resource := payload.ResourceLogs().AppendEmpty()
		f.resource(resource.Resource(), r)
		scope := resource.ScopeLogs().AppendEmpty()
		scope.Scope().SetName("otelcol-risk/bench")
		traces := f.traceIDs()
		for i := range size.items {
			record := scope.LogRecords().AppendEmpty()
			record.SetTraceID(traces[i%len(traces)])
			record.SetSpanID(pcommon.SpanID(f.eight()))
			record.SetTimestamp(f.time())
			record.SetObservedTimestamp(f.time())
			record.SetSeverityNumber(plog.SeverityNumberInfo)
			record.SetSeverityText("INFO")
			record.Body().SetStr(f.sentence(18))
			f.attributes(record.Attributes())
		}
	}
	return payload
}

func makeTraces(variant int, size shape) ptrace.Traces {
	f := newFiller(variant)
	payload := ptrace.NewTraces()
	for r := range size.resources {
		resource := payload.ResourceSpans().AppendEmpty()
		f.resource(resource.Resource(), r)
		scope := resource.ScopeSpans().AppendEmpty()
		scope.Scope().SetName("otelcol-risk/bench")
		traces := f.traceIDs()
		for i := range size.items {
			span := scope.Spans().AppendEmpty()
			span.SetTraceID(traces[i%len(traces)])
			span.SetSpanID(pcommon.SpanID(f.eight()))
			span.SetParentSpanID(pcommon.SpanID(f.eight()))
			span.SetName("GET")
			span.SetKind(ptrace.SpanKindServer)
			span.SetStartTimestamp(f.time())
			span.SetEndTimestamp(f.time())
			span.Attributes().PutStr("url.path", "/"+f.word()+"/"+f.word())
			span.Attributes().PutStr("server.address", "shop.example")
			span.Attributes().PutStr("user_agent.original", "Mozilla/5.0 (X11; Linux x86_64) bench")
			f.attributes(span.Attributes())
		}
	}
	return payload
}

func (f filler) resource(resource pcommon.Resource, r int) {
	resource.Attributes().PutStr("service.name", fmt.Sprintf("shop-%s-%d", words[r], r))
	resource.Attributes().PutStr("host.name", "node-17")
	resource.Attributes().PutInt("process.pid", int64(4000+r))
	resource.Attributes().PutStr("container.id", fmt.Sprintf("%064x", r))
}

func (f filler) attributes(attributes pcommon.Map) {
	attributes.PutStr("http.request.method", "GET")
	attributes.PutInt("http.response.status_code", 200+int64(f.random.IntN(4))*100)
	attributes.PutStr("client.address", fmt.Sprintf("10.0.%d.%d", f.random.IntN(4), f.random.IntN(256)))
	attributes.PutDouble("risk.score", f.random.Float64())
}

func (f filler) word() string { return words[f.random.IntN(len(words))] }

func (f filler) sentence(n int) string {
	var text []byte
	for range n {
		text = append(append(text, f.word()...), ' ')
	}
	return fmt.Sprintf("%sid=%08x", text, f.random.Uint32())
}

func (f filler) traceIDs() (ids [tracesPerResource]pcommon.TraceID) {
	for i := range ids {
		binary.BigEndian.PutUint64(ids[i][:], f.random.Uint64()|1)
		binary.BigEndian.PutUint64(ids[i][8:], f.random.Uint64())
	}
	return ids
}

func (f filler) eight() (id [8]byte) {
	binary.BigEndian.PutUint64(id[:], f.random.Uint64()|1)
	return id
}

func (f filler) time() pcommon.Timestamp {
	return pcommon.Timestamp(1_790_000_000_000_000_000 + f.random.Int64N(1_000_000_000))
}
