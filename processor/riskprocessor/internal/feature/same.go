// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package feature

import "time"

// same is a feature that counts what the one at place `of` counts.
type same struct{ of int }

func (s same) observe(v []*Vector, i int, _ time.Duration) {
	for _, v := range v {
		if n := &v.Features[s.of]; n.Kind == None {
			v.Features[i].clear()
		} else {
			v.Features[i].set(n.Double)
		}
	}
}
