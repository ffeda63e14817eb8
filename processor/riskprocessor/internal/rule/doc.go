// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package rule compiles conditions written in OTTL and evaluates them.
//
// Every condition is first compiled by OTTL itself, which is what makes a misspelled path, an unknown function or an
// unknown feature an error at start. Conditions made only of comparisons between a path and a literal, joined by and,
// or, not and parentheses, are then compiled a second time, to closures over the slots of a feature.Vector:
//
//	span.attributes["http.response.status_code"] == 401 and Feature("ip_requests_1m") > 5
//	|_________ slot ___________________________|    |_|     |_ number of a feature _|
//
// These cost a small part of it and allocate nothing. They mean the same by test: a fuzz target holds the two beside each
// other. Every other condition is left to OTTL.
//
// Paths may be written with their context (span.name, resource.attributes["k"]) or, for the span, without. A feature is
// the function Feature("name"); it is nil, like an absent attribute, when the span does not have the feature's entity.
//
// A compiled [Condition] and a [Set] never change and may be used by many goroutines at once; a [Context] by one.
package rule
