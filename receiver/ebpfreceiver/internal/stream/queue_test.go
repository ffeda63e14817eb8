// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestWhatWasQuietForTheLongestTimeComesFirst(t *testing.T) {
	type thing struct {
		name  string
		place place[thing]
	}
	var q queue[thing]
	q.init(10)
	things := []*thing{{name: "a"}, {name: "b"}, {name: "c"}}
	for i, thing := range things {
		q.add(&thing.place, thing, uint64(i))
	}
	names := func() (names string) {
		for thing := q.first(); thing != nil; thing = thing.place.next() {
			names += thing.name
		}
		return names
	}
	q.touch(&things[0].place, 10)
	assert.Equal(t, "abc", names(), "a moment later nothing has changed")
	q.touch(&things[0].place, 11)
	assert.Equal(t, "bca", names())
	q.touch(&things[1].place, 0)
	assert.Equal(t, "bca", names(), "another processor's clock is behind")
	q.last(&things[1].place, 12)
	assert.Equal(t, "cab", names())
	q.remove(&things[0].place)
	assert.Equal(t, "cb", names())
	assert.Equal(t, 2, q.length)
}
