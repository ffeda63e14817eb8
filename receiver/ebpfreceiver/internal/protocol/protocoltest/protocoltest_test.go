// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package protocoltest

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errFatal = errors.New("fatal")

// line is a parser of messages that are one line each, and keeps every promise.
func line(input []byte) Facts {
	i := bytes.IndexByte(input, '\n')
	if i < 0 {
		return Facts{Fields: map[string]string{"text": string(input)}}
	}
	return Facts{Fields: map[string]string{"text": string(input[:i])}, Consumed: i + 1, Complete: true}
}

// parser returns a Parser around parse.
func parser(parse func([]byte) Facts) Parser {
	return Parser{
		Parse:     parse,
		Bare:      func([]byte) {},
		NeedsMore: func(error) bool { return false },
		Fatal:     func(err error) bool { return errors.Is(err, errFatal) },
		Growing:   []string{"text"},
		Seeds:     []string{"hello\n", "\n", ""},
	}
}

// recorder is a test that notes its failure instead of failing.
type recorder struct {
	testing.TB
	failure string
}

func (r *recorder) Helper() {}

func (r *recorder) Fatalf(format string, args ...any) {
	r.failure = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// check returns what Check finds wrong with parse on input.
func check(t *testing.T, parse func([]byte) Facts, input string) string {
	t.Helper()
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		Check(r, parser(parse), []byte(input))
	}()
	<-done
	return r.failure
}

func TestAParserThatKeepsItsPromisesPasses(t *testing.T) {
	Run(t, parser(line))
	assert.Empty(t, check(t, line, "hello\nworld\n"))
}

func TestABrokenPromiseIsFound(t *testing.T) {
	tests := map[string]struct {
		parse func([]byte) Facts
		want  string
	}{
		"consuming more than there is": {func(in []byte) Facts {
			return Facts{Consumed: len(in) + 1, Complete: true}
		}, "consumed 4 of 3 bytes"},
		"consuming without being complete": {func([]byte) Facts { return Facts{Consumed: 1} }, "complete is false with 1 bytes"},
		"reading the next message": {func(in []byte) Facts {
			facts := line(in)
			if facts.Complete {
				facts.Fields["length"] = fmt.Sprint(len(in))
			}
			return facts
		}, "bytes behind the message change the result"},
		"writing to the input": {func(in []byte) Facts {
			if len(in) > 0 {
				in[0] = 'x'
			}
			return Facts{}
		}, "wrote to its input"},
		"being complete too early": {func(in []byte) Facts {
			if len(in) == 1 {
				return Facts{Consumed: 1, Complete: true}
			}
			return Facts{}
		}, "complete, but with more input it is not"},
		"taking back an error": {func(in []byte) Facts {
			if len(in) == 1 {
				return Facts{Err: errFatal}
			}
			return Facts{}
		}, "fatal, but with more input"},
		"taking back a lesser error": {func(in []byte) Facts {
			if len(in) == 1 {
				return Facts{Err: errors.New("odd")}
			}
			return Facts{}
		}, "odd, but with more input there is none"},
		"taking back a fact": {func(in []byte) Facts {
			return Facts{Fields: map[string]string{"last": string(in[max(0, len(in)-1):])}}
		}, "but with more input it is"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Contains(t, check(t, test.parse, "a\nb"), test.want)
		})
	}
}
