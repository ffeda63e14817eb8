// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package learn

import "math"

// ln is the natural logarithm of a positive normal number, to 1e-6. math.Log would be half of the cost of a span.
func ln(x float32) float32 {
	const exponentBits, bias = 23, 127
	bits := math.Float32bits(x)
	exponent := float32(int32(bits>>exponentBits) - bias)
	m := math.Float32frombits(bits&(1<<exponentBits-1) | bias<<exponentBits) // 1 to 2
	if m > math.Sqrt2 {
		m /= 2
		exponent++
	}
	s := (m - 1) / (m + 1) // ln m = 2 artanh s, with s at most 0.172
	q := s * s
	return exponent*math.Ln2 + 2*s*(1+q*(1.0/3+q*(1.0/5+q*(1.0/7))))
}
