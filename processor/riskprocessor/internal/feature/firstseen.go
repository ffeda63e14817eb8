// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package feature

import (
	"time"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/window"
)

// firstSeen is the age, in seconds, of an entity or of its use of a value: 0 when that is new. Until the feature itself is
// old enough to know what is new, there is no number.
type firstSeen struct {
	basis
	table  window.Age
	of     target
	warmUp time.Duration
	since  *moment
}

func (f *firstSeen) observe(v []*Vector, i int, now time.Duration) {
	m := f.period.At(now)
	var k keys
	for i, v := range v {
		k[i] = f.key(v)
	}
	f.table.Ahead(k[:len(v)])
	warm := now-f.since.orNow(now) >= f.warmUp
	for n, v := range v {
		key := k[n]
		if key == 0 {
			v.Features[i].clear()
			continue
		}
		var age float64
		if v.Counted[i] {
			var outcome window.Outcome
			age, outcome = f.table.See(key, m)
			v.note(i, outcome)
		} else {
			age, _ = f.table.Seen(key, m)
		}
		if warm {
			v.Features[i].set(age)
		} else {
			v.Features[i].clear()
		}
	}
}

// key is that of the entity, or of the entity with the value, 0 when one of them is missing.
func (f *firstSeen) key(v *Vector) uint64 {
	key := v.Entities[f.entity]
	if key == 0 || f.of.entity < 0 && f.of.slot < 0 {
		return key
	}
	value := f.of.hash(v)
	if value == 0 {
		return 0
	}
	return join(key, value)
}
