// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package sampler

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/sampling"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

// traceID makes a trace id with the given randomness. What is before the last 7 bytes must not matter.
func traceID(randomness uint64) pcommon.TraceID {
	var id pcommon.TraceID
	binary.BigEndian.PutUint64(id[8:], randomness)
	id[0], id[8] = 0xab, 0xff
	return id
}

const (
	lowest  = 0
	half    = 1 << 55
	highest = 1<<56 - 1
)

func mustNew(tb testing.TB, probability float64) *Sampler {
	tb.Helper()
	s, err := New(probability)
	require.NoError(tb, err)
	return s
}

func TestDecide(t *testing.T) {
	for name, test := range map[string]struct {
		probability float64
		randomness  uint64
		state       string
		certain     bool
		keep        bool
		want        string
		fault       Fault
	}{
		"a span above the threshold is kept":              {probability: 0.5, randomness: half, keep: true, want: "ot=th:8"},
		"a span below the threshold is not":               {probability: 0.5, randomness: half - 1},
		"probability 1 keeps the lowest randomness":       {probability: 1, randomness: lowest, keep: true, want: "ot=th:0"},
		"probability 0 drops the highest randomness":      {probability: 0, randomness: highest},
		"a tenth is written with four digits of meaning":  {probability: 0.1, randomness: highest, keep: true, want: "ot=th:e666"},
		"certain keeps whatever the randomness is":        {probability: 0.1, randomness: lowest, certain: true, keep: true, want: "ot=th:0"},
		"certain keeps at probability 0":                  {probability: 0, randomness: lowest, certain: true, keep: true, want: "ot=th:0"},
		"certain leaves the weight that the span had":     {probability: 0.1, randomness: half, state: "ot=th:8,a=b", certain: true, keep: true, want: "ot=th:8,a=b"},
		"certain adds th to what others wrote":            {probability: 0.1, randomness: lowest, state: "a=b, c=d", certain: true, keep: true, want: "ot=th:0,a=b,c=d"},
		"ours is the higher threshold":                    {probability: 0.25, randomness: highest, state: "ot=th:8", keep: true, want: "ot=th:c"},
		"ours is the higher threshold and drops":          {probability: 0.25, randomness: half, state: "ot=th:8"},
		"the incoming threshold is the higher one":        {probability: 0.5, randomness: highest, state: "a=b,ot=th:c", keep: true, want: "a=b,ot=th:c"},
		"both thresholds are equal":                       {probability: 0.5, randomness: half, state: "ot=th:8", keep: true, want: "ot=th:8"},
		"the incoming threshold is 0":                     {probability: 0.5, randomness: half, state: "ot=th:0", keep: true, want: "ot=th:8"},
		"rv is used instead of the trace id, keeping":     {probability: 0.5, randomness: lowest, state: "ot=rv:80000000000000", keep: true, want: "ot=rv:80000000000000;th:8"},
		"rv is used instead of the trace id, dropping":    {probability: 0.5, randomness: highest, state: "ot=rv:7fffffffffffff"},
		"others keep their order behind ours":             {probability: 0.5, randomness: highest, state: "z=1,ot=p:8;q:9,a@b=2", keep: true, want: "ot=th:8;p:8;q:9,z=1,a@b=2"},
		"a broken th counts as none":                      {probability: 0.5, randomness: highest, state: "ot=th:xyz", keep: true, want: "ot=th:8", fault: Syntax},
		"a broken th does not hide rv":                    {probability: 0.5, randomness: highest, state: "ot=th:xyz;rv:00000000000000", fault: Syntax},
		"a broken rv counts as none, th stays":            {probability: 0.25, randomness: highest, state: "ot=rv:1;th:e", keep: true, want: "ot=th:e", fault: Syntax},
		"a broken value is replaced":                      {probability: 0.5, randomness: highest, state: "x=y,ot=???", keep: true, want: "ot=th:8,x=y", fault: Syntax},
		"a th above the randomness cannot be true":        {probability: 0.5, randomness: half, state: "ot=th:c", keep: true, want: "ot=th:8", fault: Inconsistent},
		"a th above the randomness, kept for certain":     {probability: 0.5, randomness: half, state: "ot=th:c", certain: true, keep: true, want: "ot=th:0", fault: Inconsistent},
		"what others wrote is kept even if it is no good": {probability: 1, randomness: half, state: "???,UPPER=1,a=b", keep: true, want: "ot=th:0,???,UPPER=1,a=b"},
		"the first of two members of ours counts":         {probability: 0.25, randomness: highest, state: "ot=th:8,ot=th:f,a=b", keep: true, want: "ot=th:c,a=b"},
		"a key that begins like ours is not ours":         {probability: 1, randomness: half, state: "other=th:f,o=1", keep: true, want: "ot=th:0,other=th:f,o=1"},
	} {
		t.Run(name, func(t *testing.T) {
			got := mustNew(t, test.probability).Decide(traceID(test.randomness), test.state, test.certain)
			assert.Equal(t, Decision{Keep: test.keep, TraceState: test.want, Fault: test.fault}, got)
		})
	}
}

