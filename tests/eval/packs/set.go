// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"hash/fnv"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// item is a request or a log line with what is known of it.
type item struct {
	class  string // row of the table
	packs  string // what should find it, names with spaces between; for items that are no attack, what should not
	attack bool
	held   bool // was not in sight
	attrs  map[string]any
	body   string // of a log line; empty for a request
}

// heldOut says to which half of a set a key belongs.
func heldOut(key string) bool {
	h := fnv.New32a()
	_, _ = h.Write([]byte(key)) // a hash never fails
	return h.Sum32()>>8&1 == 1
}

// write gives a span or log record the item's attributes.
func (i *item) write(to pcommon.Map) {
	for key, value := range i.attrs {
		switch v := value.(type) {
		case string:
			to.PutStr(key, v)
		case []string:
			list := to.PutEmptySlice(key)
			for _, text := range v {
				list.AppendEmpty().SetStr(text)
			}
		}
	}
}
