// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package recordbatch

import "sync"

// Pool recycles the buffers of batches. The zero value is ready to use; it is safe for concurrent use.
type Pool struct {
	pool sync.Pool
}

// maxPooled keeps a few giant batches from pinning their memory for ever.
const maxPooled = 16 << 20

// Get returns an empty buffer with some capacity, owned by the caller.
func (p *Pool) Get() *[]byte {
	if b, ok := p.pool.Get().(*[]byte); ok {
		*b = (*b)[:0]
		return b
	}
	return new([]byte)
}

// Put takes a buffer back. Nobody may read or write it afterwards.
func (p *Pool) Put(b *[]byte) {
	if cap(*b) <= maxPooled {
		p.pool.Put(b)
	}
}
