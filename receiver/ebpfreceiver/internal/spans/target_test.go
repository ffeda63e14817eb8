// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package spans

import (
	"net"
	"net/url"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestParseTargetTellsTheForms(t *testing.T) {
	tests := map[string]struct {
		method, raw string
		cut         bool
		want        target
	}{
		"origin":             {"GET", "/a?b", false, target{form: formOrigin, path: []byte("/a"), query: []byte("b")}},
		"origin, cut":        {"GET", "/a", true, target{form: formOrigin, path: []byte("/a")}},
		"asterisk":           {"OPTIONS", "*", false, target{form: formAsterisk, path: []byte("*")}},
		"authority":          {"CONNECT", "u@a:1", false, target{form: formAuthority, authority: []byte("a:1")}},
		"authority, cut":     {"CONNECT", "a:1", true, target{form: formAuthority}},
		"absolute":           {"GET", "http://u:p@a:1/b?c", false, target{[]byte("http"), []byte("a:1"), []byte("/b"), formAbsolute, []byte("c")}},
		"absolute, bare":     {"GET", "http://a", false, target{[]byte("http"), []byte("a"), []byte("/"), formAbsolute, nil}},
		"absolute, cut":      {"GET", "http://a", true, target{scheme: []byte("http"), form: formAbsolute}},
		"absolute, cut user": {"GET", "http://user:pass", true, target{scheme: []byte("http"), form: formAbsolute}},
		"nothing":            {"GET", "", true, target{form: formOther}},
		"relative":           {"GET", "a/b", false, target{form: formOther}},
		"no scheme":          {"GET", "://a", false, target{form: formOther}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, parseTarget([]byte(test.method), []byte(test.raw), test.cut))
		})
	}
}

// FuzzSplitAuthority holds host and port to be what the net package makes of them where it accepts the authority.
func FuzzSplitAuthority(f *testing.F) {
	for _, seed := range []string{"a", "a:80", "[::1]:80", "[::1]", "u:p@a:1", "::1", "a:", ":1", "[a]:1", "a:065535", "a]:1", "[::1%25e]:2"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, authority string) {
		host, port, ok := splitAuthority([]byte(authority))
		if !ok {
			return
		}
		assert.NotEmpty(t, host)
		assert.NotContains(t, string(host), "@")
		if netHost, netPort, err := net.SplitHostPort(string(withoutUser([]byte(authority)))); err == nil && netPort != "" {
			assert.Equal(t, netHost, string(host))
			number, err := strconv.Atoi(netPort)
			assert.NoError(t, err)
			assert.Equal(t, number, int(port))
		}
	})
}

// FuzzParseTarget compares with net/url where it accepts the target of a GET.
func FuzzParseTarget(f *testing.F) {
	for _, seed := range []string{"/a?b#c", "http://u:p@a:1/b?c", "http://a", "*", "//a/b", "https://[::1]/%2F", "/a#b?c", "x://y"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		got := parseTarget([]byte("GET"), []byte(raw), false)
		assert.NotContains(t, string(got.path), "?")
		assert.NotContains(t, string(got.path), "#")
		assert.NotContains(t, string(got.authority), "@")
		oracle, err := url.ParseRequestURI(raw)
		if err != nil || got.form == formOther {
			return
		}
		switch got.form {
		case formAbsolute:
			assert.Len(t, got.scheme, len(oracle.Scheme))
			if oracle.Path != "" {
				compareHost(t, oracle, got.authority)
			}
		case formOrigin:
			assert.Empty(t, oracle.Scheme)
		}
	})
}

// compareHost compares the host of an absolute target, unless it has escapes, which url decodes.
func compareHost(t *testing.T, oracle *url.URL, authority []byte) {
	t.Helper()
	host, _, ok := splitAuthority(authority)
	if ok && oracle.Hostname() != "" {
		unescaped, err := url.PathUnescape(string(host))
		if err == nil {
			assert.Equal(t, oracle.Hostname(), unescaped)
		}
	}
}
