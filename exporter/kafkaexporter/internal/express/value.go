// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package express

import (
	"context"
	"fmt"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"
)

// Expressions are what a user wrote; an empty one says nothing of any item.
type Expressions struct{ Topic, Key string }

// Place is where an item goes. Both are empty if nothing is said of it.
type Place struct{ Topic, Key string }

// Part is the items of a request that go to one place, with the resources and scopes around them.
type Part[T any] struct {
	Place
	Data T
}

// Sorter sorts the items of a request, in the order in which places appear. failures counts expressions that had no value for
// an item because they failed; such an item is treated as if nothing was said of it.
type Sorter[T any] func(ctx context.Context, data T) (parts []Part[T], failures int)

// named is an expression and the setting that it comes from.
type named struct{ setting, text string }

// pair is the compiled expressions for items in a context of type K; nil for one that is empty.
type pair[K any] struct {
	topic, key *ottl.StandardStringLikeGetter[K]
}

// compile compiles the expressions of a signal. Errors name the setting.
func compile[K any](parser *ottl.Parser[K], signal string, e Expressions) (p pair[K], err error) {
	if p.topic, err = one(parser, named{signal + "::topic_from_ottl", e.Topic}); err != nil {
		return p, err
	}
	p.key, err = one(parser, named{signal + "::message_key_from_ottl", e.Key})
	return p, err
}

func one[K any](parser *ottl.Parser[K], n named) (*ottl.StandardStringLikeGetter[K], error) {
	if n.text == "" {
		return nil, nil
	}
	expression, err := parser.ParseValueExpression(n.text)
	if err != nil {
		return nil, fmt.Errorf("`%s` must be an OTTL expression, found %q: %w", n.setting, n.text, err)
	}
	return &ottl.StandardStringLikeGetter[K]{Getter: expression.Eval}, nil
}

// place returns where an item goes.
func (p *pair[K]) place(ctx context.Context, item K) (at Place, failures int) {
	var failed bool
	if at.Topic, failed = text(ctx, p.topic, item); failed {
		failures++
	}
	if at.Key, failed = text(ctx, p.key, item); failed {
		failures++
	}
	return at, failures
}

// text returns an expression's value as a text. What is not there is empty, and no failure.
func text[K any](ctx context.Context, getter *ottl.StandardStringLikeGetter[K], item K) (value string, failed bool) {
	if getter == nil {
		return "", false
	}
	found, err := getter.Get(ctx, item)
	if err != nil || found == nil {
		return "", err != nil
	}
	return *found, false
}
