// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package feature

import (
	"time"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/window"
)

// ratio is the share of the counted records that match. With too few of them there is no share worth the name.
type ratio struct {
	basis
	table   window.Ratio
	atLeast float64
}

func (r *ratio) observe(v []*Vector, i int, now time.Duration) {
	m := r.period.At(now)
	var k keys
	r.table.Ahead(k.entities(v, r.entity))
	for _, v := range v {
		key := v.Entities[r.entity]
		if key == 0 {
			v.Features[i].clear()
			continue
		}
		var hits, all float64
		if v.Counted[i] {
			var outcome window.Outcome
			hits, all, outcome = r.table.Add(key, v.Matched[i], m)
			v.note(i, outcome)
		} else {
			hits, all = r.table.Count(key, m)
		}
		if all < r.atLeast {
			v.Features[i].clear()
		} else {
			v.Features[i].set(hits / all)
		}
	}
}
