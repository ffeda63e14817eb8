// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package spans

import (
	cryptorand "crypto/rand"
	"encoding/binary"
	"math/rand/v2"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/procinfo"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/resource"
)

// Settings are what all spans of a Builder have in common.
type Settings struct {
	// HostName is the resource attribute host.name.
	HostName string
	// ScopeName and ScopeVersion name the instrumentation scope.
	ScopeName, ScopeVersion string
	// Privacy says what may leave.
	Privacy Privacy
	// Random is where ids come from. Nil means a generator of its own, seeded by the operating system.
	Random rand.Source
}

// Builder makes traces of exchanges. See the package comment for its concurrency.
type Builder struct {
	settings Settings
	random   rand.Source
	traces   ptrace.Traces
	count    int

	// byPointer finds the spans of a process. byValue does, too, for a process that was forgotten and read again
	// within one batch; last is the process that was asked for last, as it mostly is the next one.
	byPointer map[*procinfo.Process]ptrace.SpanSlice
	byValue   map[procinfo.Process]ptrace.SpanSlice
	last      *procinfo.Process
	lastSpans ptrace.SpanSlice

	attributes attributes
	templates  *templates
	own        thresholds // of spans that begin a trace
	foreign    thresholds // of those that do not
}

// New returns an empty Builder.
func New(settings Settings) *Builder {
	b := &Builder{
		settings:  settings,
		random:    settings.Random,
		byPointer: make(map[*procinfo.Process]ptrace.SpanSlice),
		byValue:   make(map[procinfo.Process]ptrace.SpanSlice),
		traces:    ptrace.NewTraces(),
	}
	b.attributes.privacy = &b.settings.Privacy
	b.templates = newTemplates(&b.settings.Privacy)
	if b.random == nil {
		var seed [32]byte
		cryptorand.Read(seed[:]) // never returns an error, by its documentation
		b.random = rand.NewChaCha8(seed)
	}
	return b
}

// Len returns the number of spans that Take would return.
func (b *Builder) Len() int { return b.count }

// Take returns the spans that were appended since the last call; they belong to the caller.
func (b *Builder) Take() ptrace.Traces {
	taken := b.traces
	b.traces, b.count, b.last = ptrace.NewTraces(), 0, nil
	clear(b.byPointer)
	clear(b.byValue)
	return taken
}

// Append adds the span of x, an exchange at a socket that p owns. Nothing of x is kept; p must not change.
func (b *Builder) Append(x *protocol.Exchange, p *procinfo.Process) {
	span := b.spansOf(p).AppendEmpty()
	b.count++
	start, end := times(x)
	span.SetStartTimestamp(start)
	span.SetEndTimestamp(end)
	span.SetKind(ptrace.SpanKindServer)
	if x.Side == protocol.Client {
		span.SetKind(ptrace.SpanKindClient)
	}
	b.place(span, x)
	b.describe(span, x)
	if x.Scale > 0 && !span.ParentSpanID().IsEmpty() {
		span.Attributes().PutInt(protocol.KeyConnectionWeight, 1<<x.Scale)
	}
	b.settings.Privacy.putFields(span.Attributes(), keyRequestHeader, x.HTTP.RequestFields)
	b.settings.Privacy.putFields(span.Attributes(), keyResponseHeader, x.HTTP.ResponseFields)
}

// describe names the span of x and sets its status and attributes, but for header fields.
func (b *Builder) describe(span ptrace.Span, x *protocol.Exchange) {
	known, place := b.templates.find(x)
	if known != nil {
		known.put(span)
		return
	}
	b.attributes.reset()
	if x.Kind == protocol.GRPC {
		describeRPC(span, &b.attributes, x)
	} else {
		describeHTTP(span, &b.attributes, x)
	}
	b.attributes.put(span.Attributes())
	if place != nil {
		place.keep(span)
	}
}

// times returns when the exchange began and ended. A time that was not observed is taken from the nearest one that
// was; an end is never before its beginning.
func times(x *protocol.Exchange) (start, end pcommon.Timestamp) {
	first, last := x.Start, max(x.End, x.FirstByte)
	if first == 0 {
		first = last
		if x.FirstByte != 0 {
			first = x.FirstByte
		}
	}
	return pcommon.Timestamp(first), pcommon.Timestamp(max(first, last))
}

