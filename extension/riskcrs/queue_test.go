// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskcrs

import (
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-risk/otelcol-risk/extension/riskcrs/internal/crs"
)

func TestRequestsAreCopied(t *testing.T) {
	path := []byte("/items")
	r := &Request{Method: "POST", Path: unsafe.String(&path[0], len(path)), Query: "a=1", Headers: []Header{{"cookie", "b=2"}, {"user-agent", ""}}}
	c := copyOf(r, sizeOf(r))
	copy(path, "xxxxxx")
	want := crs.Request{Method: "POST", Path: "/items", Query: "a=1", Headers: []crs.Header{{Name: "cookie", Value: "b=2"}, {Name: "user-agent"}}}
	assert.Equal(t, want, c)
}

func TestFirstInFirstOut(t *testing.T) {
	q := newQueue(&QueueConfig{MaxRequests: 3, MaxBytes: 100})
	next := 0
	for i := range 10 { // around the ring
		require.Equal(t, taken, q.put(&Request{Path: strconv.Itoa(i)}, 1, nil))
		if i%2 == 0 {
			continue
		}
		for range 2 {
			w, ok := q.take()
			require.True(t, ok)
			assert.Equal(t, strconv.Itoa(next), w.request.Path)
			next++
		}
	}
	requests, bytes := q.size()
	assert.Zero(t, requests)
	assert.Zero(t, bytes)
}

// A list of a million empty texts is a large request, too.
func TestHeaderFieldsHaveASizeOfTheirOwn(t *testing.T) {
	empty := &Request{Path: "/", Headers: make([]Header, 1000)}
	assert.GreaterOrEqual(t, sizeOf(empty), 1000*int(unsafe.Sizeof(crs.Header{})))
	q := newQueue(&QueueConfig{MaxRequests: 3, MaxBytes: 50_000})
	require.Equal(t, taken, q.put(empty, sizeOf(empty), nil))
	assert.Equal(t, tooManyBytes, q.put(empty, sizeOf(empty), nil))
}

// TestNothingIsLostOrDoubled has many put and take at once.
func TestNothingIsLostOrDoubled(t *testing.T) {
	const each, putters, takers = 2000, 4, 4
	q := newQueue(&QueueConfig{MaxRequests: 64, MaxBytes: 1 << 20})
	var put, refused, took atomic.Int64
	var putting, taking sync.WaitGroup
	for range takers {
		taking.Go(func() {
			for _, ok := q.take(); ok; _, ok = q.take() {
				took.Add(1)
			}
		})
	}
	for range putters {
		putting.Go(func() {
			for i := range each {
				r := &Request{Path: strconv.Itoa(i)}
				if q.put(r, sizeOf(r), nil) == taken {
					put.Add(1)
				} else {
					refused.Add(1)
				}
			}
		})
	}
	putting.Wait()
	require.Eventually(t, func() bool { return took.Load() == put.Load() }, time.Minute, time.Millisecond)
	assert.Zero(t, q.close())
	taking.Wait()
	assert.EqualValues(t, each*putters, put.Load()+refused.Load())
	assert.Equal(t, notRunning, q.put(&Request{}, 0, nil))
}
