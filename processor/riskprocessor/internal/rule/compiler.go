// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package rule

import (
	"fmt"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/contexts/ottlspan"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl/ottlfuncs"
	"go.opentelemetry.io/collector/component"
)

// spans is the result of parsing conditions on spans.
type spans = []*ottl.Condition[*ottlspan.TransformContext]

// Slots gives attributes their places, see feature.Reader.
type Slots interface {
	Slot(key string) int
}

// Compiler compiles conditions on spans. It may be used by one goroutine.
type Compiler struct {
	parsers  *ottl.ParserCollection[spans]
	slots    Slots
	features map[string]int
}

// NewCompiler makes a compiler for conditions that can use the given features, which are places in
// feature.Vector.Features by name. Slots is asked for the attributes that closures read.
func NewCompiler(settings component.TelemetrySettings, slots Slots, features map[string]int) (*Compiler, error) {
	functions := ottlfuncs.StandardConverters[*ottlspan.TransformContext]()
	for _, f := range []ottl.Factory[*ottlspan.TransformContext]{
		ottlfuncs.NewIsRootSpanFactoryNew(),
		newFeatureFactory[*ottlspan.TransformContext](features),
	} {
		functions[f.Name()] = f
	}
	parser, err := ottlspan.NewParser(functions, settings, ottlspan.EnablePathContextNames())
	if err != nil {
		return nil, fmt.Errorf("make OTTL parser: %w", err)
	}
	// The collection is used for one thing: it puts `span.` before paths written without a context.
	parsers, err := ottl.NewParserCollection(settings, ottl.WithParserCollectionContext(ottlspan.ContextName, &parser,
		ottl.WithConditionConverter(func(_ *ottl.ParserCollection[spans], _ ottl.ConditionsGetter, parsed spans) (spans, error) {
			return parsed, nil
		})))
	if err != nil {
		return nil, fmt.Errorf("make OTTL parser collection: %w", err)
	}
	return &Compiler{parsers: parsers, slots: slots, features: features}, nil
}

// Compile compiles one condition. The error says what is wrong with the text.
func (c *Compiler) Compile(text string) (*Condition, error) {
	parsed, err := c.parsers.ParseConditionsWithContext(ottlspan.ContextName, ottl.NewConditionsGetter([]string{text}), true)
	if err != nil {
		return nil, err
	}
	return &Condition{general: parsed[0], direct: compileDirect(text, c.slots, c.features)}, nil
}
