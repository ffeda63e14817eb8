// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package rule

import (
	"context"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlspan"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/feature"
)

// Condition is a compiled condition on a span.
type Condition struct {
	general *ottl.Condition[*ottlspan.TransformContext]
	direct  test // nil for a condition that only OTTL can evaluate
}

// Direct says whether the condition was compiled to closures.
func (c *Condition) Direct() bool { return c.direct != nil }

// Eval evaluates the condition on the span in ctx. An error means that it could not be evaluated on this span, for
// instance because a function was given a number where it needs text.
func (c *Condition) Eval(ctx *Context) (bool, error) {
	if c.direct != nil {
		return c.direct(ctx.Vector), nil
	}
	return c.general.Eval(ctx, ctx.Span())
}

// Context carries one span through the conditions. It is a context.Context because that is the only thing that OTTL
// hands on to functions.
type Context struct {
	context.Context
	// Vector describes the span.
	Vector *feature.Vector
	// Span returns the span in the form that OTTL needs. It is called only for conditions that need OTTL.
	Span func() *ottlspan.TransformContext
}

type contextKey struct{}

// Value lets a Context be found when OTTL has wrapped it.
func (c *Context) Value(key any) any {
	if _, ok := key.(contextKey); ok {
		return c
	}
	return c.Context.Value(key)
}

// vectorOf finds the vector of the span that is being evaluated.
func vectorOf(ctx context.Context) *feature.Vector {
	if c, ok := ctx.(*Context); ok { // the usual case, without the cost of a look-up
		return c.Vector
	}
	if c, ok := ctx.Value(contextKey{}).(*Context); ok {
		return c.Vector
	}
	return nil
}
