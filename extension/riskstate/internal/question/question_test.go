// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package question

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var limits = Limits{Entities: 4, Attributes: 6}

const full = `{"ip": "203.0.113.7", "user": "al\u0069ce", "device": "d-1", "entities": {"tenant": "t-1"},
 "attributes": {"http.request.method": "POST", "amount": 12.5, "items": 3, "new": true, "old": false, "huge": 9223372036854775808},
 "observe": true, "scorer": "risk/payments"}`

func TestDecodeReadsEveryField(t *testing.T) {
	d := NewDecoder(limits)
	for range 2 { // and again, without leftovers
		require.NoError(t, d.Decode([]byte(full)))
		assert.Equal(t, Request{
			Entities: []Entity{{"ip", "203.0.113.7"}, {"user", "alice"}, {"device", "d-1"}, {"tenant", "t-1"}},
			Attributes: []Attribute{
				{Key: "http.request.method", Kind: KindText, Text: "POST"},
				{Key: "amount", Kind: KindFloat, Float: 12.5},
				{Key: "items", Kind: KindInt, Int: 3},
				{Key: "new", Kind: KindBool, Int: 1},
				{Key: "old", Kind: KindBool},
				{Key: "huge", Kind: KindFloat, Float: 9223372036854775808},
			},
			Observe: true,
		}, d.Request)
		assert.Equal(t, "risk/payments", d.Scorer)
	}
	require.NoError(t, d.Decode([]byte(" {} ")))
	assert.Empty(t, d.Request.Entities)
	assert.Empty(t, d.Request.Attributes)
	assert.False(t, d.Request.Observe)
	assert.Empty(t, d.Scorer)
}

func TestDecodeNamesFieldAndPlace(t *testing.T) {
	tests := map[string]Error{
		``:                                   {"", 0, "is not JSON: the body ends early"},
		`{"ip": "a"`:                         {"", 10, "is not JSON: unexpected EOF"},
		`[]`:                                 {"", 0, "must be an object, found an array"},
		`null`:                               {"", 0, "must be an object, found null"},
		`{} {}`:                              {"", 4, "there is more than one value"},
		`{"ipp": "a"}`:                       {"ipp", 6, "is not a field of a question"},
		`{"ip": 7}`:                          {"ip", 7, "must be a string, found a number"},
		`{"ip": null}`:                       {"ip", 7, "must be a string, found null"},
		`{"ip": ""}`:                         {"ip", 9, "must not be empty"},
		`{"ip": "a", "ip": "b"}`:             {"ip", 12, "is not JSON: duplicate object member name"},
		`{"ip": "a", "entities":{"ip":"b"}}`: {"entities/ip", 32, "is given twice"},
		`{"entities": ["a"]}`:                {"entities", 13, "must be an object of strings, found an array"},
		`{"entities": {"t": 1}}`:             {"entities/t", 19, "must be a string, found a number"},
		`{"attributes": {"a": [1]}}`:         {"attributes/a", 21, "must be a string, a number, true or false, found an array"},
		`{"attributes": {"a": 1e999}}`:       {"attributes/a", 26, "is a number that is too large"},
		`{"observe": 1}`:                     {"observe", 12, "must be true or false, found a number"},
		`{"attributes": {"a": nul}}`:         {"attributes/a", 24, "is not JSON: invalid character '}' in literal null (expecting 'l')"},
		"{\"ip\": \"\xff\"}":                 {"ip", 8, "is not JSON: invalid UTF-8"},
		`{"entities": {"a":"1","b":"1","c":"1","d":"1","e":"1"}}`:     {"entities/e", 53, "is one more than the 4 entities allowed"},
		`{"attributes": {"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1}}`: {"attributes/g", 57, "is one more than the 6 attributes allowed"},
		`{"attributes": {"deep": ` + strings.Repeat("[", 20000) + `}`: {"", 0, ""},
	}
	d := NewDecoder(limits)
	for body, want := range tests {
		err := d.Decode([]byte(body))
		var got *Error
		require.ErrorAs(t, err, &got, "%.60s", body)
		if want.Fault != "" {
			assert.Equal(t, want, *got, "%.60s", body)
		}
		require.NoError(t, d.Decode([]byte(full)), "after %.60s", body)
	}
}

// FuzzDecode holds the decoder to what the standard library reads in the same body.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(full))
	f.Add([]byte(`{"attributes":{"a":1e-7}}`))
	f.Add([]byte(`{"ip":"a"} x`))
	d := NewDecoder(Limits{Entities: 8, Attributes: 8})
	f.Fuzz(func(t *testing.T, body []byte) {
		err := d.Decode(body)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Fault == "" || e.Offset < 0 || e.Offset > int64(len(body)) {
				t.Fatalf("%#v", err)
			}
			if !json.Valid(AppendError(nil, e)) {
				t.Fatalf("error is not JSON: %s", AppendError(nil, e))
			}
			return
		}
		var peer struct {
			Attributes map[string]any    `json:"attributes"`
			Entities   map[string]string `json:"entities"`
		}
		if err := json.Unmarshal(body, &peer); err != nil {
			t.Fatalf("the standard library refuses it: %v", err)
		}
		if len(peer.Attributes) != len(d.Request.Attributes) || len(peer.Entities) > len(d.Request.Entities) {
			t.Fatalf("%+v, the standard library reads %+v", d.Request, peer)
		}
		for _, a := range d.Request.Attributes {
			switch want := peer.Attributes[a.Key].(type) {
			case string:
				if a.Kind != KindText || a.Text != want || !utf8.ValidString(a.Text) {
					t.Fatalf("%q: %+v, want %q", a.Key, a, want)
				}
			case float64:
				if got := a.Float + float64(a.Int); got != want {
					t.Fatalf("%q: %v, want %v", a.Key, got, want)
				}
			case bool:
				if a.Kind != KindBool || (a.Int == 1) != want {
					t.Fatalf("%q: %+v, want %v", a.Key, a, want)
				}
			}
		}
	})
}

func TestAnswersAreJSON(t *testing.T) {
	answer := Answer{Score: 0.875, Level: "critical", Reasons: []string{"card_testing", "a\"b\xff"}, Degraded: true}
	assert.Equal(t, `{"score":0.875,"level":"critical","reasons":["card_testing","a\"b`+"\ufffd"+`"],"degraded":true}`+"\n", string(AppendAnswer(nil, &answer)))
	assert.Equal(t, `{"score":0,"level":"","reasons":[],"degraded":false}`+"\n", string(AppendAnswer(nil, &Answer{})))
}

func BenchmarkDecode(b *testing.B) {
	d, body := NewDecoder(limits), []byte(full)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if err := d.Decode(body); err != nil {
			b.Fatal(err)
		}
	}
}
