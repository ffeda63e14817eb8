// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package protocoltest

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// words is a parser of words that end with a space.
type words struct {
	log     []string
	pending []byte
	feed    func(*words, []byte) // nil: as it should be
	size    int
}

func (w *words) Feed(input []byte) {
	if w.feed != nil {
		w.feed(w, input)
		return
	}
	for _, c := range input {
		if c != ' ' {
			w.pending = append(w.pending, c)
			continue
		}
		w.log = append(w.log, string(w.pending))
		w.pending = nil
	}
}

func (w *words) Log() []string { return w.log }

func (w *words) Size() int { return w.size }

func checkStream(t *testing.T, feed func(*words, []byte), size int) string {
	t.Helper()
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s := Stream{New: func() StreamParser { return &words{feed: feed, size: size} }, MaxSize: 10}
		CheckStream(r, s, []byte("to be or not to be "))
	}()
	<-done
	return r.failure
}

func TestAStreamParserThatKeepsItsPromisesPasses(t *testing.T) {
	assert.Empty(t, checkStream(t, nil, 10))
	RunStream(t, Stream{New: func() StreamParser { return &words{} }, Seeds: []string{"a b ", "", " "}})
}

func TestABrokenPromiseOfAStreamParserIsFound(t *testing.T) {
	assert.Contains(t, checkStream(t, nil, 11), "keeps 11 bytes, may keep 10")
	assert.Contains(t, checkStream(t, func(w *words, input []byte) {
		if w.pending = append(w.pending, input...); len(w.pending) == len("to be or not to be ") {
			w.log = append(w.log, string(input)) // the last piece, as if it were the whole
		}
	}, 0), "in pieces of at most")
	assert.Contains(t, checkStream(t, func(w *words, input []byte) {
		w.pending = append(w.pending, input...)
		w.log = []string{string(w.pending)}
	}, 0), "but with more input")
	assert.Contains(t, checkStream(t, func(_ *words, input []byte) { input[0] = 'x' }, 0), "wrote to its input")
}
