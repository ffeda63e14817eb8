// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package question

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Types of the extension's contract, which documents them; the compiler holds the two together.
type (
	// Attribute is one attribute.
	Attribute = struct {
		Key   string
		Kind  uint8
		Text  string
		Int   int64
		Float float64
	}
	// Entity is one entity.
	Entity = struct {
		Name  string
		Value string
	}
	// Request asks for a score.
	Request = struct {
		Entities   []Entity
		Attributes []Attribute
		Observe    bool
	}
	// Answer is the score.
	Answer = struct {
		Score    float64
		Level    string
		Reasons  []string
		Degraded bool
	}
)

// Kinds of attributes.
const (
	KindText  uint8 = 1
	KindInt   uint8 = 2
	KindFloat uint8 = 3
	KindBool  uint8 = 4
)

// Error says what is wrong with a question.
type Error struct {
	// Field is the path of the field, with slashes; empty for the question as a whole.
	Field string
	// Offset is where in the body the value begins, or cannot go on, in bytes.
	Offset int64
	// Fault is what is wrong, without the field.
	Fault string
}

func (e *Error) Error() string {
	if e.Field == "" {
		return e.Fault
	}
	return fmt.Sprintf("%s: %s", e.Field, e.Fault)
}

// Limits bound a question. All are required.
type Limits struct {
	Entities, Attributes int
}

// Decoder reads one question at a time and reuses its memory. Strings are never reused.
type Decoder struct {
	Request Request
	Scorer  string

	limits Limits
	body   bytes.Reader
	json   *jsontext.Decoder
}

// NewDecoder makes a decoder.
func NewDecoder(limits Limits) *Decoder {
	d := &Decoder{limits: limits}
	d.json = jsontext.NewDecoder(&d.body)
	return d
}

// Decode reads the question in body, which it does not keep. An error is always an [*Error].
func (d *Decoder) Decode(body []byte) error {
	d.Request.Entities, d.Request.Attributes = d.Request.Entities[:0], d.Request.Attributes[:0]
	d.Request.Observe, d.Scorer = false, ""
	d.body.Reset(body)
	d.json.Reset(&d.body)
	if err := d.object("an object", d.field); err != nil {
		return err
	}
	if _, err := d.json.ReadToken(); !errors.Is(err, io.EOF) {
		if err == nil {
			return &Error{Offset: d.json.InputOffset(), Fault: "there is more than one value"}
		}
		return d.syntax(err)
	}
	return nil
}

// field reads one field of the question.
func (d *Decoder) field(name string) error {
	switch name {
	case "ip", "user", "device":
		return d.entity(name)
	case "entities":
		return d.object("an object of strings", d.entity)
	case "attributes":
		return d.object("an object", d.attribute)
	case "observe":
		raw, err := d.value("true or false")
		if err != nil {
			return err
		}
		if raw.Kind() != 't' && raw.Kind() != 'f' {
			return d.not("true or false", raw)
		}
		d.Request.Observe = raw.Kind() == 't'
		return nil
	case "scorer":
		text, err := d.text()
		d.Scorer = text
		return err
	}
	return d.fault("is not a field of a question")
}

func (d *Decoder) entity(name string) error {
	text, err := d.text()
	if err != nil {
		return err
	}
	for i := range d.Request.Entities {
		if d.Request.Entities[i].Name == name {
			return d.fault("is given twice")
		}
	}
	switch {
	case text == "" || name == "":
		return d.fault("must not be empty")
	case len(d.Request.Entities) >= d.limits.Entities:
		return d.fault(fmt.Sprintf("is one more than the %d entities allowed", d.limits.Entities))
	}
	d.Request.Entities = append(d.Request.Entities, Entity{Name: name, Value: text})
	return nil
}

