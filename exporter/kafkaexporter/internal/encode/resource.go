// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package encode

import (
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/pdatautil"
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
		// The hash of contrib's exporter, so that both give a resource the same key.
		key := pdatautil.MapHash(attributes)
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
