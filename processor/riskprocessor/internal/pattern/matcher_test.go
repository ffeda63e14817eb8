// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package pattern

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMatch(t *testing.T) {
	values := []string{"/.env", "he", "hers", "Admin", "x y"}
	for _, tt := range []struct {
		place  Place
		decode bool
		text   string
		want   bool
	}{
		{Anywhere, false, "", false},
		{Anywhere, false, "/app/.env.bak", true},
		{Anywhere, false, "/APP/.ENV", true},
		{Anywhere, false, "ADMIN", true},
		{Anywhere, false, "usher", true},
		{Anywhere, false, "h e", false},
		{Anywhere, false, "%2f.env", false},
		{Anywhere, true, "%2f.env", true},
		{Anywhere, true, "%2F%2eenv", true},
		{Anywhere, true, "%252f%25252eenv", true},
		{Anywhere, true, "/.%00env", true},
		{Anywhere, true, "/.%u0065nv", true},
		{Anywhere, true, "/.%uff45nv", true},
		{Anywhere, true, "/.%u2603nv", false},
		{Anywhere, true, "x%09+%20y", true},
		{Anywhere, true, "100%", false},
		{Anywhere, true, "%2", false},
		{Beginning, false, "/.env", true},
		{Beginning, false, "/.envoy", true},
		{Beginning, false, "a/.env", false},
		{Beginning, false, "/.en", false},
		{End, false, "a/.env", true},
		{End, false, "a/.env ", false},
		{End, false, "hers", true},
		{End, false, "her", false},
		{Whole, false, "hers", true},
		{Whole, false, "her", false},
		{Whole, false, "hersh", false},
		{Whole, false, "he", true},
		{Whole, true, "h%65", true},
		{Beginning, true, "%41dministrator", true},
		{Beginning, true, "badmin", false},
	} {
		m, err := New(values, tt.place, tt.decode)
		require.NoError(t, err)
		assert.Equal(t, tt.want, m.Match(tt.text), "%d %v %q", tt.place, tt.decode, tt.text)
	}
}

func TestNewRefuses(t *testing.T) {
	_, err := New(nil, Anywhere, false)
	require.ErrorContains(t, err, "no values")
	_, err = New([]string{"a", ""}, Anywhere, false)
	require.ErrorContains(t, err, "value 1 is empty")
	_, err = New([]string{strings.Repeat("a", MaxBytes+1)}, Anywhere, false)
	require.ErrorContains(t, err, "longer than 65536 bytes")
}

// FuzzMatch holds the automaton beside a search for one value after the other.
func FuzzMatch(f *testing.F) {
	f.Add("he she his hers", "ushers", uint8(0), false)
	f.Add("/.env /.git", "%252f.Git/config", uint8(0), true)
	f.Add("ab abab b", "ABab", uint8(3), false)
	f.Fuzz(func(t *testing.T, list, text string, place uint8, decode bool) {
		values := strings.Fields(list)
		place %= 4
		m, err := New(values, Place(place), decode)
		if err != nil {
			return
		}
		seen := []byte(text)
		if decode {
			seen = AppendDecoded(nil, text)
			if len(seen) > len(text) {
				t.Fatalf("%q grew to %q", text, seen)
			}
		}
		seen = folded(seen)
		want := false
		for _, v := range values {
			in := [...]func(s, v []byte) bool{bytes.Contains, bytes.HasPrefix, bytes.HasSuffix, bytes.Equal}[place]
			want = want || in(seen, folded([]byte(v)))
		}
		if got := m.Match(text); got != want {
			t.Fatalf("%q in %q at %d: got %v, want %v", values, text, place, got, want)
		}
	})
}

func folded(text []byte) []byte {
	out := make([]byte, len(text))
	for i, b := range text {
		out[i] = lower(b)
	}
	return out
}

// BenchmarkMatch shows that the time does not depend on the number of values.
func BenchmarkMatch(b *testing.B) {
	text := "/catalog/items/4711/reviews/latest?page=2&sort=asc"
	for _, n := range []int{1, 10, 1000} {
		var values []string
		for i := range n {
			values = append(values, fmt.Sprintf("/scanner-%d.php", i))
		}
		for _, decode := range []bool{false, true} {
			b.Run(fmt.Sprintf("values=%d/decode=%v", n, decode), func(b *testing.B) {
				m, err := New(values, Anywhere, decode)
				require.NoError(b, err)
				b.ReportAllocs()
				b.SetBytes(int64(len(text)))
				for b.Loop() {
					if m.Match(text) {
						b.Fatal("found")
					}
				}
			})
		}
	}
}