// place sets the span's ids and links.
func (b *Builder) place(span ptrace.Span, x *protocol.Exchange) {
	var id protocol.Identity
	if x.Identity != nil {
		id = *x.Identity
	} else {
		id = b.Identify(x)
	}
	span.SetTraceID(id.Trace)
	span.SetSpanID(id.Span)
	span.SetParentSpanID(id.Parent)
	span.SetFlags(id.Flags)
	// The randomness of a trace that others began has nothing to do with which connections were followed: Append says
	// that apart.
	threshold, thresholds := x.Threshold, &b.foreign
	if span.ParentSpanID().IsEmpty() {
		threshold, thresholds = ofConnections(x.Threshold, x.Scale), &b.own
	}
	if member := thresholds.member(threshold, &id); member != "" {
		id.State = with(member, []byte(id.State))
	}
	if id.State != "" {
		span.TraceState().FromRaw(id.State)
	}
	for _, to := range x.Links {
		link := span.Links().AppendEmpty()
		link.SetTraceID(to.Trace)
		link.SetSpanID(to.Span)
		link.SetFlags(to.Flags)
	}
}

// Identify decides what names the span of x, if nothing else is known of it than what it says itself: its trace and parent
// are those that the request names if that is valid, else it is the root of a new trace. x must have its threshold.
func (b *Builder) Identify(x *protocol.Exchange) protocol.Identity {
	id := protocol.Identity{Span: b.spanID()}
	parent, ok := parentOf(&x.HTTP)
	if !ok {
		id.Trace, id.Flags = b.traceID(), flagSampled|flagRandom
		if id.Floor = ofConnections(x.Threshold, x.Scale); id.Floor > 0 {
			b.atLeast(&id.Trace, id.Floor)
		}
		return id
	}
	if parent.w3c || !inKernel(x) {
		id.Floor = x.Threshold
	}
	id.Trace, id.Parent, id.Flags = parent.trace, parent.span, uint32(parent.flags)
	if x.Side == protocol.Server {
		id.Flags |= flagRemoteKnown | flagRemote
	}
	if state := x.HTTP.TraceState; parent.w3c && validTraceState(state) {
		id.State = withoutThreshold(state)
	}
	return id
}

// Placed says whether a request names its parent.
func Placed(x *protocol.Exchange) bool {
	_, ok := parentOf(&x.HTTP)
	return ok
}

// traceID returns a new trace id, all of whose bits are random.
func (b *Builder) traceID() (id pcommon.TraceID) {
	for id.IsEmpty() {
		binary.LittleEndian.PutUint64(id[:8], b.random.Uint64())
		binary.LittleEndian.PutUint64(id[8:], b.random.Uint64())
	}
	return id
}

// spanID returns a new span id.
func (b *Builder) spanID() (id pcommon.SpanID) {
	for id.IsEmpty() {
		binary.LittleEndian.PutUint64(id[:], b.random.Uint64())
	}
	return id
}

// spansOf returns where the spans of p go.
func (b *Builder) spansOf(p *procinfo.Process) ptrace.SpanSlice {
	if p == b.last {
		return b.lastSpans
	}
	spans, ok := b.byPointer[p]
	if !ok {
		if spans, ok = b.byValue[*p]; !ok {
			spans = b.addResource(p)
			b.byValue[*p] = spans
		}
		b.byPointer[p] = spans
	}
	b.last, b.lastSpans = p, spans
	return spans
}

// addResource adds a resource for p and its scope, and returns the spans under it.
func (b *Builder) addResource(p *procinfo.Process) ptrace.SpanSlice {
	added := b.traces.ResourceSpans().AppendEmpty()
	added.SetSchemaUrl(resource.SchemaURL)
	resource.Process(added.Resource().Attributes(), b.settings.HostName, p)
	scope := added.ScopeSpans().AppendEmpty()
	scope.SetSchemaUrl(resource.SchemaURL)
	scope.Scope().SetName(b.settings.ScopeName)
	scope.Scope().SetVersion(b.settings.ScopeVersion)
	return scope.Spans()
}
