// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"encoding/binary"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// Attributes is a list of attributes that is built again and again in the same memory. The same attributes in another
// order are another list.
type Attributes struct {
	// encoded is, for each attribute: its type, the lengths of key and value, key, value. Being what a series is found
	// by, it is bytes and not a list.
	encoded []byte
	scaled  bool
}

// The types of values.
const (
	typeText = iota
	typeNumber
	typeTrue
)

// Reset empties the list.
func (a *Attributes) Reset() *Attributes {
	a.encoded, a.scaled = a.encoded[:0], false
	return a
}

// Text adds a text, unless it is empty: what was not observed is absent.
func (a *Attributes) Text(key, value string) {
	if value != "" {
		a.head(typeText, key, len(value))
		a.encoded = append(a.encoded, value...)
	}
}

// Bytes adds a text, unless it is empty.
func (a *Attributes) Bytes(key string, value []byte) {
	if len(value) > 0 {
		a.head(typeText, key, len(value))
		a.encoded = append(a.encoded, value...)
	}
}

// Number adds an integer.
func (a *Attributes) Number(key string, value int64) {
	a.head(typeNumber, key, 8)
	a.encoded = binary.LittleEndian.AppendUint64(a.encoded, uint64(value))
}

// True adds a boolean.
func (a *Attributes) True(key string) { a.head(typeTrue, key, 0) }

// keyScaled marks series of what was seen of a part and counted as often as it stands for. It is an estimate; series without
// it are exact. The sum of both is the best estimate of all.
const keyScaled = "risk.metric.scaled"

// Scaled marks the list with that.
func (a *Attributes) Scaled() {
	a.True(keyScaled)
	a.scaled = true
}

// head writes what comes before a value, and the key.
func (a *Attributes) head(kind byte, key string, length int) {
	a.encoded = append(a.encoded, kind)
	a.encoded = binary.AppendUvarint(a.encoded, uint64(len(key)))
	a.encoded = binary.AppendUvarint(a.encoded, uint64(length))
	a.encoded = append(a.encoded, key...)
}

// put writes an encoded list to the empty m. The texts in m are parts of encoded.
func put(m pcommon.Map, encoded string) {
	for len(encoded) > 0 {
		kind := encoded[0]
		encoded = encoded[1:]
		var keyLength, length int
		keyLength, encoded = uvarint(encoded)
		length, encoded = uvarint(encoded)
		key, value := encoded[:keyLength], encoded[keyLength:keyLength+length]
		encoded = encoded[keyLength+length:]
		switch kind {
		case typeText:
			m.PutStr(key, value)
		case typeNumber:
			m.PutInt(key, int64(binary.LittleEndian.Uint64([]byte(value))))
		case typeTrue:
			m.PutBool(key, true)
		}
	}
}

// uvarint reads what [binary.AppendUvarint] wrote and returns it with the rest.
func uvarint(text string) (value int, rest string) {
	for shift := 0; ; shift += 7 {
		b := text[0]
		text = text[1:]
		value |= int(b&0x7f) << shift
		if b < 0x80 {
			return value, text
		}
	}
}
