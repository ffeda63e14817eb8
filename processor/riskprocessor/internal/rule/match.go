// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package rule

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxLiterals is the number of literals up to which trying one after the other is faster than a regular expression.
const maxLiterals = 32

// matcher returns a function that says what pattern.MatchString says. A pattern that is nothing but a choice of literals,
// at the beginning, at the end or anywhere, needs no regular expression: it takes a tenth of the time.
func matcher(pattern *regexp.Regexp) func(string) bool {
	parsed, err := syntax.Parse(pattern.String(), syntax.Perl)
	if err != nil {
		return pattern.MatchString
	}
	parts := []*syntax.Regexp{parsed.Simplify()}
	if parts[0].Op == syntax.OpConcat {
		parts = parts[0].Sub
	}
	begin := len(parts) > 0 && parts[0].Op == syntax.OpBeginText
	if begin {
		parts = parts[1:]
	}
	end := len(parts) > 0 && parts[len(parts)-1].Op == syntax.OpEndText
	if end {
		parts = parts[:len(parts)-1]
	}
	literals, ok := sequence(parts)
	if !ok {
		return pattern.MatchString
	}
	switch {
	case begin && end:
		return func(s string) bool { return slices.Contains(literals, s) }
	case begin:
		return func(s string) bool { return some(literals, s, strings.HasPrefix) }
	case end:
		return func(s string) bool { return some(literals, s, strings.HasSuffix) }
	default:
		return func(s string) bool { return some(literals, s, strings.Contains) }
	}
}

func some(literals []string, s string, is func(s, literal string) bool) bool {
	for _, literal := range literals {
		if is(s, literal) {
			return true
		}
	}
	return false
}

// sequence returns all texts that the parts stand for, one part after the other, if they are few.
func sequence(parts []*syntax.Regexp) ([]string, bool) {
	texts := []string{""}
	for _, part := range parts {
		choices, ok := choice(part)
		if !ok || len(texts)*len(choices) > maxLiterals {
			return nil, false
		}
		longer := make([]string, 0, len(texts)*len(choices))
		for _, text := range texts {
			for _, c := range choices {
				longer = append(longer, text+c)
			}
		}
		texts = longer
	}
	return texts, true
}

// choice returns all texts that the expression stands for, if they are few.
func choice(re *syntax.Regexp) ([]string, bool) {
	switch re.Op {
	case syntax.OpEmptyMatch:
		return []string{""}, true
	case syntax.OpLiteral:
		text := string(re.Rune)
		return []string{text}, re.Flags&syntax.FoldCase == 0 && !strings.ContainsRune(text, utf8.RuneError)
	case syntax.OpCapture:
		return choice(re.Sub[0])
	case syntax.OpConcat:
		return sequence(re.Sub)
	case syntax.OpQuest:
		choices, ok := choice(re.Sub[0])
		return append(choices, ""), ok
	case syntax.OpAlternate:
		var all []string
		for _, sub := range re.Sub {
			choices, ok := choice(sub)
			if !ok || len(all)+len(choices) > maxLiterals {
				return nil, false
			}
			all = append(all, choices...)
		}
		return all, true
	case syntax.OpCharClass:
		return class(re.Rune)
	default:
		return nil, false
	}
}

// class returns the characters of a class as texts, if they are few.
func class(ranges []rune) ([]string, bool) {
	var all []string
	for i := 0; i < len(ranges); i += 2 {
		if int(ranges[i+1]-ranges[i])+len(all) >= maxLiterals {
			return nil, false
		}
		for r := ranges[i]; r <= ranges[i+1]; r++ {
			if r == utf8.RuneError {
				return nil, false
			}
			all = append(all, string(r))
		}
	}
	return all, true
}
