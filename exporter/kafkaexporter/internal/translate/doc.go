// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package translate encodes pdata in what is not OTLP: Jaeger, Zipkin, the bodies of log records, and whatever an encoding
// extension writes. The bytes are those of contrib's exporter.
//
// Every function returns records without topic and headers. Those of Jaeger have the trace id as key, others have none.
//
// Concurrency: the functions are pure. Ownership: the records own their bytes.
package translate
