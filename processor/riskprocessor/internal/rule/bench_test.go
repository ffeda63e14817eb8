// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package rule

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkCondition evaluates one condition as closures, by OTTL, and one that only OTTL can evaluate.
func BenchmarkCondition(b *testing.B) {
	const text = `span.attributes["int"] == 401 and Feature("one") > 10`
	for name, choose := range map[string]func(c *Condition) *Condition{
		"closures": func(c *Condition) *Condition { return c },
		"OTTL":     func(c *Condition) *Condition { return &Condition{general: c.general} },
	} {
		b.Run(name, func(b *testing.B) {
			g := newRig(b)
			g.fill(b)
			compiled, err := g.Compile(text)
			require.NoError(b, err)
			c, ctx := choose(compiled), g.context(b)
			b.ReportAllocs()
			for b.Loop() {
				if holds, err := c.Eval(ctx); err != nil || !holds {
					b.Fatal(holds, err)
				}
			}
		})
	}
}
