// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package question reads questions for a score from JSON and writes the answers.
//
//	{"ip": "203.0.113.7", "user": "alice", "device": "d-1",         entities that have a field of their own
//	 "entities": {"tenant": "t-1"},                                 and any other
//	 "attributes": {"http.request.method": "POST", "amount": 12.5}, strings, numbers, true and false
//	 "observe": true, "scorer": "risk/payments"}                    all are optional
//
//	{"score": 0.92, "level": "critical", "reasons": ["card_testing"], "degraded": false}
//
// What is not understood is an [Error] that says which field and where. Nothing is guessed: an unknown field, a field
// that is given twice, null, an empty entity, and text that is not UTF-8 are errors.
package question
