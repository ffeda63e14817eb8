// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package partition

// Sarama returns the partition of a key among count partitions (count > 0) as Sarama's default partitioner, and so
// contrib's exporter, does: FNV-1a with 32 bits taken as a signed number, modulo count, without its sign.
func Sarama(key []byte, count int32) int32 {
	const (
		basis = 2166136261
		prime = 16777619
	)
	h := uint32(basis)
	for _, b := range key {
		h = (h ^ uint32(b)) * prime
	}
	p := int32(h) % count
	if p < 0 {
		return -p
	}
	return p
}
