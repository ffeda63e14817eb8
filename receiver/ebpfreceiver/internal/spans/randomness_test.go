// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package spans

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
)

// thinnedB3 is a request thinned to a half, with a trace that the kernel does not look for.
func thinnedB3(trace string, change func(*protocol.Exchange)) func(*protocol.Exchange) {
	return func(x *protocol.Exchange) {
		x.Threshold = half
		x.HTTP.B3TraceID, x.HTTP.B3SpanID = []byte(trace), []byte("00f067aa0ba902b7")
		change(x)
	}
}

func TestATraceThatDidNotMakeTheChoiceHasAnotherRandomness(t *testing.T) {
	const lowest = "4bf92f3577b34da6a300000000000000"
	for name, test := range map[string]struct {
		change func(*protocol.Exchange)
		want   string
	}{
		"the lowest":                        {thinnedB3(lowest, nothing), "ot=th:8;rv:80000000000000"},
		"of 64 bits":                        {thinnedB3("a364fe8b2a57d3ee", nothing), "ot=th:8;rv:b27f45952be9f7"},
		"the highest":                       {thinnedB3("4bf92f3577b34da6a3ffffffffffffff", nothing), "ot=th:8;rv:ffffffffffffff"},
		"nothing is thinned":                {thinnedB3(lowest, func(x *protocol.Exchange) { x.Threshold = 0 }), ""},
		"connections rest":                  {thinnedB3(lowest, func(x *protocol.Exchange) { x.Scale = 3 }), "ot=th:8;rv:80000000000000"},
		"by a traceparent":                  {thinnedB3(lowest, trace), "ot=th:8,vendor=x"},
		"of HTTP/2, by the trace":           {thinnedB3(lowest, http2), "ot=th:8"},
		"of pipelined HTTP/1, by the trace": {thinnedB3(lowest, func(x *protocol.Exchange) { x.Pipelined = true }), "ot=th:8"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, build(protocol.Server, test.change).TraceState().AsRaw())
			assert.Equal(t, test.want, build(protocol.Client, test.change).TraceState().AsRaw(), "both ends agree")
		})
	}
}

// TestWeightsAddUpBehindASampler has requests, and calls that are in their traces without having said so, thinned by thresholds
// of their own, and samples their spans further.
func TestWeightsAddUpBehindASampler(t *testing.T) {
	const n, most = 2000, 15 << 52 // one in 16 is left
	random := rand.New(rand.NewPCG(1, 2))
	b3 := func(x *protocol.Exchange) {
		x.HTTP.B3 = fmt.Appendf(nil, "%016x-00f067aa0ba902b7-1", random.Uint64()|1)
	}
	w3c := func(x *protocol.Exchange) { // chosen by these bits
		bits := x.Threshold + random.Uint64N(1<<randomBits-x.Threshold)
		x.HTTP.TraceParent = fmt.Appendf(nil, "00-4bf92f3577b34da6a3%014x-00f067aa0ba902b7-01", bits)
	}
	for name, test := range map[string]struct {
		request, call uint64
		change        func(*protocol.Exchange)
	}{
		"alike":                             {most, most, nothing},
		"not the request, which failed":     {0, most, nothing},
		"not the call, which failed":        {most, 0, nothing},
		"the request more":                  {most, half, nothing},
		"the request less":                  {half, most, nothing},
		"of one of two connections":         {half, half, func(x *protocol.Exchange) { x.Scale = 1 }},
		"alike, in a trace of B3":           {most, most, b3},
		"not the request, in a trace of B3": {0, most, b3},
		"alike, in a trace of W3C":          {most, most, w3c},
		"not the call, in a trace of W3C":   {most, 0, w3c},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBuilder()
			for range n {
				request := exchange(protocol.Server, func(x *protocol.Exchange) { x.Threshold = test.request; test.change(x) })
				call := exchange(protocol.Client, func(x *protocol.Exchange) { x.Threshold = test.call })
				id := b.Identify(request)
				within := id
				within.Parent = id.Span
				request.Identity, call.Identity = &id, &within
				b.Append(request, nginx())
				b.Append(call, nginx())
			}
			all := b.Take().ResourceSpans().At(0).ScopeSpans().At(0).Spans()
			request := exchange(protocol.Server, test.change)
			for _, threshold := range []uint64{0, half, most, 31 << 51} {
				sum := map[ptrace.SpanKind]float64{}
				for _, span := range all.All() {
					sum[span.Kind()] += sampled(t, span, threshold)
				}
				compareSum(t, sum[ptrace.SpanKindServer], n, test.request, request.Scale, threshold)
				compareSum(t, sum[ptrace.SpanKindClient], n, test.call, 0, threshold)
			}
		})
	}
}

// compareSum demands that the weights of what a sampler left of n spans add up to what these stand for, within five standard
// deviations of what chance leaves.
func compareSum(t *testing.T, sum float64, n int, threshold uint64, scale uint8, sampler uint64) {
	t.Helper()
	share := 1 - float64(ofConnections(threshold, scale))/(1<<randomBits)
	left := min(1, (1-float64(sampler)/(1<<randomBits))/share)
	want := float64(n) / share
	assert.InDelta(t, want, sum, 1e-6+5*want*math.Sqrt((1-left)/(left*float64(n))), "behind a sampler with %x", sampler)
}

// sampled is what a span stands for behind a sampler; 0 if it is dropped.
func sampled(t *testing.T, span ptrace.Span, threshold uint64) float64 {
	t.Helper()
	random, own := randomness(span.TraceID()), uint64(0)
	if fields, found := strings.CutPrefix(span.TraceState().AsRaw(), "ot="); found {
		for field := range strings.SplitSeq(fields, ";") {
			key, digits, _ := strings.Cut(field, ":")
			value, err := strconv.ParseUint((digits + strings.Repeat("0", 14))[:14], 16, 64)
			require.NoError(t, err)
			if key == "rv" {
				random = value
			} else {
				own = value
			}
		}
	}
	require.GreaterOrEqual(t, random, own, "a sampler takes it for inconsistent")
	if random < threshold {
		return 0
	}
	return 1 / (1 - float64(max(own, threshold))/(1<<randomBits))
}
