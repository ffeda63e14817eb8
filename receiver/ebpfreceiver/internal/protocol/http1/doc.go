// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package http1 reads heads of HTTP/1.0 and HTTP/1.1 messages as RFC 9112 describes them, as an observer: it takes no
// part in the conversation, and often it is handed only the first few hundred bytes of a head.
//
//	GET /cart?id=7 HTTP/1.1\r\n      start line     parse.go, response.go
//	Host: shop.example\r\n           field lines    scan.go finds them, fields.go knows the few that matter
//	\r\n                             end of head    Complete, HeadLen
//	...                              body           framing.go says where it ends
//
// What an observer may do differs from what a recipient may: a request that its server will refuse is still a request,
// and the refusal is of interest. So everything that can be read is read, and an error says what cannot be relied on:
//
//   - [ErrStartLine]: this is no HTTP/1 message. Nothing of the result may be used.
//   - [ErrCut]: the input ends before the start line says enough. Nothing of the result may be used.
//   - [ErrField], [ErrContentLength]: the result is filled; recipients may disagree about where the body ends.
//
// A value is reported only if its end was seen: of a truncated head, what is reported is what the whole head would have
// given (except the target, see [Request.TargetCut]), and what lies behind the cut is absent.
//
// All functions are pure and safe for concurrent use. They allocate nothing; slices in results alias the input and are
// valid as long as it is.
package http1
