// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package feature

import (
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// lengths is the number of key lengths told apart; longer keys share the last place.
const lengths = 64

// Reader reads the attributes that were asked for and resolves entities from them.
type Reader struct {
	hasher   hasher
	slots    map[string]int
	byLength [lengths][]slot // one look at the length rules out nearly every attribute that nobody asked for
	entities []entity
}

// Slots of the record's own fields in [Vector.Record]. On the resource, and on records that do not have them, they are
// empty.
const (
	SlotName     = iota // a span's name
	SlotKind            // a span's kind, an Int
	SlotStatus          // a span's status code, an Int
	SlotDuration        // a span's end minus its start in nanoseconds, an Int
	SlotSeverity        // a log record's severity number, an Int
	SlotBody            // a log record's body
	SlotEvent           // a log record's event name
	firstAttribute
)

type slot struct {
	key   string
	index int
}

// NewReader makes a reader that asks for nothing yet. Seed must be secret: it keeps clients from choosing values whose
// hashes meet.
func NewReader(seed uint64) *Reader {
	return &Reader{hasher: newHasher(seed), slots: map[string]int{}}
}

// Slot asks for the attribute with the given key, on the record and on the resource, and returns its place in
// [Vector.Record] and [Vector.Resource].
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

// AddEntity adds an entity and returns its place in [Vector.Entities].
func (r *Reader) AddEntity(id *Identity) int {
	e := entity{sources: make([]resolved, 0, len(id.Sources)), all: id.All, ipv4: id.IPv4Prefix, ipv6: id.IPv6Prefix}
	for _, s := range id.Sources {
		e.sources = append(e.sources, resolved{kind: s.Kind, index: r.Slot(s.Key)})
	}
	r.entities = append(r.entities, e)
	return len(r.entities) - 1
}

// Resource reads the attributes of a resource, of which values must have room for all slots.
func (r *Reader) Resource(attrs pcommon.Map, values []Value) {
	clear(values)
	r.read(attrs, values, nil)
}

// Slots is the number of slots.
func (r *Reader) Slots() int { return firstAttribute + len(r.slots) }

// Span reads a span into v and resolves the entities from it and from v.Resource.
func (r *Reader) Span(span ptrace.Span, v *Vector) {
	v.set = r.read(span.Attributes(), v.Record, forget(v.Record, v.set))
	v.kind = span.Kind()
	v.Record[SlotName].Kind, v.Record[SlotName].Text = String, span.Name()
	v.Record[SlotKind].Kind, v.Record[SlotKind].Int = Int, int64(v.kind)
	v.Record[SlotStatus].Kind, v.Record[SlotStatus].Int = Int, int64(span.Status().Code())
	v.Record[SlotDuration].Kind, v.Record[SlotDuration].Int = Int, int64(span.EndTimestamp())-int64(span.StartTimestamp())
	r.Resolve(v)
}

// Log reads a log record into v and resolves the entities from it and from v.Resource.
func (r *Reader) Log(record plog.LogRecord, v *Vector) {
	v.set = r.read(record.Attributes(), v.Record, forget(v.Record, v.set))
	v.kind = ptrace.SpanKindUnspecified
	v.Record[SlotSeverity] = Value{Kind: Int, Int: int64(record.SeverityNumber())}
	v.Record[SlotBody].clear()
	v.Record[SlotBody].read(record.Body())
	v.Record[SlotEvent] = Value{Kind: String, Text: record.EventName()}
	r.Resolve(v)
}

// Clear makes v the vector of a span of that kind without a name or attributes.
func (r *Reader) Clear(v *Vector, kind ptrace.SpanKind) {
	v.set = forget(v.Record, v.set)
	v.kind = kind
	v.Record[SlotName] = Value{Kind: String}
	v.Record[SlotKind] = Value{Kind: Int, Int: int64(kind)}
	v.Record[SlotStatus] = Value{Kind: Int, Int: int64(ptrace.StatusCodeUnset)}
	v.Record[SlotDuration] = Value{Kind: Int}
}

// Set sets an attribute of the record, if somebody asked for it. [Reader.Resolve] finds the entities afterwards.
func (r *Reader) Set(v *Vector, key string, value Value) {
	if slot, ok := r.slots[key]; ok {
		v.Record[slot] = value
		v.set = append(v.set, uint16(slot))
	}
}

// Identify says who an entity is, whatever the attributes say.
func (r *Reader) Identify(v *Vector, entity int, value string) {
	v.Entities[entity] = r.entities[entity].identify(r, &Value{Kind: String, Text: value})
}

// Resolve finds the entities from the attributes of the record and of v.Resource.
func (r *Reader) Resolve(v *Vector) {
	for i := range r.entities {
		v.Entities[i] = r.entities[i].hash(r, v)
	}
}

// read reads the attributes that were asked for into values, whose attributes must be absent, and adds their slots to set.
func (r *Reader) read(attrs pcommon.Map, values []Value, set []uint16) []uint16 {
	for key, value := range attrs.All() {
		slots := r.byLength[min(len(key), lengths-1)]
		for i := range slots {
			s := &slots[i]
			if s.key != key {
				continue
			}
			if values[s.index].Kind == None { // of a key given twice the first one counts, as in pcommon.Map.Get
				values[s.index].read(value)
				set = append(set, uint16(s.index))
			}
			break
		}
	}
	return set
}

// forget makes the attributes in the given slots absent. It is cheaper than to clear all slots, of which few are set.
func forget(values []Value, set []uint16) []uint16 {
	for _, slot := range set {
		values[slot].clear()
	}
	return set[:0]
}
