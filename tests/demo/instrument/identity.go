// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package instrument

import (
	"context"
	"encoding/hex"
	"math/rand/v2"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// identity says which span this is, and whose child.
type identity struct {
	trace  pcommon.TraceID
	span   pcommon.SpanID
	parent pcommon.SpanID
}

// root returns the first span of a new trace.
func root() identity {
	var id identity
	for i := range id.trace {
		id.trace[i] = byte(rand.Uint32())
	}
	return id.child()
}

// child returns a new span below id.
func (id identity) child() identity {
	child := identity{trace: id.trace, parent: id.span}
	for i := range child.span {
		child.span[i] = byte(rand.Uint32())
	}
	return child
}

// traceparent writes the header that hands id on, as W3C Trace Context (level 2) wants it: sampled, random id.
func (id identity) traceparent() string {
	return "00-" + hex.EncodeToString(id.trace[:]) + "-" + hex.EncodeToString(id.span[:]) + "-03"
}

// parseTraceparent reads that header. It says false for anything that is not one of version 00.
func parseTraceparent(header string) (identity, bool) {
	fields := strings.Split(header, "-")
	if len(fields) != 4 || fields[0] != "00" || len(fields[1]) != 32 || len(fields[2]) != 16 {
		return identity{}, false
	}
	var id identity
	if _, err := hex.Decode(id.trace[:], []byte(fields[1])); err != nil {
		return identity{}, false
	}
	if _, err := hex.Decode(id.span[:], []byte(fields[2])); err != nil {
		return identity{}, false
	}
	return id, !id.trace.IsEmpty() && !id.span.IsEmpty()
}

// identityKey is the context key of the span that is being worked on.
type identityKey struct{}

func withIdentity(ctx context.Context, id identity) context.Context {
	return context.WithValue(ctx, identityKey{}, id)
}

// next returns a child of the span that ctx carries, or the root of a new trace.
func next(ctx context.Context) identity {
	if id, ok := ctx.Value(identityKey{}).(identity); ok {
		return id.child()
	}
	return root()
}
