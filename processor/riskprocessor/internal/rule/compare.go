// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package rule

import (
	"cmp"
	"strconv"
	"strings"
	"text/scanner"

	"go.opentelemetry.io/collector/pdata/plog"
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
	switch word {
	case "nil":
		return feature.Value{}
	case "true":
		return feature.Value{Kind: feature.Bool, Int: 1}
	case "false":
		return feature.Value{Kind: feature.Bool}
	}
	names := spanSymbols
	if p.signal == Logs {
		names = logSymbols
	}
	n, known := names(word)
	p.failed = p.failed || !known
	return feature.Value{Kind: feature.Int, Int: n}
}

// spanSymbols are the enumerations of OTTL's span context.
func spanSymbols(word string) (int64, bool) {
	switch word {
	case "SPAN_KIND_UNSPECIFIED":
		return int64(ptrace.SpanKindUnspecified), true
	case "SPAN_KIND_INTERNAL":
		return int64(ptrace.SpanKindInternal), true
	case "SPAN_KIND_SERVER":
		return int64(ptrace.SpanKindServer), true
	case "SPAN_KIND_CLIENT":
		return int64(ptrace.SpanKindClient), true
	case "SPAN_KIND_PRODUCER":
		return int64(ptrace.SpanKindProducer), true
	case "SPAN_KIND_CONSUMER":
		return int64(ptrace.SpanKindConsumer), true
	case "STATUS_CODE_UNSET":
		return int64(ptrace.StatusCodeUnset), true
	case "STATUS_CODE_OK":
		return int64(ptrace.StatusCodeOk), true
	case "STATUS_CODE_ERROR":
		return int64(ptrace.StatusCodeError), true
	default:
		return 0, false
	}
}

// logSymbols are those of the log context that name whole levels; the steps between them are left to OTTL.
func logSymbols(word string) (int64, bool) {
	switch word {
	case "SEVERITY_NUMBER_TRACE":
		return int64(plog.SeverityNumberTrace), true
	case "SEVERITY_NUMBER_DEBUG":
		return int64(plog.SeverityNumberDebug), true
	case "SEVERITY_NUMBER_INFO":
		return int64(plog.SeverityNumberInfo), true
	case "SEVERITY_NUMBER_WARN":
		return int64(plog.SeverityNumberWarn), true
	case "SEVERITY_NUMBER_ERROR":
		return int64(plog.SeverityNumberError), true
	case "SEVERITY_NUMBER_FATAL":
		return int64(plog.SeverityNumberFatal), true
	default:
		return 0, false
	}
}

// test returns the comparison as a closure. The commonest, of a feature with a number and of an attribute of the record
// with a number or with text, need no look at the part of the vector or the kind of the literal.
func (c comparator) test(from operand, literal feature.Value) test {
	switch {
	case from.part == ofFeatures && isNumber(&literal):
		return c.featureTest(from.index, asDouble(&literal))
	case from.part == ofRecord && literal.Kind == feature.String:
		return c.textTest(from.index, literal.Text)
	case from.part == ofRecord && literal.Kind == feature.Int:
		return c.intTest(from.index, literal.Int)
	default:
		return func(v *feature.Vector) bool { return c.holds(from.of(v), &literal) }
	}
}

func (c comparator) featureTest(index int, n float64) test {
	if (c == comparator{greater: true}) {
		return func(v *feature.Vector) bool {
			f := &v.Features[index]
			return f.Kind == feature.Double && f.Double > n
		}
	}
	return func(v *feature.Vector) bool {
		f := &v.Features[index]
		if f.Kind != feature.Double {
			return c.incomparable
		}
		return c.allowsFloats(f.Double, n)
	}
}

func (c comparator) textTest(index int, text string) test {
	if (c == comparator{equal: true}) {
		return func(v *feature.Vector) bool {
			value := &v.Record[index]
			return value.Kind == feature.String && value.Text == text
		}
	}
	return func(v *feature.Vector) bool {
		value := &v.Record[index]
		if value.Kind != feature.String {
			return c.incomparable
		}
		return c.allows(strings.Compare(value.Text, text))
	}
}

func (c comparator) intTest(index int, n int64) test {
	return func(v *feature.Vector) bool {
		switch value := &v.Record[index]; value.Kind {
		case feature.Int:
			return c.allows(cmp.Compare(value.Int, n))
		case feature.Double:
			return c.allowsFloats(value.Double, float64(n))
		default:
			return c.incomparable
		}
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
