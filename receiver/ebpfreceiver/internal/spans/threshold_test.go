// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package spans

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
)

const half = 1 << 55

// randomness returns what a span's trace id is sampled by.
func randomness(id [16]byte) uint64 { return binary.BigEndian.Uint64(id[8:]) & (1<<56 - 1) }

func TestAThinnedSpanSaysWhatItStandsFor(t *testing.T) {
	for threshold, want := range map[uint64]string{
		0: "", half: "ot=th:8", 1<<56 - 1<<46: "ot=th:ffc", 1 << 32: "ot=th:000001", 0xe6_6666_0000_0000: "ot=th:e66666",
	} {
		span := build(protocol.Server, func(x *protocol.Exchange) { x.Threshold = threshold })
		assert.Equal(t, want, span.TraceState().AsRaw())
		assert.GreaterOrEqual(t, randomness(span.TraceID()), threshold, "and a new trace's randomness agrees")
	}
}

func TestNewTracesAreSpreadOverWhatTheThresholdLetsPass(t *testing.T) {
	const n = 4000
	b, upper := newBuilder(), 0
	for range n {
		b.Append(exchange(protocol.Client, func(x *protocol.Exchange) { x.Threshold = half }), nginx())
	}
	for _, span := range b.Take().ResourceSpans().At(0).ScopeSpans().At(0).Spans().All() {
		if randomness(span.TraceID()) >= half+half/2 {
			upper++
		}
	}
	assert.InDelta(t, n/2, upper, n/20)
}

func TestAThresholdTakesThePlaceOfTheCallersWord(t *testing.T) {
	for state, want := range map[string]string{
		"":                               "ot=th:8",
		"a=1,b=2":                        "ot=th:8,a=1,b=2",
		"a=1, ot=th:c;rv:11111111111111": "ot=th:8,a=1",
		"a=" + strings.Repeat("x", 508):  "ot=th:8",
	} {
		span := build(protocol.Server, func(x *protocol.Exchange) {
			x.Threshold = half
			x.HTTP.TraceParent = []byte("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
			x.HTTP.TraceState = []byte(state)
		})
		assert.Equal(t, want, span.TraceState().AsRaw())
		assert.Equal(t, "4bf92f3577b34da6a3ce929d0e0e4736", span.TraceID().String())
	}
}
