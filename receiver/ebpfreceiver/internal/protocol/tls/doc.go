// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package tls reads TLS handshakes (RFC 8446, RFC 5246) as an observer without keys.
//
//	record: type 8 | version 16 | length 16 | fragment           Reader
//	handshake message: type 8 | length 24 | body, over records   Reader puts it together
//	client's and server's messages -> facts, outcome             Observer
//
// What TLS 1.3 encrypts stays unknown: certificates, whether one was requested, and which alert ended a handshake. That
// an encrypted record is an alert can be told by its length: a handshake message is longer. That is said, and no more.
//
// Fragments of application data may be left out of the input: the kernel does not hand them over ([Reader.Elided]).
// Input may be cut anywhere. Memory is bounded by the limit of a Reader: of a longer message the beginning is looked at.
// Slices that are handed out are valid during the call only. No type is safe for concurrent use.
package tls
