// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package window

// allocate returns n zeroed values without pointers, which live as long as owner.
func allocate[V, O any](n int, _ *O) []V { return make([]V, n) }
