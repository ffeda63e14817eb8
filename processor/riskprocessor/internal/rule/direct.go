// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package rule

import (
	"regexp"
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
	ofRecord part = iota
	ofResource
	ofFeatures
)

func (o operand) of(v *feature.Vector) *feature.Value {
	switch o.part {
	case ofRecord:
		return &v.Record[o.index]
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
//	factor     = [ "not" ] ( "(" expression ")" | match | operand comparator literal )
//	match      = "IsMatch" "(" operand "," string ")" | "InList" "(" operand "," string ")"
//	           | ( "IsSQLInjection" | "IsXSS" | "IsSuspicious" ) "(" operand ")"
//	operand    = "resource" "." "attributes" key | "Feature" "(" string ")" | [ "span" "." ] span | [ "log" "." ] log
//	span       = "attributes" key | "name" | "kind" | "status" "." "code"
//	           | "end_time_unix_nano" "-" [ "span" "." ] "start_time_unix_nano"
//	log        = "attributes" key | "severity_number" | "body" | "event_name"
//	key        = "[" string "]"
type directParser struct {
	scan   scanner.Scanner
	token  rune
	failed bool
	signal Signal
	slots  Slots
	names  *Names
	texts  []operand
}

// compileDirect compiles text to closures, or returns nil when it is not of a common form. The closures mean the same as
// the text when the operands are text or absent.
func compileDirect(text string, signal Signal, slots Slots, names *Names) (test, []operand) {
	p := &directParser{signal: signal, slots: slots, names: names}
	p.scan.Init(strings.NewReader(text))
	p.scan.Mode = scanner.ScanIdents | scanner.ScanInts | scanner.ScanFloats | scanner.ScanStrings
	p.scan.Error = func(*scanner.Scanner, string) { p.failed = true }
	p.next()
	t := p.expression()
	if p.failed || p.token != scanner.EOF {
		return nil, nil
	}
	return t, p.texts
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
	if p.accept("IsMatch") {
		return p.match()
	}
	if p.token == scanner.Ident && isTextFunction(p.scan.TokenText()) {
		return p.textFunction()
	}
	from := p.operand()
	op := p.comparator()
	literal := p.literal()
	return op.test(from, literal)
}

func (p *directParser) match() test {
	p.expect("(")
	from := p.operand()
	p.expect(",")
	pattern, err := regexp.Compile(p.text())
	p.expect(")")
	// Bytes of length 0 look absent in a vector, and are empty text to OTTL.
	p.failed = p.failed || err != nil || pattern.MatchString("")
	if p.failed {
		return nil
	}
	p.texts = append(p.texts, from)
	matches := matcher(pattern)
	return func(v *feature.Vector) bool {
		value := from.of(v)
		return value.Kind == feature.String && matches(value.Text)
	}
}

// textFunction reads InList(operand, "name") and the others, which have no second argument.
func (p *directParser) textFunction() test {
	function, list := p.scan.TokenText(), ""
	p.next()
	p.expect("(")
	from := p.operand()
	if function == inListName {
		p.expect(",")
		list = p.text()
	}
	p.expect(")")
	if p.failed {
		return nil
	}
	holds, err := p.names.test(function, list)
	p.failed = err != nil
	p.texts = append(p.texts, from)
	return func(v *feature.Vector) bool {
		value := from.of(v)
		return value.Kind == feature.String && holds(value.Text)
	}
}

func (p *directParser) operand() operand {
	switch {
	case p.accept(functionName):
		p.expect("(")
		name := p.text()
		p.expect(")")
		index, known := p.names.Features[name]
		p.failed = p.failed || !known
		return operand{ofFeatures, index}
	case p.accept("resource"):
		p.expect(".")
		p.expect("attributes")
		return operand{ofResource, p.key()}
	case p.signal == Spans && p.accept("span") || p.signal == Logs && p.accept("log"):
		p.expect(".")
	}
	if p.accept("attributes") {
		return operand{ofRecord, p.key()}
	}
	if p.signal == Logs {
		return operand{ofRecord, p.logField()}
	}
	return operand{ofRecord, p.spanField()}
}

func (p *directParser) spanField() int {
	switch {
	case p.accept("name"):
		return feature.SlotName
	case p.accept("kind"):
		return feature.SlotKind
	case p.accept("status"):
		p.expect(".")
		p.expect("code")
		return feature.SlotStatus
	case p.accept("end_time_unix_nano"):
		p.expect("-")
		if p.accept("span") {
			p.expect(".")
		}
		p.expect("start_time_unix_nano")
		return feature.SlotDuration
	}
	p.failed = true
	return 0
}

func (p *directParser) logField() int {
	switch {
	case p.accept("severity_number"):
		return feature.SlotSeverity
	case p.accept("body"):
		return feature.SlotBody
	case p.accept("event_name"):
		return feature.SlotEvent
	}
	p.failed = true
	return 0
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
