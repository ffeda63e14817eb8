// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package logs

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.uber.org/goleak"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/procinfo"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// batch is what a test's consumer gets.
type batch struct {
	logs  plog.Logs
	count int
}

// run starts b until the returned function is called.
func run(t *testing.T, b *Batcher) (<-chan batch, func()) {
	t.Helper()
	sent, ended := make(chan batch, 16), make(chan struct{})
	go func() {
		defer close(ended)
		b.Run(t.Context(), func(_ context.Context, logs plog.Logs, n int) { sent <- batch{logs, n} })
	}()
	return sent, func() {
		b.Close()
		<-ended
	}
}

func body(text string) func(plog.LogRecord) {
	return func(r plog.LogRecord) { r.Body().SetStr(text) }
}

func TestARecordIsSentSoonWithItsResource(t *testing.T) {
	b := New(Settings{HostName: "node-1", ScopeName: "scope", MaxDelay: time.Millisecond, MaxPending: 10})
	sent, stop := run(t, b)
	defer stop()
	b.Add(&procinfo.Process{PID: 7, ServiceName: "shop"}, body("refused"))
	got := <-sent
	require.Equal(t, 1, got.count)
	require.Equal(t, 1, got.logs.LogRecordCount())
	of := got.logs.ResourceLogs().At(0)
	assert.Equal(t, map[string]any{"host.name": "node-1", "service.name": "shop", "process.pid": int64(7)}, of.Resource().Attributes().AsRaw())
	assert.Equal(t, "refused", of.ScopeLogs().At(0).LogRecords().At(0).Body().Str())
}

func TestRecordsOfOneProcessShareAResource(t *testing.T) {
	b := New(Settings{MaxDelay: time.Hour, MaxPending: 10})
	one, other := &procinfo.Process{PID: 1}, &procinfo.Process{PID: 2}
	b.Add(one, body("a"))
	b.Add(other, body("b"))
	b.Add(one, body("c"))
	sent, stop := run(t, b)
	stop() // what waits is sent at the end
	got := <-sent
	assert.Equal(t, 3, got.count)
	assert.Equal(t, 2, got.logs.ResourceLogs().Len())
}

func TestTooManyRecordsAreDroppedAndCounted(t *testing.T) {
	b := New(Settings{MaxDelay: time.Hour, MaxPending: 2})
	for range 5 {
		b.Add(&procinfo.Process{}, body("a"))
	}
	assert.EqualValues(t, 3, b.Dropped())
	sent, stop := run(t, b)
	stop()
	got := <-sent
	assert.Equal(t, 2, got.count)
}

// BenchmarkAdd adds records to batches of 100.
func BenchmarkAdd(b *testing.B) {
	batcher, p, describe := New(Settings{MaxPending: 100}), &procinfo.Process{PID: 1}, body("a")
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		if n%100 == 0 {
			batcher.take()
		}
		batcher.Add(p, describe)
	}
}
