// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"encoding/binary"
	"strings"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	pretendedPage = 64
	pretendedSize = 256
)

// writer writes to memory as the kernel does.
type writer struct {
	*memory
	at uint64
}

func newWriter() *writer {
	control, shared := make([]byte, pretendedPage), make([]byte, pretendedPage+2*pretendedSize)
	return &writer{memory: newMemory(control, shared, pretendedPage, pretendedSize)}
}

// write appends a record; false if there is no room.
func (w *writer) write(text string, bits uint32) bool {
	total := uint64(headerSize + (len(text)+7)&^7)
	if w.at+total-*w.consumer > pretendedSize {
		return false
	}
	header := binary.NativeEndian.AppendUint32(nil, uint32(len(text))|bits)
	for i, c := range append(append(header, 0, 0, 0, 0), text...) {
		place := (w.at + uint64(i)) & w.mask
		w.data[place], w.data[place+pretendedSize] = c, c // mapped twice
	}
	w.at += total
	*w.producer = w.at
	return true
}

// commit ends the writing of the first record.
func (w *writer) commit(text string) {
	atomic.StoreUint32((*uint32)(unsafe.Pointer(&w.data[0])), uint32(len(text)))
}

func TestRecordsAreReadWhereTheyLie(t *testing.T) {
	w := newWriter()
	written, read := 0, 0
	for range 1000 {
		for w.write(strings.Repeat(string(rune('a'+written%26)), 1+written%50), 0) {
			written++
			w.write("discarded", discarded)
		}
		for {
			record, more := w.next()
			if !more {
				break
			}
			if record == nil {
				continue
			}
			require.Equal(t, strings.Repeat(string(rune('a'+read%26)), 1+read%50), string(record))
			read++
			assert.LessOrEqual(t, *w.consumer, w.memory.at)
			assert.Less(t, w.memory.at-*w.consumer, w.step+pretendedSize/2, "room is given back on the way")
		}
		w.release()
		require.Equal(t, w.at, *w.consumer, "what was read leaves room")
	}
	assert.Greater(t, written, 1000)
	assert.Equal(t, written, read)
}

func TestARecordThatIsBeingWrittenIsWaitedFor(t *testing.T) {
	w := newWriter()
	require.True(t, w.write("hello", busy))
	done := make(chan string)
	go func() {
		record, _ := w.next()
		done <- string(record)
	}()
	w.commit("hello")
	assert.Equal(t, "hello", <-done)
}
