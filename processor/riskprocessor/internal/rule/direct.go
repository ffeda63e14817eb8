// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package rule

import (
	"strconv"
	"strings"
	"text/scanner"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/feature"
)

// test is a condition, or part of one, as a closure.
type test func(*feature.Vector) bool

// operand is where a value is found in a vector.
type operand struct {
	part  part
	index int
}

type part uint8

const (
	ofSpan part = iota
	ofResource
	ofFeatures
)

func (o operand) of(v *feature.Vector) *feature.Value {
	switch o.part {
	case ofSpan:
		return &v.Span[o.index]
	case ofResource:
		return &v.Resource[o.index]
	default:
		return &v.Features[o.index]
	}
}

// directParser reads the common forms. It is asked only about text that OTTL accepted, so it may be lenient, but what it
// does accept it must read as OTTL does. On anything else it gives up.
//
//	expression = term { "or" term }
//	term       = factor { "and" factor }
//	factor     = [ "not" ] ( "(" expression ")" | operand comparator literal )
//	operand    = [ "span" "." ] ( "name" | "kind" | "attributes" key ) | "resource" "." "attributes" key
//	           | [ "span" "." ] "status" "." "code" | "Feature" "(" string ")"
//	key        = "[" string "]"
type directParser struct {
	scan     scanner.Scanner
	token    rune
	failed   bool
	slots    Slots
	features map[string]int
}

// compileDirect compiles text to closures, or returns nil when it is not of a common form.
func compileDirect(text string, slots Slots, features map[string]int) test {
	p := &directParser{slots: slots, features: features}
	p.scan.Init(strings.NewReader(text))
	p.scan.Mode = scanner.ScanIdents | scanner.ScanInts | scanner.ScanFloats | scanner.ScanStrings
	p.scan.Error = func(*scanner.Scanner, string) { p.failed = true }
	p.next()
	t := p.expression()
	if p.failed || p.token != scanner.EOF {
		return nil
	}
	return t
}

func (p *directParser) next() { p.token = p.scan.Scan() }

// accept consumes the token if its text is the given one.
func (p *directParser) accept(text string) bool {
	if p.failed || p.token == scanner.String || p.scan.TokenText() != text {
		return false
	}
	p.next()
	return true
}

func (p *directParser) expect(text string) {
	if !p.accept(text) {
		p.failed = true
	}
}

func (p *directParser) expression() test {
	left := p.term()
	for p.accept("or") {
		a, b := left, p.term()
		left = func(v *feature.Vector) bool { return a(v) || b(v) }
	}
	return left
}

func (p *directParser) term() test {
	left := p.factor()
	for p.accept("and") {
		a, b := left, p.factor()
		left = func(v *feature.Vector) bool { return a(v) && b(v) }
	}
	return left
}

func (p *directParser) factor() test {
	if p.accept("not") {
		t := p.positive()
		return func(v *feature.Vector) bool { return !t(v) }
	}
	return p.positive()
}

func (p *directParser) positive() test {
	if p.accept("(") {
		t := p.expression()
		p.expect(")")
		return t
	}
	from := p.operand()
	op := p.comparator()
	literal := p.literal()
	return func(v *feature.Vector) bool { return op.holds(from.of(v), &literal) }
}

func (p *directParser) operand() operand {
	switch {
	case p.accept(functionName):
		p.expect("(")
		name := p.text()
		p.expect(")")
		index, known := p.features[name]
		p.failed = p.failed || !known
		return operand{ofFeatures, index}
	case p.accept("resource"):
		p.expect(".")
		p.expect("attributes")
		return operand{ofResource, p.key()}
	case p.accept("span"):
		p.expect(".")
	}
	switch {
	case p.accept("attributes"):
		return operand{ofSpan, p.key()}
	case p.accept("name"):
		return operand{ofSpan, feature.SlotName}
	case p.accept("kind"):
		return operand{ofSpan, feature.SlotKind}
	case p.accept("status"):
		p.expect(".")
		p.expect("code")
		return operand{ofSpan, feature.SlotStatus}
	}
	p.failed = true
	return operand{}
}

// key reads ["key"] and returns its slot.
func (p *directParser) key() int {
	p.expect("[")
	key := p.text()
	p.expect("]")
	if p.failed {
		return 0
	}
	return p.slots.Slot(key)
}

// text reads a string.
func (p *directParser) text() string {
	text, err := strconv.Unquote(p.scan.TokenText())
	if p.failed || p.token != scanner.String || err != nil {
		p.failed = true
		return ""
	}
	p.next()
	return text
}
