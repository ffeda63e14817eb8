// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package http1

// Select calls found for every whole field line of a head whose name is one of names, which are in lower case, with its
// place in names. A value with control characters in it is left out.
func Select(head []byte, names []string, found func(name int, value []byte)) {
	_, next := firstLine(head)
	if next == 0 {
		return
	}
	s := scanner{head: head, pos: next}
	for {
		field, value, step := s.next()
		switch step {
		case stepField:
			for i, name := range names {
				if fold(field, name) && plain(value) {
					found(i, value)
				}
			}
		case stepMalformed:
		default:
			return
		}
	}
}
