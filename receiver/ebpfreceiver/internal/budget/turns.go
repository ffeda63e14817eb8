// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package budget

import "math/rand/v2"

// Turns says which of 2^k groups of connections is followed next: each once, before any comes again, and in an order that
// is new each time. So every group is as likely as the others at any moment, whatever comes at regular times.
type Turns struct {
	rest  int
	order []int // of those that are still to come
}

// Next returns the next of 2^rest groups.
func (t *Turns) Next(rest int) uint32 {
	if rest != t.rest || len(t.order) == 0 {
		t.rest, t.order = rest, rand.Perm(1<<rest)
	}
	next := t.order[0]
	t.order = t.order[1:]
	return uint32(next)
}
