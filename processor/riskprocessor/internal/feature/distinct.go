// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package feature

import (
	"time"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/window"
)

// distinct is the number of different values. A record without one adds nothing.
type distinct struct {
	basis
	table window.Distinct
	of    target
}

func (d *distinct) observe(v []*Vector, i int, now time.Duration) {
	m := d.period.At(now)
	var k keys
	d.table.Ahead(k.entities(v, d.entity))
	for _, v := range v {
		key := v.Entities[d.entity]
		if key == 0 {
			v.Features[i].clear()
			continue
		}
		if v.Counted[i] {
			if element := d.of.hash(v); element != 0 {
				n, outcome := d.table.Add(key, element, m)
				v.note(i, outcome)
				v.Features[i].set(n)
				continue
			}
		}
		v.Features[i].set(d.table.Count(key, m))
	}
}
