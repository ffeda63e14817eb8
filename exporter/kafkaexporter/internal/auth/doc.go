// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package auth holds the mechanisms of SASL: who we are, and how we prove it to a broker. When and over what is asked, is
// the business of package wire.
//
//	PLAIN                          RFC 4616      name and password, as they are
//	SCRAM-SHA-256, SCRAM-SHA-512   RFC 5802      neither side tells the other its password
//	OAUTHBEARER                    RFC 7628      a token from a [TokenSource], or one that AWS's keys have signed
//	GSSAPI                         RFC 4752      a ticket from a Kerberos server
//
// Secrets are held in memory as long as the exporter runs, because every connection needs them. No error quotes one.
//
// Concurrency: mechanisms are safe for concurrent use, the conversations that they start are not.
package auth
