// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package shape decides what the records of a request are: where they go, what their keys and headers are, and how much
// of the request each holds.
//
// A request is encoded as a whole wherever that is possible; keys by trace id and by resource are package encode's
// business then. It is split as pdata, which costs a copy of everything, only where its parts go to different topics, or
// where the encoding knows no keys.
//
//	topic:   the client's metadata, else the resource's attribute, else who sent it through this process
//	         (contrib's package kafka/topic), else the setting
//	key:     trace id, resource or its attribute, else the client's metadata, else the encoding's own
//	headers: those of the settings, then the client's metadata, then risk.score and risk.level
//
// Concurrency: a [Shaper] is safe for concurrent use. Ownership: records share their headers.
package shape
