// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package injection says whether a text that a client sent is an attempt to inject SQL or a script, as libinjection sees
// it: by the tokens of the text, not by patterns (Galbreath 2012, libinjection; here the Coraza project's port to Go). And,
// for much less, whether it has signs that attacks of any kind are written with.
//
// The text is a path, a query, a URL or the value of a header. It is taken apart as a server would: at `?` and `&`, at
// slashes if it begins with one, and at the first `=`. Each part is decoded and asked about by itself, since what is
// injected begins in the middle of a statement. Most parts consist of letters, digits and a few signs that neither
// language makes anything of: they cost some nanoseconds and no allocation. The others cost about a microsecond each.
//
// An [Inspector] may be used by many goroutines at once.
package injection

import (
	"slices"
	"strings"
	"sync/atomic"

	"github.com/corazawaf/libinjection-go"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/pattern"
)

// Inspector inspects texts up to a length.
type Inspector struct {
	limit  int
	cut    atomic.Int64
	faults atomic.Int64
}

// New makes an inspector that looks at the first limit bytes of a text.
func New(limit int) *Inspector { return &Inspector{limit: limit} }

// Drain returns how many texts were cut at the limit, and how many parts could not be inspected because libinjection
// panicked, since the last call.
func (i *Inspector) Drain() (cut, faults int64) { return i.cut.Swap(0), i.faults.Swap(0) }

// SQL says whether a part of the text would change a statement of SQL that it was put into.
func (i *Inspector) SQL(text string) bool {
	return i.some(text, func(part string) bool {
		found, _ := libinjection.IsSQLi(part)
		return found
	})
}

// XSS says whether a part of the text would run as a script in a page that it was put into.
func (i *Inspector) XSS(text string) bool { return i.some(text, libinjection.IsXSS) }

// Suspicious says whether the text, decoded, has signs that attacks are written with and ordinary paths and queries
// seldom: quotes, brackets of languages, separators of shells, control characters, encodings that are none, ways up, hidden
// files, comments, addresses, and folders of a system. The scheme of a URL is not one of them.
//
// It is a sieve for something that costs more, and lets attacks through that consist of words.
func (i *Inspector) Suspicious(text string) bool {
	if len(text) > i.limit {
		text = text[:i.limit]
		i.cut.Add(1)
	}
	if scheme, rest, ok := strings.Cut(text, "://"); ok && !strings.ContainsAny(scheme, "/?&=") {
		text = rest
	}
	if plain(text) {
		return hasSign(text)
	}
	var buffer [256]byte
	decoded := pattern.AppendDecoded(buffer[:0], text)
	return slices.ContainsFunc(decoded, func(b byte) bool { return suspiciousBytes[b] }) || hasSign(decoded)
}

// hasSign says whether the text has a sign of more than one byte.
func hasSign[T string | []byte](text T) bool {
	for n := range len(text) - 1 {
		switch next := text[n+1]; text[n] {
		case '.', '-': // ways up, comments
			if next == text[n] {
				return true
			}
		case '/': // addresses, hidden files, comments, folders of a system
			if next == '/' || next == '.' || next == '*' || inSystem(text, n+1) {
				return true
			}
		}
	}
	return false
}

// inSystem says whether a folder of a system is named at that place.
func inSystem[T string | []byte](text T, at int) bool {
	for _, folder := range [...]string{"etc/", "proc/", "bin/"} {
		same := 0
		for same < len(folder) && at+same < len(text) && text[at+same] == folder[same] {
			same++
		}
		if same == len(folder) {
			return true
		}
	}
	return false
}

var suspiciousBytes = func() (suspicious [256]bool) {
	for b := range 256 {
		suspicious[b] = b < ' ' || b == 0x7f || b < 0x80 && strings.IndexByte("'\"`<>()|;$\\{}^%#", byte(b)) >= 0
	}
	return suspicious
}()

// some takes the text apart and asks about each part.
func (i *Inspector) some(text string, is func(string) bool) bool {
	if len(text) > i.limit {
		text = text[:i.limit]
		i.cut.Add(1)
	}
	if plain(text) {
		return false
	}
	inPath := strings.HasPrefix(text, "/")
	for len(text) > 0 {
		end := 0
		for end < len(text) && text[end] != '&' && text[end] != '?' && (!inPath || text[end] != '/') {
			end++
		}
		if i.part(text[:end], is) {
			return true
		}
		if end == len(text) {
			return false
		}
		inPath = inPath && text[end] == '/'
		text = text[end+1:]
	}
	return false
}

// part asks about `name=value` or what has no name.
func (i *Inspector) part(part string, is func(string) bool) bool {
	if plain(part) {
		return false
	}
	name, value, named := strings.Cut(part, "=")
	if !named {
		return i.ask(part, is)
	}
	return i.ask(value, is) || i.ask(name, is)
}

// ask asks about a part that is still encoded. A fault of the library is counted, and is not a finding.
func (i *Inspector) ask(part string, is func(string) bool) (found bool) {
	if plain(part) {
		return false
	}
	defer func() {
		if recover() != nil {
			i.faults.Add(1)
			found = false
		}
	}()
	var buffer [256]byte
	return is(string(pattern.AppendDecoded(buffer[:0], part)))
}

// plain says that the text consists of bytes of which neither SQL nor HTML is made, or the signs of URLs.
func plain(text string) bool {
	for n := range len(text) {
		if !plainBytes[text[n]] {
			return false
		}
	}
	return !strings.Contains(text, "--") // begins a comment
}

var plainBytes = func() (plain [256]bool) {
	for b := range 256 {
		plain[b] = b < 0x80 && strings.IndexByte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.,/:~?&=", byte(b)) >= 0
	}
	return plain
}()
