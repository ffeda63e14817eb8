// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package question

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// AppendAnswer appends the answer as JSON. The score must be a finite number.
func AppendAnswer(b []byte, a *Answer) []byte {
	b = append(b, `{"score":`...)
	b = strconv.AppendFloat(b, a.Score, 'g', -1, 64)
	b = append(b, `,"level":`...)
	b = appendText(b, a.Level)
	b = append(b, `,"reasons":[`...)
	for i, reason := range a.Reasons {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, reason)
	}
	b = append(b, `],"degraded":`...)
	return append(strconv.AppendBool(b, a.Degraded), "}\n"...)
}

// AppendError appends what is wrong as JSON.
func AppendError(b []byte, e *Error) []byte {
	b = append(b, `{"error":`...)
	b = appendText(b, e.Error())
	b = append(b, `,"field":`...)
	b = appendText(b, e.Field)
	b = append(b, `,"offset":`...)
	return append(strconv.AppendInt(b, e.Offset, 10), "}\n"...)
}

// appendText appends a string; what is not UTF-8 in it becomes U+FFFD.
func appendText(b []byte, text string) []byte {
	b, _ = jsontext.AppendQuote(b, text) // the error says that something became U+FFFD
	return b
}
