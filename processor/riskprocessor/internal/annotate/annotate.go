// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package annotate writes a score and its reasons to a record, under the keys of docs/attributes.md.
//
// An [Annotator] never changes and may be used by many goroutines at once, each with records of its own.
package annotate

import (
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/rule"
)

// Keys of the attributes written.
const (
	KeyScore    = "risk.score"
	KeyLevel    = "risk.level"
	KeyReasons  = "risk.reasons"
	KeyDegraded = "risk.degraded"
	// KeySampling is written in a dry run.
	KeySampling = "risk.sampling"
)

// usual is the number of attributes that a record of risk is given: score, level and reasons.
const usual = 3

// Level is a range of the score.
type Level uint8

// Levels in rising order.
const (
	Low Level = iota
	Medium
	High
	Critical
	// Levels is their number.
	Levels = int(Critical) + 1
)

// String returns the value of the attribute risk.level.
func (l Level) String() string {
	switch l {
	case Low:
		return "low"
	case Medium:
		return "medium"
	case High:
		return "high"
	default:
		return "critical"
	}
}

// Annotator writes risk attributes.
type Annotator struct {
	names                  []string
	medium, high, critical float64
}

// New makes an annotator. Names are the names of the rules by place; medium, high and critical are the lowest scores of
// these levels, in rising order.
func New(names []string, medium, high, critical float64) *Annotator {
	return &Annotator{names: names, medium: medium, high: high, critical: critical}
}

// Level returns the level of a score.
func (a *Annotator) Level(score float64) Level {
	switch {
	case score >= a.critical:
		return Critical
	case score >= a.high:
		return High
	case score >= a.medium:
		return Medium
	default:
		return Low
	}
}

// Write writes the score, its level and the names of the rules that fired. Risk attributes that the record brought along
// are replaced; without a rule that fired, or one of more reasons, there are none. Degraded says that the score rests on less than it
// should.
func (a *Annotator) Write(attrs pcommon.Map, score float64, hits *rule.Hits, more []string, degraded bool) {
	attrs.EnsureCapacity(attrs.Len() + usual) // else their memory is doubled
	attrs.PutDouble(KeyScore, score)
	attrs.PutStr(KeyLevel, a.Level(score).String())
	if degraded {
		attrs.PutBool(KeyDegraded, true)
	} else {
		attrs.Remove(KeyDegraded)
	}
	if hits.Empty() && len(more) == 0 {
		attrs.Remove(KeyReasons)
		return
	}
	reasons := attrs.PutEmptySlice(KeyReasons)
	reasons.EnsureCapacity(hits.Len() + len(more))
	for i := range hits.All() {
		reasons.AppendEmpty().SetStr(a.names[i])
	}
	for _, reason := range more {
		reasons.AppendEmpty().SetStr(reason)
	}
}

// Raise adds to what Write has written before: a score that is at least as high, and more reasons.
func (a *Annotator) Raise(attrs pcommon.Map, score float64, more []string) {
	attrs.PutDouble(KeyScore, score)
	attrs.PutStr(KeyLevel, a.Level(score).String())
	if len(more) == 0 {
		return
	}
	reasons, found := attrs.Get(KeyReasons)
	if !found || reasons.Type() != pcommon.ValueTypeSlice {
		attrs.PutEmptySlice(KeyReasons)
		reasons, _ = attrs.Get(KeyReasons)
	}
	for _, reason := range more {
		reasons.Slice().AppendEmpty().SetStr(reason)
	}
}

// WriteSampling writes what sampling would do.
func WriteSampling(attrs pcommon.Map, keep bool) {
	if keep {
		attrs.PutStr(KeySampling, "keep")
	} else {
		attrs.PutStr(KeySampling, "drop")
	}
}
