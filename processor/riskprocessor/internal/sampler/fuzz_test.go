// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package sampler

import (
	"strings"
	"testing"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/sampling"
	"github.com/stretchr/testify/require"
)

// FuzzTraceState decides on any tracestate and checks the result with the parser of the sampling package, which we do
// not use for whole tracestates: what we write can be read, says what was decided, and loses nothing of others; and that
// parser finds the same in it as we do.
func FuzzTraceState(f *testing.F) {
	for _, state := range []string{
		"", "ot=th:8", "ot=rv:0123456789abcd;th:8", "a=b,ot=th:c;x:y,c@d=e", "ot=", "ot", ",", " ,\t,a=b ", "ot=th:0,ot=th:8", "ot=th:A", "ot=th:00000000000000", "ot=th:zz",
		"ot=rv:1", "ot=th:ffffffffffffff", "ot=th:", "ot=a:b;", "x= ,y=", strings.Repeat("a=b,", 40), "ot=a:" + strings.Repeat("b", 260), "ot=a:" + strings.Repeat("b", 250),
	} {
		f.Add(state, uint64(half), 0.5, false)
		f.Add(state, uint64(highest), 0.1, true)
	}
	f.Fuzz(func(t *testing.T, state string, randomness uint64, probability float64, certain bool) {
		s, err := New(probability)
		if err != nil {
			return
		}
		d := s.Decide(traceID(randomness&highest), state, certain)
		if certain {
			require.True(t, d.Keep)
		}
		if !d.Keep {
			require.Empty(t, d.TraceState)
			return
		}
		checkOurs(t, d, state)
		checkOthers(t, d, state)

		again := s.Decide(traceID(randomness&highest), d.TraceState, certain)
		require.True(t, again.Keep, "a second sampler of the same kind changes nothing")
		require.Equal(t, NoFault, again.Fault)
		require.Equal(t, d.TraceState, again.TraceState)
	})
}

// checkOurs checks that our member can be read and is right.
func checkOurs(t *testing.T, d Decision, state string) {
	t.Helper()
	out, fault := parse(d.TraceState)
	require.Equal(t, NoFault, fault)
	threshold, ok := out.ot.TValueThreshold()
	require.True(t, ok)
	in, _ := parse(state)
	if before, sampled := in.ot.TValueThreshold(); sampled && d.Fault == NoFault {
		require.False(t, sampling.ThresholdLessThan(threshold, before), "a threshold never falls")
	}
	require.Equal(t, in.ot.RValue(), out.ot.RValue())

	oracle, err := sampling.NewW3CTraceState(state)
	if err != nil || d.Fault != NoFault || strings.Count(state, "ot=") > 1 {
		return
	}
	if len(state) > 200 || strings.Count(state, ",") >= 31 { // we make room where our limits apply, the oracle does not
		return
	}
	got, err := sampling.NewW3CTraceState(d.TraceState)
	require.NoError(t, err)
	gotThreshold, _ := got.OTelValue().TValueThreshold()
	require.Equal(t, threshold, gotThreshold)
	require.Equal(t, oracle.OTelValue().RValue(), got.OTelValue().RValue())
	require.Equal(t, oracle.OTelValue().ExtraValues(), got.OTelValue().ExtraValues())
	require.Equal(t, oracle.ExtraValues(), got.ExtraValues())
}

// checkOthers checks that the members of others are all there, in order, up to the number of members allowed.
func checkOthers(t *testing.T, d Decision, state string) {
	t.Helper()
	in, _ := parse(state)
	out, _ := parse(d.TraceState)
	if len(in.others) >= maxMembers {
		require.GreaterOrEqual(t, len(out.others), maxMembers-1)
		in.others, out.others = in.others[:maxMembers-1], out.others[:maxMembers-1]
	}
	require.Equal(t, in.others, out.others)
}
