// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package protocoltest is the conformance suite that every protocol's parser passes. A parser reads the beginning of a
// message that arrives in pieces of any size, so what it must keep to is the same for all:
//
//   - it never panics, whatever the bytes;
//   - it never consumes more than it was given, nor anything of the message that follows;
//   - it does not write to its input;
//   - a piece says nothing that the whole message takes back: chunked input ends up as whole input;
//   - it allocates nothing.
//
// [Run] checks a table of seeds and mutations of them; [Check] checks one input and is what fuzz targets call.
package protocoltest

import (
	"bytes"
	"errors"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// Facts is what a parser says about an input, in a form that can be compared.
type Facts struct {
	// Fields maps names of facts to their values. What was not seen is not in it.
	Fields map[string]string
	// Consumed is how many bytes the message takes; 0 unless Complete.
	Consumed int
	// Complete says that the whole message was there.
	Complete bool
	// Err is the parser's error.
	Err error
}

// Parser is the parser under test.
type Parser struct {
	// Parse parses input and copies what it found.
	Parse func(input []byte) Facts
	// Bare parses input and throws the result away; it is what must not allocate.
	Bare func(input []byte)
	// NeedsMore says whether err may go away with more input.
	NeedsMore func(err error) bool
	// Fatal says whether err means that nothing of the result may be used.
	Fatal func(err error) bool
	// Growing names the fields whose value, seen in part, is a prefix of what the whole message gives.
	Growing []string
	// Revoked names the fields that a part of the message not seen yet may take back, by a rule of the protocol.
	Revoked []string
	// Seeds are whole messages, valid and not.
	Seeds []string
}

// mutations is how many changed versions of each seed there are.
const mutations = 200

// Run checks p on its seeds, on seeds with another message behind them and on random changes of them. The changes are
// the same in every run.
func Run(t *testing.T, p Parser) {
	t.Helper()
	for _, seed := range p.Seeds {
		Check(t, p, []byte(seed))
		Check(t, p, []byte(seed+p.Seeds[0]))
	}
	for input := range Mutations(p.Seeds) {
		Check(t, p, input)
	}
	t.Run("allocates nothing", func(t *testing.T) {
		for _, seed := range p.Seeds {
			input := []byte(seed)
			if n := testing.AllocsPerRun(10, func() { p.Bare(input) }); n != 0 {
				t.Errorf("parse %q: %v allocations", seed, n)
			}
		}
	})
}

// Mutations yields random changes of seeds, the same ones every time.
func Mutations(seeds []string) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		random := rand.New(rand.NewPCG(1, 2))
		for _, seed := range seeds {
			for range mutations {
				if !yield(mutate(random, []byte(seed))) {
					return
				}
			}
		}
	}
}

// Check holds p to its promises on input, whole and cut after every byte.
func Check(tb testing.TB, p Parser, input []byte) {
	tb.Helper()
	before := bytes.Clone(input)
	whole := p.Parse(input)
	checkBounds(tb, input, whole)
	for cut := range len(input) {
		piece := p.Parse(input[:cut:cut])
		checkBounds(tb, input[:cut], piece)
		checkPiece(tb, p, input[:cut], whole, piece)
	}
	if !bytes.Equal(before, input) {
		tb.Fatalf("parse %q: wrote to its input, which is now %q", before, input)
	}
}

// checkBounds checks what holds for every result.
func checkBounds(tb testing.TB, input []byte, facts Facts) {
	tb.Helper()
	switch {
	case facts.Consumed < 0 || facts.Consumed > len(input):
		tb.Fatalf("parse %q: consumed %d of %d bytes", input, facts.Consumed, len(input))
	case facts.Complete != (facts.Consumed > 0):
		tb.Fatalf("parse %q: complete is %v with %d bytes consumed", input, facts.Complete, facts.Consumed)
	}
}

// checkPiece compares what a piece of a message says with what the whole one does.
func checkPiece(tb testing.TB, p Parser, input []byte, whole, piece Facts) {
	tb.Helper()
	if whole.Complete && len(input) >= whole.Consumed {
		if !equal(whole, piece) {
			tb.Fatalf("parse %q: bytes behind the message change the result from %+v to %+v", input, piece, whole)
		}
		return
	}
	if piece.Complete {
		tb.Fatalf("parse %q: complete, but with more input it is not: %+v", input, whole)
	}
	switch {
	case whole.Err != nil && p.Fatal(whole.Err):
		return
	case piece.Err != nil && p.Fatal(piece.Err):
		if !p.NeedsMore(piece.Err) {
			tb.Fatalf("parse %q: %v, but with more input there is %v", input, piece.Err, whole.Err)
		}
		return
	case piece.Err != nil && whole.Err == nil:
		tb.Fatalf("parse %q: %v, but with more input there is none", input, piece.Err)
	case whole.Err != nil:
		return
	}
	for name, got := range piece.Fields {
		want, ok := whole.Fields[name]
		same := ok && (got == want || slices.Contains(p.Growing, name) && strings.HasPrefix(want, got))
		if !same && !slices.Contains(p.Revoked, name) {
			tb.Fatalf("parse %q: %s is %q, but with more input it is %q", input, name, got, want)
		}
	}
}

// equal compares two results.
func equal(a, b Facts) bool {
	if a.Consumed != b.Consumed || a.Complete != b.Complete || !errors.Is(a.Err, b.Err) || len(a.Fields) != len(b.Fields) {
		return false
	}
	for name, value := range a.Fields {
		if other, ok := b.Fields[name]; !ok || other != value {
			return false
		}
	}
	return true
}

// mutate changes a few bytes of message: replaces, removes or repeats.
func mutate(random *rand.Rand, message []byte) []byte {
	const special = "\r\n\t :,;/?@[]0\x00\x7f\xffA"
	for range 1 + random.IntN(4) {
		if len(message) == 0 {
			break
		}
		i := random.IntN(len(message))
		switch random.IntN(4) {
		case 0:
			message[i] = special[random.IntN(len(special))]
		case 1:
			message = append(message[:i], message[i+1:]...)
		case 2:
			message = append(message[:i+1], message[i:]...)
		case 3:
			message[i] = byte(random.Uint32())
		}
	}
	return message
}
