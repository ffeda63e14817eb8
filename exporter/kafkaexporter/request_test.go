// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafkaexporter

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/exporter/exporterhelper/xexporterhelper"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/encode"
	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/recordbatch"
)

func someRecords() []encode.Record {
	shared := []recordbatch.Header{{Name: "a", Value: []byte("1")}, {Name: "a"}, {Name: "", Value: []byte{}}}
	return []encode.Record{
		{Topic: "x", Key: []byte("k"), Value: []byte("value one"), Items: 3, Headers: shared},
		{Topic: "y", Value: []byte("value two"), Items: 2},
		{Topic: "x", Key: []byte{}, Value: []byte{}, Items: 1, Headers: shared},
	}
}

type foreignRequest struct{ xexporterhelper.Request }

func TestARequestSurvivesBeingStored(t *testing.T) {
	want := newRequest(someRecords(), 6)
	stored, err := requestEncoding{}.Marshal(t.Context(), want)
	require.NoError(t, err)
	_, got, err := requestEncoding{}.Unmarshal(stored)
	require.NoError(t, err)
	assert.Equal(t, want, got)
	for n := range len(stored) {
		_, _, err := requestEncoding{}.Unmarshal(stored[:n])
		require.ErrorIs(t, err, errStored, "cut at %d", n)
	}
}

func TestRequestsAreMergedAndSplitByRecord(t *testing.T) {
	a, b := newRequest(someRecords(), 6), newRequest(someRecords(), 6)
	merged, err := a.MergeSplit(t.Context(), 0, exporterhelper.RequestSizerTypeItems, b)
	require.NoError(t, err)
	require.Len(t, merged, 1)
	assert.Equal(t, 12, merged[0].ItemsCount())
	assert.Equal(t, a.BytesSize()+b.BytesSize(), merged[0].BytesSize())

	parts, err := a.MergeSplit(t.Context(), 5, exporterhelper.RequestSizerTypeItems, b)
	require.NoError(t, err)
	items := 0
	for _, part := range parts {
		assert.LessOrEqual(t, part.ItemsCount(), 5)
		items += part.ItemsCount()
	}
	assert.Equal(t, 12, items)
	_, err = a.MergeSplit(t.Context(), 0, exporterhelper.RequestSizerTypeItems, foreignRequest{})
	assert.ErrorIs(t, err, errForeignRequest)
}

// FuzzParseStored: bytes from a store are refused without a panic, or are a request that is stored in the same way.
func FuzzParseStored(f *testing.F) {
	f.Add(appendStored(nil, newRequest(someRecords(), 6)))
	f.Fuzz(func(t *testing.T, b []byte) {
		req, err := parseStored(b)
		if err != nil {
			require.Nil(t, req)
			return
		}
		again, err := parseStored(appendStored(nil, req))
		require.NoError(t, err)
		require.Equal(t, req, again)
	})
}
