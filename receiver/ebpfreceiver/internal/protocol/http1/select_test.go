// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSelectTakesWhatIsNamed(t *testing.T) {
	tests := map[string]struct {
		head string
		want []string
	}{
		"what is named":              {"GET / HTTP/1.1\r\nX-ID: 7\r\nAuthorization: secret\r\n\r\n", []string{"x-id 7"}},
		"all of the same name":       {"GET / HTTP/1.1\r\nx-id: 7\r\nX-Id: 8\r\n\r\n", []string{"x-id 7", "x-id 8"}},
		"a response":                 {"HTTP/1.1 200 OK\r\nServer: nginx\r\n\r\n", []string{"server nginx"}},
		"a name that begins like it": {"GET / HTTP/1.1\r\nX-ID-Token: secret\r\n\r\n", nil},
		"behind the head":            {"GET / HTTP/1.1\r\n\r\nX-ID: secret\r\n", nil},
		"a value that is cut":        {"GET / HTTP/1.1\r\nX-ID: 7", nil},
		"a broken line before":       {"GET / HTTP/1.1\r\nbroken\r\nX-ID: 7\r\n\r\n", []string{"x-id 7"}},
		"control characters":         {"GET / HTTP/1.1\r\nX-ID: a\x00b\r\n\r\n", nil},
		"no line":                    {"GET / HT", nil},
	}
	names := []string{"x-id", "server"}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var got []string
			Select([]byte(test.head), names, func(i int, value []byte) { got = append(got, names[i]+" "+string(value)) })
			assert.Equal(t, test.want, got)
		})
	}
}

func FuzzSelect(f *testing.F) {
	f.Add([]byte("GET / HTTP/1.1\r\nX-ID: 7\r\n folded\r\n\r\n"))
	f.Fuzz(func(t *testing.T, head []byte) {
		Select(head, []string{"x-id"}, func(i int, value []byte) {
			assert.Zero(t, i)
			assert.True(t, plain(value))
			assert.Contains(t, string(head), string(value))
		})
	})
}
