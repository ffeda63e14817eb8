// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package snapshot

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const seed = 42

// memory is a store that fails after a number of writes, if that is not negative.
type memory struct {
	values    map[string][]byte
	writeable int
}

var errFull = errors.New("no space left")

func newMemory() *memory { return &memory{values: map[string][]byte{}, writeable: -1} }

func (m *memory) Get(_ context.Context, key string) ([]byte, error) { return m.values[key], nil }

func (m *memory) Set(_ context.Context, key string, value []byte) error {
	if m.writeable == 0 {
		return errFull
	}
	m.writeable--
	m.values[key] = value
	return nil
}

func (m *memory) Delete(_ context.Context, key string) error {
	delete(m.values, key)
	return nil
}

func save(t testing.TB, m *memory, data []byte) {
	t.Helper()
	size, err := Save(t.Context(), m, "risk", seed, func(w io.Writer) error {
		// In uneven pieces, so that chunks do not end where writes do.
		for rest := data; len(rest) > 0; {
			n := min(len(rest), 1+rand.IntN(300_000))
			if _, err := w.Write(rest[:n]); err != nil {
				return err
			}
			rest = rest[n:]
		}
		return nil
	})
	require.NoError(t, err)
	require.EqualValues(t, len(data), size)
}

func load(ctx context.Context, m *memory, seed uint64) (data []byte, err error) {
	err = Load(ctx, m, "risk", seed, func(r io.Reader) (err error) {
		data, err = io.ReadAll(r)
		return err
	})
	return data, err
}

func random(n int) []byte {
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(rand.Uint32())
	}
	return data
}

func TestSnapshotsOfEverySizeComeBack(t *testing.T) {
	m := newMemory()
	_, err := load(t.Context(), m, seed)
	require.ErrorIs(t, err, ErrNone)
	for _, size := range []int{3*ChunkBytes + 5, 0, 1, ChunkBytes - 1, ChunkBytes, 2 * ChunkBytes, 7} {
		data := random(size)
		save(t, m, data)
		got, err := load(t.Context(), m, seed)
		require.NoError(t, err)
		require.True(t, bytes.Equal(data, got), "%d bytes", size)
	}
	assert.LessOrEqual(t, len(m.values), 1+2+1, "chunks of longer snapshots are left: %q", maps.Keys(m.values))
}

func TestAFailedSaveKeepsTheSnapshotBefore(t *testing.T) {
	data := random(3*ChunkBytes + 1)
	for writes := range 5 {
		m := newMemory()
		save(t, m, data)
		m.writeable = writes
		_, err := Save(t.Context(), m, "risk", seed, func(w io.Writer) error {
			_, err := w.Write(random(4 * ChunkBytes))
			return err
		})
		require.ErrorIs(t, err, errFull)
		got, err := load(t.Context(), m, seed)
		require.NoError(t, err, "after %d writes", writes)
		require.True(t, bytes.Equal(data, got))
	}
}

func TestAnotherSeedOrVersionIsNotRestored(t *testing.T) {
	m := newMemory()
	save(t, m, []byte("state"))
	_, err := load(t.Context(), m, seed+1)
	require.ErrorIs(t, err, ErrSeed)
	m.values["risk/head"][4]++
	_, err = load(t.Context(), m, seed)
	require.ErrorIs(t, err, ErrVersion)
	save(t, m, []byte("state")) // and can be replaced
	_, err = load(t.Context(), m, seed)
	require.NoError(t, err)
}

// TestDamageIsNoticedBeforeTheFirstByte changes every byte of the head, some of the chunks, and takes whole ones away.
func TestDamageIsNoticedBeforeTheFirstByte(t *testing.T) {
	m := newMemory()
	save(t, m, random(2*ChunkBytes+100))
	damaged := func(key string, value []byte) {
		t.Helper()
		broken := &memory{values: maps.Clone(m.values), writeable: -1}
		broken.values[key] = value
		err := Load(t.Context(), broken, "risk", seed, func(io.Reader) error {
			t.Errorf("%s is damaged, but read", key)
			return nil
		})
		if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrVersion) && !errors.Is(err, ErrNone) {
			t.Errorf("%s: %v", key, err)
		}
	}
	for key, value := range m.values {
		step := 1
		if !strings.HasSuffix(key, "head") {
			step = 99_991
		}
		for i := 0; i < len(value); i += step {
			flipped := bytes.Clone(value)
			flipped[i] ^= 1 << rand.IntN(8)
			damaged(key, flipped)
		}
		damaged(key, value[:len(value)-1])
		damaged(key, nil)
	}
	damaged("risk/1/0", m.values["risk/1/1"])
}

func FuzzLoad(f *testing.F) {
	m := newMemory()
	save(f, m, []byte("some state"))
	f.Add(m.values["risk/head"], m.values["risk/1/0"])
	f.Fuzz(func(t *testing.T, head, chunk []byte) {
		changed := &memory{values: map[string][]byte{"risk/head": head, "risk/1/0": chunk}, writeable: -1}
		got, err := load(t.Context(), changed, seed)
		if err == nil && len(got) != len(chunk)-chunkFrame && len(got) != 0 {
			t.Fatalf("%d bytes out of a chunk of %d", len(got), len(chunk))
		}
		save(t, changed, []byte("next"))
		if got, err = load(t.Context(), changed, seed); err != nil || string(got) != "next" {
			t.Fatalf("saved over it: %q, %v", got, err)
		}
	})
}

func BenchmarkSave(b *testing.B) {
	data := random(16 * ChunkBytes)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		save(b, newMemory(), data)
	}
}
