// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package injection

import (
	"strings"
	"testing"

	"github.com/corazawaf/libinjection-go"
	"github.com/stretchr/testify/assert"
)

func TestInspector(t *testing.T) {
	for text, want := range map[string]struct{ sql, xss bool }{
		"":                        {},
		"/shop/items/4711?page=2": {},
		"/o'reilly":               {},
		"q=rock+%26+roll&lang=en": {},
		"q=it%27s+a+nice+day":     {},
		"id=1' or '1'='1":         {sql: true},
		"page=1&id=1+OR+1%3D1":    {sql: true},
		"id=-1%27%20UNION%20SELECT%20password%20FROM%20users--": {sql: true},
		"/items/1%2527%2520or%2520%25271%2527%253D%25271":       {sql: true},
		"/a?x=1&y=%3Cscript%3Ealert(1)%3C/script%3E":            {xss: true},
		"q=<img src=x onerror=alert(1)>":                        {xss: true},
		"1 UNION SELECT 1,2,3":                                  {sql: true},
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36": {},
	} {
		i := New(1024)
		assert.Equal(t, want.sql, i.SQL(text), "SQL in %q", text)
		assert.Equal(t, want.xss, i.XSS(text), "XSS in %q", text)
		cut, faults := i.Drain()
		assert.Zero(t, cut+faults)
	}
}

func TestLongTextsAreCutAndCounted(t *testing.T) {
	i := New(64)
	assert.False(t, i.SQL("q="+strings.Repeat("a", 64)+"&id=1' or '1'='1"))
	assert.True(t, i.SQL("id=1' or '1'='1&q="+strings.Repeat("a", 64)))
	cut, _ := i.Drain()
	assert.EqualValues(t, 2, cut)
	cut, _ = i.Drain()
	assert.Zero(t, cut, "told once")
}

func TestAPanicOfTheLibraryIsCounted(t *testing.T) {
	i := New(64)
	assert.False(t, i.some("a'", func(part string) bool { return part[len(part)] == 0 }))
	_, faults := i.Drain()
	assert.EqualValues(t, 1, faults)
}

// FuzzPlain asserts that nothing which is passed over as plain is an attack, and that no text makes a fault.
func FuzzPlain(f *testing.F) {
	for _, text := range []string{"abc", "a=b&c=d", "1-1", "x--", "javascript:alert", "/a/b.c", "1,2", "a:b~c", "%27%27", "\x00'", "a'b"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		i := New(512)
		i.SQL(text)
		i.XSS(text)
		if _, faults := i.Drain(); faults != 0 {
			t.Fatalf("%q makes libinjection panic", text)
		}
		if !plain(text) || strings.ContainsAny(text, "?&=") {
			return // of which parts are asked about
		}
		if found, print := libinjection.IsSQLi(text); found {
			t.Fatalf("%q is SQL (%s)", text, print)
		}
		if libinjection.IsXSS(text) {
			t.Fatalf("%q is a script", text)
		}
	})
}

func TestSuspicious(t *testing.T) {
	for text, want := range map[string]bool{
		"":                                false,
		"/shop/items/4711":                false,
		"/release-1.2/a_b/c,d":            false,
		"page=2&sort=price":               false,
		"q=rock+%26+roll":                 false,
		"q=caf%C3%A9+au+lait":             false,
		"https://example.org/shop?page=2": false,
		"a.b":                             false,
		"/":                               false,
		"-":                               false,
		"q=it%27s":                        true,
		"id=1' or '1'='1":                 true,
		"q=%3Cscript":                     true,
		"q=%253Cscript":                   true, // encoded twice
		"/../etc":                         true,
		"/%2e%2e/etc":                     true,
		"/.env":                           true,
		"file=/etc/passwd":                true,
		"file=/bin/":                      true,
		"file=/binary/":                   false,
		"id=1--":                          true,
		"next=https://example.org/":       true,
		"/go?to=http://example.org/":      true,
		"a=%zz":                           true,
		"a=\x01":                          true,
		"x=$%7Bjndi:ldap":                 true,
		"https://example.org/?a=1;drop":   true,
		"https://example.org//double":     true,
		"a=/*":                            true,
		strings.Repeat("a", 100) + "'":    true,
		strings.Repeat("a", 1024) + "'":   false, // beyond the limit
	} {
		assert.Equal(t, want, New(1024).Suspicious(text), "%q", text)
	}
	i := New(64)
	i.Suspicious(strings.Repeat("a", 65))
	cut, _ := i.Drain()
	assert.EqualValues(t, 1, cut)
}

func BenchmarkSuspicious(b *testing.B) {
	for name, text := range map[string]string{
		"plain":   "page=2&sort=price&category=shoes",
		"encoded": "q=rock+%26+roll",
		"attack":  "id=-1%27%20UNION%20SELECT%20password%20FROM%20users",
	} {
		b.Run(name, func(b *testing.B) {
			i := New(1024)
			b.ReportAllocs()
			for b.Loop() {
				i.Suspicious(text)
			}
		})
	}
}

// BenchmarkInspect inspects what most texts are, and what makes the library work.
func BenchmarkInspect(b *testing.B) {
	for name, text := range map[string]string{
		"plain":     "page=2&sort=price&category=shoes",
		"encoded":   "q=rock+%26+roll",
		"injection": "id=-1%27%20UNION%20SELECT%20password%20FROM%20users",
	} {
		b.Run(name, func(b *testing.B) {
			i := New(1024)
			b.ReportAllocs()
			for b.Loop() {
				i.SQL(text)
			}
		})
	}
}
