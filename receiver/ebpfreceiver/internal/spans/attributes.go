// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package spans

import (
	"bytes"
	"net/netip"
	"unicode/utf8"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// maxAttributes is how many attributes a span has at most, so that a list of them never grows.
const maxAttributes = 16

// attributes collects the attributes of one span. All text that is not constant is gathered in one buffer and becomes
// one string, of which the values are parts: one allocation instead of one a value.
type attributes struct {
	items   []attribute
	text    []byte
	privacy *Privacy
	query   []byte // scratch
}

// attribute is a key with a constant, a number, or a part of the text.
type attribute struct {
	key      string
	constant string
	number   int64
	from, to int
}

// replacement is what stands for bytes that are no UTF-8, which OTLP does not allow in strings.
const replacement = "\uFFFD"

// reset forgets the attributes of the last span.
func (a *attributes) reset() {
	if a.items == nil {
		a.items = make([]attribute, 0, maxAttributes)
	}
	a.items = a.items[:0]
	a.text = a.text[:0]
}

// addConstant adds a value that lives as long as the program.
func (a *attributes) addConstant(key, value string) {
	a.items = append(a.items, attribute{key: key, constant: value})
}

// addNumber adds an integer.
func (a *attributes) addNumber(key string, value int64) {
	a.items = append(a.items, attribute{key: key, number: value, from: -1})
}

// addText adds a copy of value.
func (a *attributes) addText(key string, value []byte) {
	from := a.mark()
	a.write(value)
	a.addFrom(key, from)
}

// addAddress adds an address without its zone.
func (a *attributes) addAddress(key string, address netip.Addr) {
	from := a.mark()
	a.text = address.WithZone("").AppendTo(a.text)
	a.items = append(a.items, attribute{key: key, from: from, to: len(a.text)})
}

// mark returns where the text that is written next begins.
func (a *attributes) mark() int { return len(a.text) }

// write adds to the text.
func (a *attributes) write(value []byte) {
	if utf8.Valid(value) {
		a.text = append(a.text, value...)
		return
	}
	a.text = append(a.text, bytes.ToValidUTF8(value, []byte(replacement))...)
}

// addFrom adds the text that was written since mark returned from, without what must not leave.
func (a *attributes) addFrom(key string, from int) {
	if len(a.privacy.Redact) > 0 {
		a.text = append(a.text[:from], a.privacy.Redacted(a.text[from:])...)
	}
	a.items = append(a.items, attribute{key: key, from: from, to: len(a.text)})
}

// put writes the attributes to m, which must be empty.
func (a *attributes) put(m pcommon.Map) {
	m.EnsureCapacity(len(a.items))
	text := string(a.text)
	for i := range a.items {
		switch item := &a.items[i]; {
		case item.from < 0:
			m.PutInt(item.key, item.number)
		case item.constant != "":
			m.PutStr(item.key, item.constant)
		default:
			m.PutStr(item.key, text[item.from:item.to])
		}
	}
}
