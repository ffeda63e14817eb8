// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package stream

import "iter"

// The open calls of a conversation are in a table, but for the one that was opened last: where a client waits for each
// answer before it asks again, the table is never used.

// open adds a call.
func (v *conversation) open(k *call) {
	if v.latest != nil {
		if v.others == nil {
			v.others = make(map[uint32]*call)
		}
		v.others[v.latest.id] = v.latest
	}
	v.latest, v.recent = k, k
}

// call returns the call of a stream; nil if there is none.
func (v *conversation) call(id uint32) *call {
	switch {
	case v.recent != nil && v.recent.id == id:
		return v.recent
	case v.latest != nil && v.latest.id == id:
		v.recent = v.latest
		return v.latest
	}
	k := v.others[id]
	if k != nil {
		v.recent = k
	}
	return k
}

// forgetCall removes a call.
func (v *conversation) forgetCall(k *call) {
	if v.recent == k {
		v.recent = nil
	}
	if v.latest == k {
		v.latest = nil
	} else {
		delete(v.others, k.id)
	}
	v.tracker.freeCall(k)
}

// calls yields all of them. They may be removed meanwhile.
func (v *conversation) calls() iter.Seq[*call] {
	return func(yield func(*call) bool) {
		if v.latest != nil && !yield(v.latest) {
			return
		}
		for _, k := range v.others {
			if !yield(k) {
				return
			}
		}
	}
}

// count is how many there are.
func (v *conversation) count() int {
	if v.latest == nil {
		return len(v.others)
	}
	return len(v.others) + 1
}
