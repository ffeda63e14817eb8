// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package rule

import (
	"cmp"
	"strconv"
	"strings"
	"text/scanner"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/feature"
)

// comparator is a comparison: the results of the three-way comparison for which it holds, and whether it holds
// between values that cannot be compared.
type comparator struct {
	less, equal, greater, incomparable bool
}

// comparator reads a comparison.
func (p *directParser) comparator() comparator {
	first := p.token
	if !strings.ContainsRune("=!<>", first) {
		p.failed = true
		return comparator{}
	}
	orEqual := p.scan.Peek() == '=' // "= =" is not an operator, "> =" neither
	p.next()
	if orEqual {
		p.next()
	}
	switch {
	case first == '=' && orEqual:
		return comparator{equal: true}
	case first == '!' && orEqual:
		return comparator{less: true, greater: true, incomparable: true}
	case first == '<':
		return comparator{less: true, equal: orEqual}
	case first == '>':
		return comparator{greater: true, equal: orEqual}
	default:
		p.failed = true
		return comparator{}
	}
}

// literal reads what an operand is compared with.
func (p *directParser) literal() feature.Value {
	text := p.scan.TokenText()
	switch p.token {
	case scanner.String:
		return feature.Value{Kind: feature.String, Text: p.text()}
	case scanner.Int:
		n, err := strconv.ParseInt(text, 10, 64)
		p.failed = p.failed || err != nil || len(text) > 1 && text[0] == '0' // OTTL reads 010 as octal
		p.next()
		return feature.Value{Kind: feature.Int, Int: n}
	case scanner.Float:
		f, err := strconv.ParseFloat(text, 64)
		p.failed = p.failed || err != nil
		p.next()
		return feature.Value{Kind: feature.Double, Double: f}
	case scanner.Ident:
		p.next()
		return p.symbol(text)
	default:
		p.failed = true
		return feature.Value{}
	}
}

// symbol returns the value of a word.
func (p *directParser) symbol(word string) feature.Value {
	number := func(n int64) feature.Value { return feature.Value{Kind: feature.Int, Int: n} }
	switch word {
	case "nil":
		return feature.Value{}
	case "true":
		return feature.Value{Kind: feature.Bool, Int: 1}
	case "false":
		return feature.Value{Kind: feature.Bool}
	case "SPAN_KIND_UNSPECIFIED":
		return number(int64(ptrace.SpanKindUnspecified))
	case "SPAN_KIND_INTERNAL":
		return number(int64(ptrace.SpanKindInternal))
	case "SPAN_KIND_SERVER":
		return number(int64(ptrace.SpanKindServer))
	case "SPAN_KIND_CLIENT":
		return number(int64(ptrace.SpanKindClient))
	case "SPAN_KIND_PRODUCER":
		return number(int64(ptrace.SpanKindProducer))
	case "SPAN_KIND_CONSUMER":
		return number(int64(ptrace.SpanKindConsumer))
	case "STATUS_CODE_UNSET":
		return number(int64(ptrace.StatusCodeUnset))
	case "STATUS_CODE_OK":
		return number(int64(ptrace.StatusCodeOk))
	case "STATUS_CODE_ERROR":
		return number(int64(ptrace.StatusCodeError))
	default:
		p.failed = true
		return feature.Value{}
	}
}

// holds compares a value with a literal as OTTL does: numbers with numbers, text with text, false before true; nil equals
// nil; everything else differs, which is right for bytes, lists and maps, too, because no literal here is one.
func (c comparator) holds(a, b *feature.Value) bool {
	switch {
	case a.Kind == feature.Int && b.Kind == feature.Int:
		return c.allows(cmp.Compare(a.Int, b.Int))
	case isNumber(a) && isNumber(b):
		return c.allowsFloats(asDouble(a), asDouble(b))
	case a.Kind != b.Kind:
		return c.incomparable
	case a.Kind == feature.String:
		return c.allows(strings.Compare(a.Text, b.Text))
	case a.Kind == feature.Bool:
		return c.allows(cmp.Compare(a.Int, b.Int))
	case a.Kind == feature.None:
		return c.equal
	default:
		return c.incomparable
	}
}

func (c comparator) allows(order int) bool {
	switch {
	case order < 0:
		return c.less
	case order > 0:
		return c.greater
	default:
		return c.equal
	}
}

// allowsFloats differs from allows in one thing: NaN is not equal to anything, nor before or after it.
func (c comparator) allowsFloats(a, b float64) bool {
	switch {
	case a < b:
		return c.less
	case a > b:
		return c.greater
	case a == b:
		return c.equal
	default:
		return c.incomparable
	}
}

func isNumber(v *feature.Value) bool { return v.Kind == feature.Int || v.Kind == feature.Double }

func asDouble(v *feature.Value) float64 {
	if v.Kind == feature.Int {
		return float64(v.Int)
	}
	return v.Double
}
