// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package rule

import (
	"context"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottllog"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlspan"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/feature"
)

// Condition is a compiled condition.
type Condition struct {
	general general
	direct  test      // nil for a condition that only OTTL can evaluate
	texts   []operand // what must be text, or absent, for direct to mean the same as general
}

// Never returns a condition that does not hold, which is what a condition on spans is for log records.
func Never() *Condition { return &Condition{direct: func(*feature.Vector) bool { return false }} }

// Direct says whether the condition was compiled to closures.
func (c *Condition) Direct() bool { return c.direct != nil }

// Eval evaluates the condition on the record in ctx. An error means that it could not be evaluated on this record, for
// instance because a function was given a number where it needs text.
func (c *Condition) Eval(ctx *Context) (bool, error) {
	if c.direct == nil || len(c.texts) > 0 && !c.textual(ctx.Vector) {
		return c.general(ctx)
	}
	return c.direct(ctx.Vector), nil
}

func (c *Condition) textual(v *feature.Vector) bool {
	for _, o := range c.texts {
		if kind := o.of(v).Kind; kind != feature.String && kind != feature.None {
			return false
		}
	}
	return true
}

// Context carries one record through the conditions. It is a context.Context because that is the only thing that OTTL
// hands on to functions.
type Context struct {
	context.Context
	// Vector describes the record.
	Vector *feature.Vector
	// Span returns the record, a span, in the form that OTTL needs. It is called only for conditions that need OTTL.
	Span func() *ottlspan.TransformContext
	// Log is the same for a log record.
	Log func() *ottllog.TransformContext
}

type contextKey struct{}

// Value lets a Context be found when OTTL has wrapped it.
func (c *Context) Value(key any) any {
	if _, ok := key.(contextKey); ok {
		return c
	}
	return c.Context.Value(key)
}

// vectorOf finds the vector of the record that is being evaluated.
func vectorOf(ctx context.Context) *feature.Vector {
	if c, ok := ctx.(*Context); ok { // the usual case, without the cost of a look-up
		return c.Vector
	}
	if c, ok := ctx.Value(contextKey{}).(*Context); ok {
		return c.Vector
	}
	return nil
}
