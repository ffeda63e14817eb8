// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package encode

import (
	"encoding/binary"
	"hash"
	"hash/fnv"
	"math"
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// byResource makes one record of each distinct set of resource attributes, in the order in which they appear.
// describe returns the attributes and the number of items of resource i of the marshalled request.
func byResource(value []byte, resources int, describe func(i int) (pcommon.Map, int)) ([]Record, error) {
	wholes := make([][]byte, 0, resources)
	if _, err := each(value, fieldResource, func(_, whole []byte) error {
		wholes = append(wholes, whole)
		return nil
	}); err != nil {
		return nil, err
	}
	if len(wholes) != resources {
		return nil, errMalformed
	}
	records := make([]Record, 0, resources)
	sizes := make([]int, 0, resources)
	groups := make([]int, resources)
	seen := make(map[[16]byte]int, resources)
	for i, whole := range wholes {
		attributes, items := describe(i)
		key := resourceKey(attributes)
		group, known := seen[key]
		if !known {
			group = len(records)
			seen[key] = group
			// A resource that appears once is not copied.
			records = append(records, Record{Key: key[:], Value: whole[:len(whole):len(whole)]})
			sizes = append(sizes, 0)
		}
		groups[i] = group
		records[group].Items += items
		sizes[group] += len(whole)
	}
	concatenate(records, wholes, groups, sizes)
	return records, nil
}

// concatenate completes the values of resources that appear more than once. Concatenated protobuf messages are one
// message with the repeated fields of all.
func concatenate(records []Record, wholes [][]byte, groups, sizes []int) {
	for i, group := range groups {
		record := &records[group]
		if sizes[group] == len(record.Value) {
			continue
		}
		if cap(record.Value) < sizes[group] {
			record.Value = make([]byte, 0, sizes[group])
		}
		record.Value = append(record.Value, wholes[i]...)
	}
}

// resourceKey hashes attributes (FNV-1a, 128 bits) so that their order does not matter but their types do.
func resourceKey(attributes pcommon.Map) [16]byte {
	h := fnv.New128a()
	hashMap(h, attributes)
	var key [16]byte
	h.Sum(key[:0])
	return key
}

func hashMap(h hash.Hash, m pcommon.Map) {
	keys := make([]string, 0, m.Len())
	for k := range m.All() {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	hashNumber(h, uint64(len(keys)))
	for _, k := range keys {
		v, _ := m.Get(k)
		hashText(h, k)
		hashValue(h, v)
	}
}

func hashValue(h hash.Hash, v pcommon.Value) {
	hashNumber(h, uint64(v.Type()))
	switch v.Type() {
	case pcommon.ValueTypeStr:
		hashText(h, v.Str())
	case pcommon.ValueTypeInt:
		hashNumber(h, uint64(v.Int()))
	case pcommon.ValueTypeDouble:
		hashNumber(h, math.Float64bits(v.Double()))
	case pcommon.ValueTypeBool:
		if v.Bool() {
			hashNumber(h, 1)
		}
	case pcommon.ValueTypeMap:
		hashMap(h, v.Map())
	case pcommon.ValueTypeSlice:
		hashNumber(h, uint64(v.Slice().Len()))
		for _, element := range v.Slice().All() {
			hashValue(h, element)
		}
	case pcommon.ValueTypeBytes:
		hashText(h, string(v.Bytes().AsRaw()))
	}
}

// hashText hashes a string with its length, so that no two lists of strings run together.
func hashText(h hash.Hash, s string) {
	hashNumber(h, uint64(len(s)))
	h.Write([]byte(s))
}

func hashNumber(h hash.Hash, n uint64) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], n)
	h.Write(b[:])
}
