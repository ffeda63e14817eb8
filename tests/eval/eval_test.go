// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// writeDay writes a day of two services, a trace a second, in which the second one is slow for two minutes.
func writeDay(t *testing.T, folder string) {
	t.Helper()
	const traces, faultAt = 1500, 1000
	r := rand.New(rand.NewPCG(1, 2))
	var lines bytes.Buffer
	zipped := gzip.NewWriter(&lines)
	write := func(format string, args ...any) {
		_, err := fmt.Fprintf(zipped, format, args...)
		require.NoError(t, err)
	}
	write("trace_id,span_id,parent_id,pod,operation,start_unix_ns,duration_us\n")
	for i := range traces {
		start := int64(1_600_000_000+i) * 1e9
		slow := 1.0
		if i >= faultAt && i < faultAt+120 {
			slow = 5
		}
		child := 100_000 * math.Exp(0.3*r.NormFloat64()) * slow
		write("%032x,%016x,root,front-5d-x1,GET /,%d,%d\n", i+1, 2*i+1, start, int64(child)+500)
		write("%032x,%016x,%016x,cart-5d-x1,Get,%d,%d\n", i+1, 2*i+2, 2*i+1, start+100_000, int64(child))
	}
	require.NoError(t, zipped.Close())
	require.NoError(t, os.WriteFile(filepath.Join(folder, "day.csv.gz"), lines.Bytes(), 0o600))
	faults := fmt.Sprintf("inject_unix_ns,pod,service,fault\n%d,cart-5d-x1,cart,delay\n", int64(1_600_000_000+faultAt)*1e9)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "day.faults.csv"), []byte(faults), 0o600))
}

func TestEvalEndsWithOneLineOfJSON(t *testing.T) {
	folder := t.TempDir()
	writeDay(t, folder)
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), folder, &out))
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	var s summary
	require.NoError(t, json.Unmarshal([]byte(lines[len(lines)-1]), &s))
	require.Len(t, s.Results, 1)
	r := s.Results[0]
	assert.Equal(t, "delay", r.Fault)
	assert.Equal(t, 120, r.Traces)
	assert.Greater(t, r.AUC, 0.95)
	assert.Greater(t, r.Simple[0], 0.9, "five times as slow is easy")
	assert.Greater(t, r.Recall[1][1][0], 0.5)
	assert.Greater(t, r.Recall[1][1][1], 0.5, "tail_sampling finds it, too")
}

func TestWithoutDataItSaysSo(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), filepath.Join(t.TempDir(), "none"), &out))
	assert.Contains(t, out.String(), "make eval DATA=folder")
	require.Error(t, run(t.Context(), t.TempDir(), &out), "a folder without days is a mistake")
}

func TestAUCAgainstCountingPairs(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 100 {
		var traces []ranked
		for range 2 + r.IntN(50) {
			traces = append(traces, ranked{float64(r.IntN(6)), r.IntN(3) == 0})
		}
		traces = append(traces, ranked{3, true}, ranked{3, false})
		won, pairs := 0.0, 0.0
		for _, f := range traces {
			for _, n := range traces {
				if f.faulty && !n.faulty {
					pairs++
					switch {
					case f.score > n.score:
						won++
					case f.score == n.score:
						won += 0.5
					}
				}
			}
		}
		assert.InDelta(t, won/pairs, auc(traces), 1e-12)
	}
}

func TestThresholdKeepsAtMostTheShare(t *testing.T) {
	d := &day{}
	scores := map[*trace]float64{}
	for i := range 100 {
		tr := &trace{counted: true}
		d.traces = append(d.traces, tr)
		scores[tr] = float64(min(i, 97)) // three are equal at the top
	}
	kept := func(share float64) (n int) {
		at := d.threshold(share, false, scores)
		for _, tr := range d.traces {
			if scores[tr] >= at {
				n++
			}
		}
		return n
	}
	assert.Equal(t, 0, kept(0.02), "three equal ones are more than two")
	assert.Equal(t, 3, kept(0.03))
	assert.Equal(t, 10, kept(0.1))
}

func TestServiceIsThePodWithoutItsLastTwoParts(t *testing.T) {
	assert.Equal(t, "ts-order-service", serviceOf("ts-order-service-5d9f-x7k2p"))
	assert.Equal(t, "a", serviceOf("a"))
}
