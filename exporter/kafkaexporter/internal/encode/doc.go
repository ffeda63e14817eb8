// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package encode turns pdata into Kafka records: values in otlp_proto or otlp_json, keys by trace id or by resource.
//
// Data without a key becomes one record a request. Data with a key becomes one record a key. For that, nothing is
// copied or split as pdata: every item is written once, and its bytes join those of its record, wrapped in the
// resources and scopes that they have in the request. OTLP messages nest in the same way for all signals:
//
//	field 1: ResourceX { 1: resource  2: ScopeX { 1: scope  2: item ...  3: schema url } ...  3: schema url } ...
//
// Concurrency: an [Encoder] is safe for concurrent use. Ownership: the records' values belong to the caller until
// [Record.Release]; nothing refers to the pdata afterwards.
package encode
