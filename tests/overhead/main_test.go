// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMedianIsInTheMiddle(t *testing.T) {
	assert.InDelta(t, 2, median([]float64{3, 1, 2}), 0)
	assert.InDelta(t, 2.5, median([]float64{4, 1, 2, 3}), 0)
}

func TestPercentilesAreOfWhatWasSent(t *testing.T) {
	p := paced{latencies: []time.Duration{1000, 2000, 3000, 4000, 5000}}
	assert.InDelta(t, 3, p.percentile(0.5), 0)
	assert.InDelta(t, 5, p.percentile(1), 0)
	assert.Zero(t, (&paced{}).percentile(0.5))
}

func TestAnUnknownPartIsNamed(t *testing.T) {
	require.ErrorContains(t, run(t.Context(), []string{"nothing"}), `"nothing"`)
	require.ErrorContains(t, run(t.Context(), nil), "name a part")
}

func TestWrksOutputIsRead(t *testing.T) {
	found := wrkRequests.FindStringSubmatch("  2 threads and 50 connections\n  481213 requests in 4.00s, 74.2MB read\nRequests/sec: 120303.1\n")
	require.NotNil(t, found)
	assert.Equal(t, "481213", found[1])
}

func TestH2loadsOutputIsRead(t *testing.T) {
	const said = "finished in 2.00s, 34738.00 req/s\nrequests: 69476 total, 69604 started, 69476 done, 69476 succeeded, 0 failed, 0 errored, 0 timeout\n"
	found := h2loadRequests.FindStringSubmatch(said)
	require.NotNil(t, found)
	assert.Equal(t, "69476", found[1])
	assert.Nil(t, h2loadRequests.FindStringSubmatch("requests: 9 total, 9 started, 9 done, 8 succeeded, 1 failed, 1 errored, 0 timeout\n"))
}
