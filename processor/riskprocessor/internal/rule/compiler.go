// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package rule

import (
	"fmt"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottllog"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlspan"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/ottlfuncs"
	"go.opentelemetry.io/collector/component"
)

// Signal is what conditions are evaluated on.
type Signal uint8

const (
	// Spans are the records of traces.
	Spans Signal = iota
	// Logs are log records.
	Logs
)

// general is a condition as OTTL compiled it.
type general func(ctx *Context) (bool, error)

// Slots gives attributes their places, see feature.Reader.
type Slots interface {
	Slot(key string) int
}

// Compiler compiles conditions on one signal. It may be used by one goroutine.
type Compiler struct {
	signal Signal
	parse  func(text string) (general, error)
	slots  Slots
	names  *Names
}

// NewCompiler makes a compiler for conditions that can use the given names. Slots is asked for the attributes that
// closures read.
func NewCompiler(settings component.TelemetrySettings, signal Signal, slots Slots, names *Names) (*Compiler, error) {
	c := &Compiler{signal: signal, slots: slots, names: names}
	var err error
	if signal == Logs {
		c.parse, err = logParser(settings, names)
	} else {
		c.parse, err = spanParser(settings, names)
	}
	if err != nil {
		return nil, fmt.Errorf("make OTTL parser: %w", err)
	}
	return c, nil
}

func spanParser(settings component.TelemetrySettings, names *Names) (func(string) (general, error), error) {
	functions := ottlfuncs.StandardConverters[*ottlspan.TransformContext]()
	own := append(textFactories[*ottlspan.TransformContext](names),
		ottlfuncs.NewIsRootSpanFactoryNew(),
		newFeatureFactory[*ottlspan.TransformContext](names.Features))
	for _, f := range own {
		functions[f.Name()] = f
	}
	parser, err := ottlspan.NewParser(functions, settings, ottlspan.EnablePathContextNames())
	if err != nil {
		return nil, err
	}
	return withContextNames(settings, ottlspan.ContextName, &parser, func(c *Context) *ottlspan.TransformContext { return c.Span() })
}

func logParser(settings component.TelemetrySettings, names *Names) (func(string) (general, error), error) {
	functions := ottlfuncs.StandardConverters[*ottllog.TransformContext]()
	for _, f := range append(textFactories[*ottllog.TransformContext](names), newFeatureFactory[*ottllog.TransformContext](names.Features)) {
		functions[f.Name()] = f
	}
	parser, err := ottllog.NewParser(functions, settings, ottllog.EnablePathContextNames())
	if err != nil {
		return nil, err
	}
	return withContextNames(settings, ottllog.ContextName, &parser, func(c *Context) *ottllog.TransformContext { return c.Log() })
}

// withContextNames returns a function that compiles conditions. The collection is used for one thing: it puts the name
// of the context before paths written without one.
func withContextNames[K any](
	settings component.TelemetrySettings, name string, parser *ottl.Parser[K], record func(*Context) K,
) (func(string) (general, error), error) {
	type conditions = []*ottl.Condition[K]
	collection, err := ottl.NewParserCollection(settings, ottl.WithParserCollectionContext(name, parser,
		ottl.WithConditionConverter(func(_ *ottl.ParserCollection[conditions], _ ottl.ConditionsGetter, parsed conditions) (conditions, error) {
			return parsed, nil
		})))
	if err != nil {
		return nil, err
	}
	return func(text string) (general, error) {
		parsed, err := collection.ParseConditionsWithContext(name, ottl.NewConditionsGetter([]string{text}), true)
		if err != nil {
			return nil, err
		}
		return func(ctx *Context) (bool, error) { return parsed[0].Eval(ctx, record(ctx)) }, nil
	}, nil
}

// Compile compiles one condition. The error says what is wrong with the text.
func (c *Compiler) Compile(text string) (*Condition, error) {
	parsed, err := c.parse(text)
	if err != nil {
		return nil, err
	}
	direct, texts := compileDirect(text, c.signal, c.slots, c.names)
	return &Condition{general: parsed, direct: direct, texts: texts}, nil
}
