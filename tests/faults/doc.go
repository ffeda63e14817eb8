// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package faults holds fault tests: the real exporter, made by its factory and run through exporterhelper, against an
// in-memory broker whose connections are cut, whose leaders move and whose answers lie. Every span that the exporter
// accepted must be in the topic exactly once. Spans are read back by franz-go, a client that shares no code with ours.
package faults
