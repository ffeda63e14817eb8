// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package rule

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/feature"
)

// functionName is how conditions call a feature. OTTL wants functions that return a value to begin with a capital.
const functionName = "Feature"

var errNoVector = errors.New("features are not known here")

type featureArguments struct {
	Name string
}

// newFeatureFactory makes the OTTL function Feature("name").
func newFeatureFactory[K any](features map[string]int) ottl.Factory[K] {
	return ottl.NewFactory(functionName, &featureArguments{}, func(_ ottl.FunctionContext, arguments ottl.Arguments) (ottl.ExprFunc[K], error) {
		args, ok := arguments.(*featureArguments)
		if !ok {
			return nil, fmt.Errorf("call Feature: arguments are %T", arguments)
		}
		index, ok := features[args.Name]
		if !ok {
			return nil, unknownFeature(args.Name, features)
		}
		return func(ctx context.Context, _ K) (any, error) {
			v := vectorOf(ctx)
			if v == nil {
				return nil, errNoVector
			}
			if v.Features[index].Kind != feature.Double {
				return nil, nil // which is how OTTL says that there is no value
			}
			return v.Features[index].Double, nil
		}, nil
	})
}

func unknownFeature(name string, features map[string]int) error {
	if len(features) == 0 {
		return fmt.Errorf("feature %q is not defined; no feature can be used here", name)
	}
	return fmt.Errorf("feature %q is not defined; known are %s", name, strings.Join(slices.Sorted(maps.Keys(features)), ", "))
}
