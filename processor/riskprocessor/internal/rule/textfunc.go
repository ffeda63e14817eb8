// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package rule

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

// Functions that look at a text. Of a list, such as the values of a header field, one text must meet them; nothing else
// does.
const (
	inListName = "InList"
	isSQLName  = "IsSQLInjection"
	isXSSName  = "IsXSS"
	isOddName  = "IsSuspicious"
)

// TextTest looks at a text. It may be called by many goroutines at once.
type TextTest func(string) bool

// Names is what conditions can refer to beside the record. The zero value has nothing.
type Names struct {
	// Features are places in feature.Vector.Features, for Feature("name").
	Features map[string]int
	// Lists are for InList(text, "name").
	Lists map[string]TextTest
	// SQL, XSS and Suspicious are for IsSQLInjection(text), IsXSS(text) and IsSuspicious(text). Nil: never.
	SQL, XSS, Suspicious TextTest
}

// test finds the function by its name; list is its second argument, if it has one.
func (n *Names) test(function, list string) (TextTest, error) {
	test, known := n.Lists[list]
	switch function {
	case isSQLName:
		test = n.SQL
	case isXSSName:
		test = n.XSS
	case isOddName:
		test = n.Suspicious
	default:
		if !known {
			return nil, fmt.Errorf("list %q is not defined; known are %q", list, slices.Sorted(maps.Keys(n.Lists)))
		}
	}
	if test == nil {
		test = func(string) bool { return false }
	}
	return test, nil
}

type textArguments[K any] struct {
	Target ottl.Getter[K]
}

type listArguments[K any] struct {
	Target ottl.Getter[K]
	List   string
}

// textFactories make the OTTL functions.
func textFactories[K any](names *Names) []ottl.Factory[K] {
	factories := []ottl.Factory[K]{
		ottl.NewFactory(inListName, &listArguments[K]{}, func(_ ottl.FunctionContext, arguments ottl.Arguments) (ottl.ExprFunc[K], error) {
			args, ok := arguments.(*listArguments[K])
			if !ok {
				return nil, fmt.Errorf("call %s: arguments are %T", inListName, arguments)
			}
			test, err := names.test(inListName, args.List)
			return textFunction(args.Target, test), err
		}),
	}
	for _, name := range []string{isSQLName, isXSSName, isOddName} {
		factories = append(factories, ottl.NewFactory(name, &textArguments[K]{}, func(_ ottl.FunctionContext, arguments ottl.Arguments) (ottl.ExprFunc[K], error) {
			args, ok := arguments.(*textArguments[K])
			if !ok {
				return nil, fmt.Errorf("call %s: arguments are %T", name, arguments)
			}
			test, err := names.test(name, "")
			return textFunction(args.Target, test), err
		}))
	}
	return factories
}

func textFunction[K any](target ottl.Getter[K], test TextTest) ottl.ExprFunc[K] {
	return func(ctx context.Context, record K) (any, error) {
		value, err := target.Get(ctx, record)
		if err != nil {
			return nil, err
		}
		return meets(value, test), nil
	}
}

// meets says whether the value, or one of a list's, is a text that meets the test.
func meets(value any, test TextTest) bool {
	switch v := value.(type) {
	case string:
		return test(v)
	case pcommon.Value:
		if v.Type() == pcommon.ValueTypeSlice {
			return meets(v.Slice(), test)
		}
		return v.Type() == pcommon.ValueTypeStr && test(v.Str())
	case pcommon.Slice:
		for _, element := range v.All() {
			if meets(element, test) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, func(element any) bool { return meets(element, test) })
	case []string:
		return slices.ContainsFunc(v, test)
	}
	return false
}

// isTextFunction says whether a name in a condition is one of these functions.
func isTextFunction(name string) bool {
	return name == inListName || name == isSQLName || name == isXSSName || name == isOddName
}
