// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// snapshotVersion is the first byte of a snapshot. The format, all numbers little endian:
//
//	version u8, then for each operation until the end:
//	hash u64
//	duration, self: a number of buckets u16, then for each: bucket u8, count f32
//	flags u8: 1 if the shapes follow
//	child sets, [shapes]: total f32, slots in use u8, then for each: key u32, count f32
//	children: as above
//	calls f32, failures f32
//	observations f64, then a long-run variance f64 for each channel
//
// What fades within minutes, the levels themselves, is not part of it.
const snapshotVersion = 1

// Snapshot writes what was learned, for Restore. Scoring goes on: a stripe at a time is locked, and none while bytes are
// written.
func (m *Model) Snapshot(w io.Writer) error {
	_, err := w.Write(m.encode())
	return err
}

func (m *Model) encode() []byte {
	out := []byte{snapshotVersion}
	for i := range m.stripes {
		s := &m.stripes[i]
		s.mu.Lock()
		for hash, o := range s.operations {
			out = o.appendTo(binary.LittleEndian.AppendUint64(out, hash))
		}
		s.mu.Unlock()
	}
	return out
}

// Restore replaces what was learned by a snapshot. With an error nothing has changed. Operations for which there is no
// room are left out: they are learned again.
func (m *Model) Restore(from io.Reader) error {
	snapshot, err := io.ReadAll(from)
	if err != nil {
		return fmt.Errorf("read snapshot: %w", err)
	}
	return m.decode(snapshot)
}

func (m *Model) decode(snapshot []byte) error {
	r := reader{rest: snapshot}
	if v := r.u8(); r.err == nil && v != snapshotVersion {
		return fmt.Errorf("read snapshot: version must be %d, found %d", snapshotVersion, v)
	}
	var restored [stripes]map[uint64]*operation
	for i := range restored {
		restored[i] = map[uint64]*operation{}
	}
	for r.err == nil && len(r.rest) > 0 {
		hash := r.u64()
		o := r.operation()
		place := mix(hash) % stripes
		if len(restored[place]) < m.most {
			restored[place][hash] = o
		}
	}
	if r.err != nil {
		return fmt.Errorf("read snapshot: %w", r.err)
	}
	for i := range m.stripes {
		s := &m.stripes[i]
		s.mu.Lock()
		s.operations = restored[i]
		s.mu.Unlock()
	}
	return nil
}

func (o *operation) appendTo(out []byte) []byte {
	out = o.self.appendTo(o.duration.appendTo(out))
	if o.shapes == nil {
		out = o.childSets.appendTo(append(out, 0))
	} else {
		out = o.shapes.appendTo(o.childSets.appendTo(append(out, 1)))
	}
	out = appendSlots(out, o.children.total, o.children.operations[:], o.children.counts[:])
	out = appendFloat(appendFloat(out, o.calls), o.failures)
	out = binary.LittleEndian.AppendUint64(out, math.Float64bits(o.levels.observations))
	for _, v := range o.levels.variances {
		out = binary.LittleEndian.AppendUint64(out, math.Float64bits(v))
	}
	return out
}

func (t *tail) appendTo(out []byte) []byte {
	start := len(out)
	out = append(out, 0, 0)
	n := uint16(0)
	for b, c := range t.counts {
		if c > 0 {
			n++
			out = appendFloat(append(out, uint8(b)), c)
		}
	}
	binary.LittleEndian.PutUint16(out[start:], n)
	return out
}

func (o *outcomes) appendTo(out []byte) []byte {
	return appendSlots(out, o.total, o.keys[:], o.counts[:])
}

func appendSlots(out []byte, total float32, keys []uint32, counts []float32) []byte {
	out = appendFloat(out, total)
	place := len(out)
	out = append(out, 0)
	for i, c := range counts {
		if c > 0 {
			out[place]++
			out = appendFloat(binary.LittleEndian.AppendUint32(out, keys[i]), c)
		}
	}
	return out
}

func appendFloat(out []byte, x float32) []byte {
	return binary.LittleEndian.AppendUint32(out, math.Float32bits(x))
}

// reader reads numbers until the first fault.
type reader struct {
	rest []byte
	err  error
}

var (
	errShort = errors.New("it ends too early")
	errCount = errors.New("a count is not a number of spans")
)

func (r *reader) next(n int) []byte {
	if r.err == nil && len(r.rest) < n {
		r.err = errShort
	}
	if r.err != nil {
		return make([]byte, n)
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) u8() uint8   { return r.next(1)[0] }
func (r *reader) u64() uint64 { return binary.LittleEndian.Uint64(r.next(8)) }
func (r *reader) u32() uint32 { return binary.LittleEndian.Uint32(r.next(4)) }

// count reads a number that can be a count. Anything else could make scores that are no numbers.
func (r *reader) count() float32 {
	x := math.Float32frombits(r.u32())
	if !(x >= 0 && x <= 2*tailHalving) && r.err == nil {
		r.err = errCount
	}
	return x
}

func (r *reader) sum(most float64) float64 {
	x := math.Float64frombits(r.u64())
	if !(x >= 0 && x <= most) && r.err == nil {
		r.err = errCount
	}
	return x
}

func (r *reader) operation() *operation {
	o := &operation{}
	r.tail(&o.duration)
	r.tail(&o.self)
	flags := r.u8()
	o.childSets.total = r.slots(o.childSets.keys[:], o.childSets.counts[:])
	if flags&1 != 0 {
		o.shapes = &outcomes{}
		o.shapes.total = r.slots(o.shapes.keys[:], o.shapes.counts[:])
	}
	o.children.total = r.slots(o.children.operations[:], o.children.counts[:])
	o.calls, o.failures = r.count(), r.count()
	if o.failures > o.calls && r.err == nil {
		r.err = errCount
	}
	o.levels.observations = r.sum(2 * levelHalving)
	for c := range o.levels.variances {
		o.levels.variances[c] = r.sum(1e9)
	}
	return o
}

func (r *reader) tail(t *tail) {
	n := binary.LittleEndian.Uint16(r.next(2))
	for range n {
		b, c := r.u8(), r.count()
		if r.err != nil {
			return
		}
		t.counts[b] = c
	}
	for b, c := range t.counts {
		t.blocks[b>>blockBits] += c
		t.total += c
	}
	if t.total > 2*tailHalving {
		r.err = errCount
	}
	t.fit()
}

// slots reads the slots in use. There cannot be more of them than there is room, nor more in them than in total.
func (r *reader) slots(keys []uint32, counts []float32) (total float32) {
	total = r.count()
	n := int(r.u8())
	if n > len(keys) && r.err == nil {
		r.err = errCount
	}
	for i := range min(n, len(keys)) {
		keys[i], counts[i] = r.u32(), r.count()
		if counts[i] > total+1 && r.err == nil {
			r.err = errCount
		}
	}
	return total
}
