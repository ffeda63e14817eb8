// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package protocoltest

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
)

// Stream is a parser of a whole stream under test, of which it is fed piece after piece.
type Stream struct {
	// New returns a parser that has seen nothing.
	New func() StreamParser
	// Seeds are streams, valid and not.
	Seeds []string
	// MaxSize bounds what the parser may keep, in bytes.
	MaxSize int
}

// StreamParser is one parser.
type StreamParser interface {
	// Feed takes the next bytes.
	Feed(input []byte)
	// Log is what was found so far, in order, in a form that can be compared. It does not alias the input.
	Log() []string
	// Size is the number of bytes kept.
	Size() int
}

// RunStream checks s on its seeds, on seeds one behind the other and on random changes of them. The changes are the
// same in every run.
func RunStream(t *testing.T, s Stream) {
	t.Helper()
	for _, seed := range s.Seeds {
		CheckStream(t, s, []byte(seed))
		CheckStream(t, s, []byte(seed+s.Seeds[0]))
	}
	for input := range Mutations(s.Seeds) {
		CheckStream(t, s, input)
	}
}

// CheckStream holds s to its promises on input: whatever pieces it comes in, it finds the same; what it has found in a
// part it does not take back; it keeps no more than it may; it does not write to the input.
func CheckStream(tb testing.TB, s Stream, input []byte) {
	tb.Helper()
	before := bytes.Clone(input)
	p := s.New()
	p.Feed(input)
	whole := p.Log()
	checkSize(tb, s, p, input)
	random := rand.New(rand.NewPCG(3, uint64(len(input))))
	for _, most := range []int{1, 2, 9, 64} {
		p := s.New()
		for at := 0; at < len(input); {
			next := min(at+1+random.IntN(most), len(input))
			p.Feed(input[at:next:next])
			at = next
			if at == len(input)/2 {
				checkPrefix(tb, whole, p.Log(), input[:at])
			}
			checkSize(tb, s, p, input)
		}
		if log := p.Log(); !slices.Equal(whole, log) {
			tb.Fatalf("feed %q in pieces of at most %d: found %q, as a whole %q", input, most, log, whole)
		}
	}
	half := s.New()
	half.Feed(bytes.Clone(input[:len(input)/2]))
	checkPrefix(tb, whole, half.Log(), input[:len(input)/2])
	if !bytes.Equal(before, input) {
		tb.Fatalf("feed %q: wrote to its input, which is now %q", before, input)
	}
}

func checkSize(tb testing.TB, s Stream, p StreamParser, input []byte) {
	tb.Helper()
	if size := p.Size(); size > s.MaxSize {
		tb.Fatalf("feed %q: keeps %d bytes, may keep %d", input, size, s.MaxSize)
	}
}

func checkPrefix(tb testing.TB, whole, part []string, input []byte) {
	tb.Helper()
	if len(part) > len(whole) || !slices.Equal(whole[:len(part)], part) {
		tb.Fatalf("feed %q: found %q, but with more input %q", input, part, whole)
	}
}
