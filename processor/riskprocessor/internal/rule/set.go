// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package rule

// Set is an ordered list of conditions that are evaluated together. A nil condition holds for every record.
type Set []*Condition

// Eval evaluates every condition on the record in ctx and returns those that hold. A condition that ends in an error does
// not hold; failed, if not nil, is told its place and the error.
func (s Set) Eval(ctx *Context, failed func(place int, err error)) Hits {
	var hits Hits
	for i, c := range s {
		if c == nil {
			hits.Add(i)
			continue
		}
		holds, err := c.Eval(ctx)
		switch {
		case err != nil && failed != nil:
			failed(i, err)
		case holds:
			hits.Add(i)
		}
	}
	return hits
}
