// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package crs evaluates the rules of the OWASP Core Rule Set that look at requests, with Coraza, and says which matched.
//
// Nothing is blocked, no body is read, no file is written. Two things differ from a firewall, because a request comes from
// a span or a log record, which does not say everything:
//
//   - Rules that look for what is missing (no Host, no Accept, no Content-Type, no Referer) are left out: a header field
//     that was not recorded is unknown. A method that is unknown is given as GET, and the version of HTTP, which is never
//     asked for, as HTTP/1.1, of which no rule makes anything.
//   - The score is the sum of the points of the rules that matched, each once, whatever matched in how many places.
//
// An [Engine] may be used by many goroutines at once.
package crs
