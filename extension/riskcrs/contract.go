// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskcrs

// Types of the contract, see doc.go. They are aliases of unnamed structs on purpose.
type (
	// Request is what a record says of a request. Empty fields are unknown.
	Request = struct {
		Method string
		Path   string // as it was sent, that is, encoded
		Query  string // the same, without the question mark
		// Headers are those that were recorded, names in lower case. The user agent is one of them.
		Headers []Header
	}
	// Header is a header field.
	Header = struct {
		Name  string
		Value string
	}
	// Finding is what the rules say of a request.
	Finding = struct {
		// Score is the anomaly score. It is 0, and there are no rules, below the extension's threshold.
		Score int
		// Rules are the ids of the rules that matched, in order. A thousand of them is a category: 942 is SQL.
		Rules []int
	}
)