func (d *Decoder) attribute(key string) error {
	const kinds = "a string, a number, true or false"
	raw, err := d.value(kinds)
	if err != nil {
		return err
	}
	if len(d.Request.Attributes) >= d.limits.Attributes {
		return d.fault(fmt.Sprintf("is one more than the %d attributes allowed", d.limits.Attributes))
	}
	a := Attribute{Key: key}
	switch raw.Kind() {
	case '"':
		a.Kind, a.Text = KindText, unquote(raw)
	case 't':
		a.Kind, a.Int = KindBool, 1
	case 'f':
		a.Kind = KindBool
	case '0':
		text := string(raw)
		if a.Int, err = strconv.ParseInt(text, 10, 64); err == nil {
			a.Kind = KindInt
			break
		}
		a.Kind, a.Int = KindFloat, 0
		if a.Float, err = strconv.ParseFloat(text, 64); err != nil {
			return d.fault("is a number that is too large")
		}
	default:
		return d.not(kinds, raw)
	}
	d.Request.Attributes = append(d.Request.Attributes, a)
	return nil
}

// object reads an object and calls each for every name in it; each reads the value.
func (d *Decoder) object(what string, each func(name string) error) error {
	if kind := d.json.PeekKind(); kind != '{' && kind != 0 {
		raw, err := d.value(what)
		if err != nil {
			return err
		}
		return d.not(what, raw)
	}
	if _, err := d.json.ReadToken(); err != nil {
		return d.syntax(err)
	}
	for d.json.PeekKind() != '}' {
		name, err := d.json.ReadToken()
		if err != nil {
			return d.syntax(err)
		}
		if err := each(name.String()); err != nil {
			return err
		}
	}
	_, err := d.json.ReadToken()
	if err != nil {
		return d.syntax(err)
	}
	return nil
}

// value reads a value, without looking into it.
func (d *Decoder) value(string) (jsontext.Value, error) {
	raw, err := d.json.ReadValue()
	if err != nil {
		return nil, d.syntax(err)
	}
	return raw, nil
}

func (d *Decoder) text() (string, error) {
	raw, err := d.value("a string")
	if err != nil {
		return "", err
	}
	if raw.Kind() != '"' {
		return "", d.not("a string", raw)
	}
	return unquote(raw), nil
}

// unquote returns the text of a string that was found to be valid.
func unquote(raw jsontext.Value) string {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1])
	}
	text, _ := jsontext.AppendUnquote(nil, raw) // it is valid
	return string(text)
}

// fault blames the field that was read last.
func (d *Decoder) fault(fault string) error {
	return &Error{Field: field(d.json.StackPointer()), Offset: d.json.InputOffset(), Fault: fault}
}

// not says that the value that was read last should have been something else.
func (d *Decoder) not(what string, raw jsontext.Value) error {
	found := map[jsontext.Kind]string{
		'n': "null", 't': "true", 'f': "false", '"': "a string", '0': "a number", '{': "an object", '[': "an array",
	}[raw.Kind()]
	return &Error{
		Field: field(d.json.StackPointer()), Offset: d.json.InputOffset() - int64(len(raw)),
		Fault: fmt.Sprintf("must be %s, found %s", what, found),
	}
}

// syntax says why the body is not JSON, or not all of it.
func (d *Decoder) syntax(err error) error {
	e := &Error{Offset: d.json.InputOffset(), Fault: "is not JSON: the body ends early"}
	var syntactic *jsontext.SyntacticError
	if errors.As(err, &syntactic) {
		e.Field, e.Offset = field(syntactic.JSONPointer), syntactic.ByteOffset
		e.Fault = "is not JSON"
		if syntactic.Err != nil {
			e.Fault += ": " + strings.TrimPrefix(syntactic.Err.Error(), "jsontext: ")
		}
	}
	return e
}

func field(pointer jsontext.Pointer) string {
	names := make([]string, 0, 2)
	for name := range pointer.Tokens() {
		names = append(names, name)
	}
	return strings.Join(names, "/")
}
