// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package recordbatch

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkAppend encodes and stamps a batch of about 1 MB with reused memory. The data is as repetitive as telemetry
// is; the figures do not include marshalling.
func BenchmarkAppend(b *testing.B) {
	var value []byte
	for i := range 12 {
		value = fmt.Appendf(value, "span %d of service shop with url.path /cart/%d and http.response.status_code 200;", i*7919, i*104729)
	}
	records := make([]Record, 1000)
	for i := range records {
		records[i] = Record{Key: fmt.Appendf(nil, "%032x", i), Value: value}
	}
	for codec, name := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		b.Run(name, func(b *testing.B) {
			c := compressor(b, Codec(codec), 0)
			var batch, scratch []byte
			plain := 0
			b.ReportAllocs()
			for b.Loop() {
				var err error
				batch, scratch, plain, err = Append(batch[:0], scratch, c, 1, records)
				require.NoError(b, err)
				Stamp(batch, Producer{1, 0, 1}, new(Checksum))
			}
			b.SetBytes(int64(plain))
			b.ReportMetric(float64(plain)/float64(len(batch)), "ratio")
		})
	}
}
