// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package feature turns a span and its resource into a [Vector]: the attributes that somebody asked for, the entities
// (ip, user, device, ...) and the numbers kept per entity.
//
//	NewReader --> Slot, AddEntity (while the processor is made) --> Resource, Span (for every resource and span)
//	NewEngine --> Add (while the processor is made)             --> Observe (for every span)
//
// Attributes are read in one pass: the keys asked for are known from the start, so each gets a slot, and an attribute
// that nobody asked for costs a look at its length. Strings in a Vector belong to the span that was read; a Vector must
// not be used after its span is gone. A [Reader] and an [Engine] may be used by many goroutines at once when they are
// complete, a Vector by one.
package feature