func TestDecideRespectsTheLimitsOfTraceState(t *testing.T) {
	members := make([]string, 32)
	for i := range members {
		members[i] = fmt.Sprintf("k%d=v", i)
	}
	s := mustNew(t, 1)
	got := s.Decide(traceID(highest), strings.Join(members, ","), false).TraceState
	assert.Equal(t, "ot=th:0,"+strings.Join(members[:31], ","), got, "the last member makes room")

	ours := "ot=a:" + strings.Repeat("x", 100) + ";b:" + strings.Repeat("y", 148)
	require.Len(t, ours, 256)
	got = s.Decide(traceID(highest), ours, false).TraceState
	assert.Equal(t, "ot=th:0;a:"+strings.Repeat("x", 100), got, "th is worth more than what makes the value too long")
}

func TestNewFaults(t *testing.T) {
	for _, p := range []float64{1.5, 1e-20, math.Inf(1)} {
		_, err := New(p)
		require.ErrorIs(t, err, sampling.ErrProbabilityRange, "%v", p)
	}
}

func TestFaultNames(t *testing.T) {
	assert.Equal(t, []string{"none", "syntax", "inconsistent"}, []string{NoFault.String(), Syntax.String(), Inconsistent.String()})
}

func TestDecideDoesNotAllocateForTheUsualSpan(t *testing.T) {
	s := mustNew(t, 0.5)
	for _, state := range []string{"", "ot=th:8"} {
		assert.Zero(t, testing.AllocsPerRun(100, func() { s.Decide(traceID(highest), state, false) }), "tracestate %q", state)
	}
}

// adjusted returns how many spans a kept span stands for, as somebody downstream reads it.
func adjusted(tb testing.TB, traceState string) float64 {
	tb.Helper()
	w3c, err := sampling.NewW3CTraceState(traceState)
	require.NoError(tb, err)
	return w3c.OTelValue().AdjustedCount()
}

// TestWeightsAreUnbiased sends a million traces, of which two in a hundred are kept for certain and a half went through
// a sampler before, and adds up what the kept ones stand for. The sum must be the number of all traces, in total and for
// each part, within four standard deviations of what probability theory says.
func TestWeightsAreUnbiased(t *testing.T) {
	for probability, traces := range map[float64]int{0.1: 1_000_000, 0.5: 100_000, 1.0 / 3: 100_000, 0.01: 100_000} {
		t.Run(fmt.Sprint(probability), func(t *testing.T) {
			ours, upstream := mustNew(t, probability), mustNew(t, 0.3)
			random := rand.New(rand.NewPCG(15, 16))
			var truth, sum, variance [3]float64
			for i := range traces {
				id := traceID(random.Uint64() >> 8)
				certain := random.IntN(50) == 0
				part, p := 0, probability
				if certain {
					part, p = 1, 1
				}
				state := ""
				if i%2 == 0 {
					d := upstream.Decide(id, "", false)
					if !certain {
						part = 2
					}
					p = min(p, 0.3)
					truth[part]++
					variance[part] += (1 - p) / p
					if !d.Keep {
						continue
					}
					state = d.TraceState
				} else {
					truth[part]++
					variance[part] += (1 - p) / p
				}
				if d := ours.Decide(id, state, certain); d.Keep {
					sum[part] += adjusted(t, d.TraceState)
				}
			}
			for part := range truth {
				require.Positive(t, truth[part])
				assert.InDelta(t, truth[part], sum[part], 4*math.Sqrt(variance[part])+truth[part]/65536, "part %d", part)
			}
		})
	}
}

// TestDecisionsAreConsistent: a trace that a smaller share keeps is kept by every larger one, which is what lets samplers
// in several places agree.
func TestDecisionsAreConsistent(t *testing.T) {
	random := rand.New(rand.NewPCG(17, 18))
	for range 100_000 {
		id := traceID(random.Uint64() >> 8)
		a, b := random.Float64(), random.Float64()
		small, large := mustNew(t, min(a, b)), mustNew(t, max(a, b))
		if small.Decide(id, "", false).Keep {
			require.True(t, large.Decide(id, "", false).Keep)
		}
	}
}

// TestKeptShare is a chi-square test of the share kept in each of 16 parts of the trace ids' range.
func TestKeptShare(t *testing.T) {
	const traces, parts, probability = 1_000_000, 16, 0.25
	s := mustNew(t, probability)
	random := rand.New(rand.NewPCG(19, 20))
	var kept [parts]float64
	for i := range traces {
		if s.Decide(traceID(random.Uint64()>>8), "", false).Keep {
			kept[i%parts]++
		}
	}
	expected := float64(traces) / parts * probability
	chi := 0.0
	for _, k := range kept {
		chi += (k - expected) * (k - expected) / (expected * (1 - probability))
	}
	assert.Less(t, chi, 39.3, "16 degrees of freedom, one in a thousand by chance")
	assert.Greater(t, chi, 3.9, "too even would not be random")
}
