// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package faults holds fault tests: the real exporter, made by its factory and run through exporterhelper, against an
// in-memory broker whose connections are cut, whose leaders move and whose answers lie. Every span that the exporter
// accepted must be in the topic exactly once. Spans are read back by franz-go, a client that shares no code with ours.
//
// sentRequests lists every type of request that the exporter sends, with the errors that brokers answer to it; each type meets
// with each of them, and with each step at which a connection can be cut or fall silent (type step).
package faults
