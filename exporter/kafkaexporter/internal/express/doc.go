// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package express sorts the spans, log records and metrics of a request by what OTTL expressions say of each: the topic
// and the key of the record that it belongs to.
//
// Expressions are compiled once and name their paths in full (span.attributes["tenant"], resource.attributes["env"]). Their
// functions are OTTL's converters. A sorter is safe for concurrent use.
package express
