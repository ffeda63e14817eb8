// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package protocol holds the plain types that every protocol fills and that internal/spans turns into telemetry: the
// seam between what was seen on a socket and what is said about it.
//
// One [Exchange] is one request with its response, or with the failure that took the response's place. What every
// protocol has (ends, times, owner, bytes) is in Exchange itself; what only one family has is in a part of its own,
// named by [Kind]: a new protocol adds a Kind, a part, and a folder beside http1 that passes protocoltest.
//
// Ownership: byte slices alias the memory of the kernel event they were read from. An Exchange is valid until the call
// it was passed to returns; who keeps something of it copies it. Nothing here is safe for concurrent use, nothing
// allocates, and only the standard library is imported.
package protocol
