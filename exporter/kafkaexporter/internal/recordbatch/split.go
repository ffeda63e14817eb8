// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package recordbatch

// Split returns how many of the first records fit into one batch of at most maxBytes before compression and maxCount
// records. It returns 0 if records is empty or its first record alone is too large.
func Split(records []Record, maxBytes, maxCount int) int {
	size := HeaderSize
	for i := range records {
		size += RecordSize(records[i], i)
		if size > maxBytes || i == maxCount {
			return i
		}
	}
	return len(records)
}
