// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package feature

import (
	"time"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/window"
)

// sum adds up the values of an attribute. A record without a number there adds nothing.
type sum struct {
	basis
	table window.Sum
	of    target
}

func (s *sum) observe(v []*Vector, i int, now time.Duration) {
	m := s.period.At(now)
	var k keys
	s.table.Ahead(k.entities(v, s.entity))
	for _, v := range v {
		key := v.Entities[s.entity]
		if key == 0 {
			v.Features[i].clear()
			continue
		}
		if v.Counted[i] {
			if amount, ok := v.attribute(s.of.slot).amount(); ok {
				n, outcome := s.table.Add(key, amount, m)
				v.note(i, outcome)
				v.Features[i].set(n)
				continue
			}
		}
		v.Features[i].set(s.table.Sum(key, m))
	}
}
