// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package spans

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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

// A span is made of every request, whether its sender sampled it or not: it stands for no more than itself.
func TestTheCallersThresholdIsNotTheSpans(t *testing.T) {
	for state, want := range map[string]string{
		"ot=th:fd70a":                                "",
		"a=1,ot=th:fd70a,b=th:2":                     "a=1,b=th:2",
		"ot=rv:fe111111111111;th:fd70a,a=1":          "ot=rv:fe111111111111,a=1",
		"ot=th:fd70a;x:1;rv:fe111111111111;th:0;y:2": "ot=x:1;rv:fe111111111111;y:2",
		"a=1 ,\tot=th:c;rv:11111111111111 , b=2":     "a=1 ,ot=rv:11111111111111, b=2",
		"not=th:c,t@ot=th:c":                         "not=th:c,t@ot=th:c",
		"ot=rv:11111111111111,,a=1":                  "ot=rv:11111111111111,,a=1",
		"ot=":                                        "ot=",
	} {
		for _, side := range []protocol.Side{protocol.Server, protocol.Client} {
			span := build(side, func(x *protocol.Exchange) {
				x.HTTP.TraceParent = []byte("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
				x.HTTP.TraceState = []byte(state)
			})
			assert.Equal(t, want, span.TraceState().AsRaw(), state)
		}
	}
}

// TestASpanSaysWhatItsConnectionStandsFor has exchanges thinned to a half on one of eight connections.
func TestASpanSaysWhatItsConnectionStandsFor(t *testing.T) {
	const weight = "risk.connection.weight"
	traced := func(x *protocol.Exchange) {
		x.HTTP.TraceParent = []byte("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	}
	adopted := func(x *protocol.Exchange) {
		x.Identity = &protocol.Identity{Trace: [16]byte{8: 0, 9: 0xff}, Span: [8]byte{1}, Parent: [8]byte{2}, Floor: x.Threshold}
	}
	for name, test := range map[string]struct {
		threshold uint64
		change    func(*protocol.Exchange)
		state     string
		weight    any
	}{
		"a new trace":                        {half, nil, "ot=th:f", nil},
		"a new trace, nothing thinned":       {0, nil, "ot=th:e", nil},
		"a trace of others":                  {half, traced, "ot=th:8", int64(8)},
		"a trace of others, nothing thinned": {0, traced, "", int64(8)},
		"a request's trace":                  {half, adopted, "ot=th:8", int64(8)},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBuilder()
			for range 3 { // the third is copied from a template
				b.Append(exchange(protocol.Client, func(x *protocol.Exchange) {
					x.Threshold, x.Scale = test.threshold, 3
					if test.change != nil {
						test.change(x)
					}
				}), nginx())
			}
			b.Append(exchange(protocol.Client, func(x *protocol.Exchange) {
				if test.change != nil {
					test.change(x)
				}
			}), nginx())
			all := b.Take().ResourceSpans().At(0).ScopeSpans().At(0).Spans()
			for i := range 3 {
				span := all.At(i)
				assert.Equal(t, test.state, span.TraceState().AsRaw())
				assert.Equal(t, test.weight, span.Attributes().AsRaw()[weight])
				if test.change == nil {
					assert.GreaterOrEqual(t, randomness(span.TraceID()), ofConnections(test.threshold, 3))
				}
			}
			assert.Empty(t, all.At(3).TraceState().AsRaw())
			assert.NotContains(t, all.At(3).Attributes().AsRaw(), weight, "its connection stands for itself")
		})
	}
}

func TestRandomnessIsThatOfTheTraceOrOfTheStream(t *testing.T) {
	x := protocol.Exchange{Place: 5, Local: netip.MustParseAddrPort("10.0.0.1:8080"), Peer: netip.MustParseAddrPort("10.0.0.2:40000")}
	x.HTTP.TraceParent = []byte("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	assert.EqualValues(t, 0xce929d0e0e4736, Randomness(&x))
	x.HTTP.TraceParent = nil
	x.HTTP.B3 = []byte("a3ce929d0e0e4737-00f067aa0ba902b7-1")
	assert.EqualValues(t, 0xce929d0e0e4737, Randomness(&x))
	x.HTTP.B3 = nil
	server := Randomness(&x)
	x.Side, x.Local, x.Peer = protocol.Client, x.Peer, x.Local
	assert.Equal(t, server, Randomness(&x), "both ends agree")
	x.Place = 7
	assert.NotEqual(t, server, Randomness(&x))

	var above int
	for x.Place = range uint32(10000) {
		require.Less(t, Randomness(&x), uint64(1)<<randomBits)
		if Randomness(&x) >= 1<<(randomBits-1) {
			above++
		}
	}
	assert.InDelta(t, 5000, above, 5*50)
}
