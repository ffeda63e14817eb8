// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package grpc reads what the gRPC protocol puts into HTTP/2 fields
// (github.com/grpc/grpc, doc/PROTOCOL-HTTP2.md):
//
//	:path         /package.Service/Method   which procedure
//	content-type  application/grpc...       that it is one
//	grpc-status   0 ... 16                  how it ended, in the trailers or, without an answer, in the only headers
//
// A call, streaming or not, ends where its stream does. Functions are pure, safe for concurrent use and do not allocate.
package grpc
