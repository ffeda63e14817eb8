// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package crs

import (
	"fmt"
	"strconv"
	"sync"
	"time"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
	"github.com/corazawaf/coraza/v3"
	"github.com/corazawaf/coraza/v3/experimental/plugins"
	"github.com/corazawaf/coraza/v3/experimental/plugins/plugintypes"
	"github.com/corazawaf/coraza/v3/types"
)

// Engine evaluates requests.
type Engine struct {
	waf coraza.WAF
}

// Request is what is known of a request; what is empty is unknown.
type Request struct {
	Method  string
	Path    string // as it was sent
	Query   string // the same, without the question mark
	Headers []Header
}

// Header is a header field.
type Header struct{ Name, Value string }

// Result is what the rules say.
type Result struct {
	// Score is the sum of the points of the rules that matched.
	Score int
	// Rules are their ids, in the order in which they matched.
	Rules []int
	// GaveUp says that time was over before all rules were evaluated.
	GaveUp bool
}

// register makes the operator of the guards known to Coraza, which has one list for the whole process.
var register = sync.OnceFunc(func() {
	plugins.RegisterOperator(operatorPast, func(plugintypes.OperatorOptions) (plugintypes.Operator, error) { return past{}, nil })
})

// past holds for a text that is a time in nanoseconds since 1970 that has passed.
type past struct{}

// Evaluate implements plugintypes.Operator.
func (past) Evaluate(_ plugintypes.TransactionState, deadline string) bool {
	at, err := strconv.ParseInt(deadline, 10, 64)
	return err == nil && time.Now().UnixNano() > at
}

// New compiles the rules of a paranoia level, 1 to 4. It takes some tens of milliseconds, and some megabytes stay.
func New(paranoia int) (*Engine, error) { return compile(directives(paranoia, "On")) }

func compile(directives string) (*Engine, error) {
	register()
	waf, err := coraza.NewWAF(coraza.NewWAFConfig().WithRootFS(coreruleset.FS).WithDirectives(directives))
	if err != nil {
		return nil, fmt.Errorf("compile the Core Rule Set: %w", err)
	}
	return &Engine{waf: waf}, nil
}

// Inspect evaluates the rules on a request until the deadline.
func (e *Engine) Inspect(r *Request, deadline time.Time) (Result, error) {
	tx := e.waf.NewTransactionWithID(strconv.FormatInt(deadline.UnixNano(), 10))
	defer tx.Close() //nolint:errcheck // it has neither files nor a body
	tx.ProcessURI(r.uri(), r.method(), "HTTP/1.1")
	for _, h := range r.Headers {
		tx.AddRequestHeader(h.Name, h.Value)
	}
	tx.ProcessRequestHeaders()
	if _, err := tx.ProcessRequestBody(); err != nil { // there is none, but most rules wait for it
		return Result{}, fmt.Errorf("evaluate rules: %w", err)
	}
	return read(tx.MatchedRules()), nil
}

func (r *Request) method() string {
	if r.Method == "" {
		return "GET"
	}
	return r.Method
}

func (r *Request) uri() string {
	uri := r.Path
	if uri == "" {
		uri = "/"
	}
	if r.Query != "" {
		uri += "?" + r.Query
	}
	return uri
}

// read adds up what matched. Rules without a severity steer the evaluation.
func read(matched []types.MatchedRule) Result {
	var result Result
	for _, m := range matched {
		rule := m.Rule()
		id := rule.ID()
		if id >= idFirstGuard && id <= idLastGuard {
			result.GaveUp = true
		}
		if points := pointsOf(rule.Severity()); points > 0 {
			result.Score += points
			result.Rules = append(result.Rules, id)
		}
	}
	return result
}

// pointsOf are those of the Core Rule Set.
func pointsOf(severity types.RuleSeverity) int {
	switch severity {
	case types.RuleSeverityCritical:
		return 5
	case types.RuleSeverityError:
		return 4
	case types.RuleSeverityWarning:
		return 3
	case types.RuleSeverityNotice:
		return 2
	default:
		return 0
	}
}
