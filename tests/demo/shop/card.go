// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package shop

// validCard says whether number has 12 to 19 digits and the check digit that every real card number has (ISO/IEC
// 7812-1, annex B).
func validCard(number string) bool {
	if len(number) < 12 || len(number) > 19 {
		return false
	}
	sum := 0
	for i := range len(number) {
		digit := int(number[len(number)-1-i]) - '0'
		if digit < 0 || digit > 9 {
			return false
		}
		if i%2 == 1 {
			digit *= 2
		}
		sum += digit/10 + digit%10
	}
	return sum%10 == 0
}
