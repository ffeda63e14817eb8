// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package feature

import (
	"hash/maphash"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// lengths is the number of key lengths told apart; longer keys share the last place.
const lengths = 64

// Reader reads the attributes that were asked for and resolves entities from them.
type Reader struct {
	seed     maphash.Seed
	slots    map[string]int
	byLength [lengths][]slot // one look at the length rules out nearly every attribute that nobody asked for
	entities []entity
}

// Slots of the span's own fields in [Vector.Span]. On the resource they are empty.
const (
	SlotName   = iota // the span's name
	SlotKind          // the span's kind, an Int
	SlotStatus        // the span's status code, an Int
	firstAttribute
)

type slot struct {
	key   string
	index int
}

type entity struct {
	sources []resolved
}

// resolved is a Source with its key replaced by a slot.
type resolved struct {
	kind  ptrace.SpanKind // SpanKindUnspecified matches every span
	index int
}

// NewReader makes a reader that asks for nothing yet. Seed must be secret: it keeps clients from choosing values whose
// hashes meet.
func NewReader(seed maphash.Seed) *Reader {
	return &Reader{seed: seed, slots: map[string]int{}}
}

// Slot asks for the attribute with the given key, on the span and on the resource, and returns its place in
// [Vector.Span] and [Vector.Resource].
func (r *Reader) Slot(key string) int {
	if index, ok := r.slots[key]; ok {
		return index
	}
	index := firstAttribute + len(r.slots)
	r.slots[key] = index
	place := min(len(key), lengths-1)
	r.byLength[place] = append(r.byLength[place], slot{key, index})
	return index
}

// AddEntity adds an entity that is identified by the first of the sources that has a value, and returns its place in
// [Vector.Entities].
func (r *Reader) AddEntity(sources []Source) int {
	e := entity{sources: make([]resolved, 0, len(sources))}
	for _, s := range sources {
		e.sources = append(e.sources, resolved{kind: s.Kind, index: r.Slot(s.Key)})
	}
	r.entities = append(r.entities, e)
	return len(r.entities) - 1
}

// Resource reads the attributes of a resource into v. They stay until the next call.
func (r *Reader) Resource(attrs pcommon.Map, v *Vector) { r.read(attrs, v.Resource) }

// Span reads the attributes of a span into v and resolves the entities from them and from the resource read before.
func (r *Reader) Span(span ptrace.Span, v *Vector) {
	r.read(span.Attributes(), v.Span)
	v.Span[SlotName] = Value{Kind: String, Text: span.Name()}
	v.Span[SlotKind] = Value{Kind: Int, Int: int64(span.Kind())}
	v.Span[SlotStatus] = Value{Kind: Int, Int: int64(span.Status().Code())}
	for i := range r.entities {
		v.Entities[i] = r.resolve(&r.entities[i], span.Kind(), v)
	}
}

func (r *Reader) read(attrs pcommon.Map, into []Value) {
	clear(into)
	for key, value := range attrs.All() {
		for _, s := range r.byLength[min(len(key), lengths-1)] {
			if s.key == key {
				if into[s.index].Kind == None { // of a key given twice the first one counts, as in pcommon.Map.Get
					into[s.index] = valueOf(value)
				}
				break
			}
		}
	}
}

func (r *Reader) resolve(e *entity, kind ptrace.SpanKind, v *Vector) uint64 {
	for _, s := range e.sources {
		if s.kind != ptrace.SpanKindUnspecified && s.kind != kind {
			continue
		}
		if h := r.hash(s.index, v); h != 0 {
			return h
		}
	}
	return 0
}

// hash returns the hash of the attribute in a slot, the span's before the resource's, or 0.
func (r *Reader) hash(index int, v *Vector) uint64 {
	if h := v.Span[index].hash(r.seed); h != 0 {
		return h
	}
	return v.Resource[index].hash(r.seed)
}
