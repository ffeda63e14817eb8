// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskstate

import (
	"errors"
	"sync"
)

// members tells who asks how many collectors the fleet has. It may be used by many goroutines at once; callbacks are
// called one after the other, and must not block.
type members struct {
	mu        sync.Mutex // guards the following, and is held during callbacks, which makes them serial
	known     int        // 0 reads as 1: this collector
	last      int        // number given to the last subscriber
	callbacks map[int]func(int)
}

func (m *members) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return max(1, m.known)
}

func (m *members) changed(count int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.known = count
	for _, callback := range m.callbacks {
		callback(max(1, count))
	}
}

func (m *members) subscribe(callback func(int)) (cancel func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.callbacks == nil {
		m.callbacks = map[int]func(int){}
	}
	m.last++
	id := m.last
	m.callbacks[id] = callback
	callback(max(1, m.known))
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.callbacks, id)
	}
}

// SubscribeMemberCount calls callback with the number of collectors of the fleet, now and whenever it changes, until
// cancel is called. Callbacks are serial and must not block. Without Redis the fleet is this collector.
func (s *riskState) SubscribeMemberCount(callback func(count int)) (cancel func(), err error) {
	if callback == nil {
		return nil, errors.New("subscribe to the number of members: there is no callback")
	}
	return s.members.subscribe(callback), nil
}
