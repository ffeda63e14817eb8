// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package encode turns pdata into Kafka records: values in otlp_proto or otlp_json, keys by trace id or by resource.
//
// Data without a key becomes one record a request. Data with a key becomes one record a key. For that, nothing is
// copied or split as pdata: the request is marshalled once, and the wire bytes of its spans (or resources) are sorted
// into the records. That works because OTLP messages nest in the same way for all signals,
//
//	field 1: ResourceX { 1: resource  2: ScopeX { 1: scope  2: item ...  3: schema url } ...  3: schema url } ...
//
// and because protobuf allows a message's fields in any order.
//
// Concurrency: an [Encoder] is safe for concurrent use. Ownership: the records own their bytes; nothing refers to the
// pdata afterwards.
package encode
