// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package feature

import (
	"time"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/window"
)

// count is the number of records in the window, times a factor: a count or a rate.
type count struct {
	basis
	table  window.Counter
	factor float64
}

func (c *count) observe(v []*Vector, i int, now time.Duration) {
	m := c.period.At(now)
	var k keys
	c.table.Ahead(k.entities(v, c.entity))
	for _, v := range v {
		key := v.Entities[c.entity]
		switch {
		case key == 0:
			v.Features[i].clear()
		case v.Counted[i]:
			n, outcome := c.table.Add(key, m)
			v.note(i, outcome)
			v.Features[i].set(n * c.factor)
		default:
			v.Features[i].set(c.table.Count(key, m) * c.factor)
		}
	}
}
