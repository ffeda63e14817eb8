// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package spans says what was seen in the words of OpenTelemetry: a [protocol.Exchange] and the process that owns its
// socket become one span, by the semantic conventions whose version [resource.SchemaURL] names and docs/attributes.md lists.
//
//	traces
//	└── resource   one a process: host.name, service.name, process.pid, ...
//	    └── scope  one: this receiver
//	        └── span  one an exchange: kind, ids, times, attributes, status
//
// What was not observed is absent. Query strings, fragments and user info never get here: they are cut off the target
// before anything else is done with it.
//
// A [Builder] is used by one goroutine. Append copies what it keeps, so the exchange may be used again; Take hands over
// the traces and keeps nothing of them. Beside internal/metrics, internal/logs and
// internal/resource this is the only package of the receiver that knows pdata.
package spans
