// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package http1

import "bytes"

// Ending finds the empty line that ends a head which comes in pieces of any size. The zero value is at the beginning of a
// head.
type Ending struct {
	line uint8 // 0: within a line, 1: behind its end, 2: behind a carriage return there
}

// Find returns how much of input is of the head, and whether it has come to its end; e is then ready for another.
func (e *Ending) Find(input []byte) (n int, end bool) {
	for n < len(input) {
		if e.line == 0 {
			i := bytes.IndexByte(input[n:], '\n')
			if i < 0 {
				return len(input), false
			}
			n += i + 1
			e.line = 1
			continue
		}
		letter := input[n]
		n++
		switch {
		case letter == '\n':
			e.line = 0
			return n, true
		case letter == '\r' && e.line == 1:
			e.line = 2
		default:
			e.line = 0
		}
	}
	return n, false
}
