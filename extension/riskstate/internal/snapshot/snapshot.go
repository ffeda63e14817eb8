// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
)

// Store is what is needed of a storage client (extension/xextension/storage.Client). Get of an unknown key returns nil.
type Store interface {
	Get(ctx context.Context, key string) ([]byte, error)
	Set(ctx context.Context, key string, value []byte) error
	Delete(ctx context.Context, key string) error
}

// Save replaces the snapshot of that name by what write writes, and returns its size. After an error, the one before
// is still there.
func Save(ctx context.Context, store Store, name string, seed uint64, write func(io.Writer) error) (size int64, err error) {
	stored, err := store.Get(ctx, headKey(name))
	if err != nil {
		return 0, fmt.Errorf("read head of snapshot %q: %w", name, err)
	}
	before, _ := decodeHead(stored) // none and a damaged one are replaced alike
	w := &writer{ctx: ctx, store: store, name: name, head: head{set: (before.set + 1) % sets, id: rand.Uint64(), seed: seed}}
	w.begin()
	if err := write(w); err != nil {
		return 0, fmt.Errorf("write snapshot %q: %w", name, err)
	}
	if len(w.frame) > idBytes {
		if err := w.flush(); err != nil {
			return 0, err
		}
	}
	if err := store.Set(ctx, headKey(name), w.head.encode()); err != nil {
		return 0, fmt.Errorf("store head of snapshot %q: %w", name, err)
	}
	return int64(w.head.bytes), trim(ctx, store, name, w.head)
}

// trim removes what an older, longer snapshot left behind in the same set.
func trim(ctx context.Context, store Store, name string, h head) error {
	for n := h.chunks; ; n++ {
		key := chunkKey(name, h.set, n)
		old, err := store.Get(ctx, key)
		if err == nil && old == nil {
			return nil
		}
		if err == nil {
			err = store.Delete(ctx, key)
		}
		if err != nil {
			return fmt.Errorf("trim snapshot %q: %w", name, err)
		}
	}
}

// Load hands the snapshot of that name to read, verified. It returns [ErrNone], [ErrDamaged], [ErrVersion], [ErrSeed],
// or an error of the store or of read. read is called only if nothing else is wrong.
func Load(ctx context.Context, store Store, name string, seed uint64, read func(io.Reader) error) error {
	stored, err := store.Get(ctx, headKey(name))
	switch {
	case err != nil:
		return fmt.Errorf("read head of snapshot %q: %w", name, err)
	case stored == nil:
		return fmt.Errorf("%w %q", ErrNone, name)
	}
	h, err := decodeHead(stored)
	if err != nil {
		return fmt.Errorf("load %q: %w", name, err)
	}
	if h.seed != seed {
		return fmt.Errorf("load %q: %w", name, ErrSeed)
	}
	r := &reader{ctx: ctx, store: store, name: name, head: h}
	size, err := io.Copy(io.Discard, r)
	if err == nil && uint64(size) != h.bytes {
		err = fmt.Errorf("%w: %d bytes instead of %d", ErrDamaged, size, h.bytes)
	}
	if err != nil {
		return fmt.Errorf("load %q: %w", name, err)
	}
	if err := read(&reader{ctx: ctx, store: store, name: name, head: h}); err != nil {
		return fmt.Errorf("restore %q: %w", name, err)
	}
	return nil
}

// writer cuts a stream into chunks.
type writer struct {
	ctx   context.Context //nolint:containedctx // an io.Writer cannot be given one
	store Store
	name  string
	head  head
	frame []byte // the id and the data of the chunk that is being filled
}

func (w *writer) begin() {
	w.frame = binary.LittleEndian.AppendUint64(make([]byte, 0, ChunkBytes+chunkFrame), w.head.id)
}

func (w *writer) Write(p []byte) (written int, err error) {
	for len(p) > 0 {
		n := min(len(p), ChunkBytes+idBytes-len(w.frame))
		w.frame = append(w.frame, p[:n]...)
		written, p = written+n, p[n:]
		if len(w.frame) == ChunkBytes+idBytes {
			if err := w.flush(); err != nil {
				return written, err
			}
		}
	}
	return written, nil
}

func (w *writer) flush() error {
	if w.head.chunks == maxChunks {
		return fmt.Errorf("snapshot %q has more than %d MiB", w.name, maxChunks*ChunkBytes>>20)
	}
	w.head.bytes += uint64(len(w.frame) - idBytes)
	chunk := seal(w.frame, w.head.chunks)
	if err := w.store.Set(w.ctx, chunkKey(w.name, w.head.set, w.head.chunks), chunk); err != nil {
		return fmt.Errorf("store chunk %d of snapshot %q: %w", w.head.chunks, w.name, err)
	}
	w.head.chunks++
	w.begin() // memory of its own: a store may keep what it was given
	return nil
}

// reader puts chunks together again.
type reader struct {
	ctx   context.Context //nolint:containedctx // an io.Reader cannot be given one
	store Store
	name  string
	head  head
	next  uint32
	data  []byte
}

func (r *reader) Read(p []byte) (int, error) {
	for len(r.data) == 0 {
		if r.next == r.head.chunks {
			return 0, io.EOF
		}
		chunk, err := r.store.Get(r.ctx, chunkKey(r.name, r.head.set, r.next))
		if err != nil {
			return 0, fmt.Errorf("read chunk %d: %w", r.next, err)
		}
		if r.data, err = r.head.open(chunk, r.next); err != nil {
			return 0, err
		}
		r.next++
	}
	n := copy(p, r.data)
	r.data = r.data[n:]
	return n, nil
}

func headKey(name string) string { return name + "/head" }

func chunkKey(name string, set uint16, n uint32) string {
	return name + "/" + strconv.Itoa(int(set)) + "/" + strconv.Itoa(int(n))
}
