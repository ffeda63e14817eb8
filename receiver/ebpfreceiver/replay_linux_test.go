// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"golang.org/x/sys/unix"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/event"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/metadata"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/probe"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/procinfo"
)

// replay is a receiver whose records come from a recording instead of the kernel. Everything behind the ring is there:
// the flow with the default settings, processes (those of the recording, in a procfs of its own), and the sender.
type replay struct {
	receiver *ebpfReceiver
	records  [][]byte
	scratch  []byte // what the ring's reader copies a record into
	round    uint64
}

// newReplay reads the recording and starts the sender.
func newReplay(t testing.TB, next consumer.Traces) *replay {
	t.Helper()
	p := &replay{records: readRecording(t)}
	moveToNow(t, p.records)
	cfg := createDefaultConfig().(*Config)
	r, err := newReceiver(receivertest.NewNopSettings(metadata.Type), cfg, func() {})
	require.NoError(t, err)
	r.next.traces = next
	r.telemetry, err = newTelemetry(r.settings.TelemetrySettings)
	require.NoError(t, err)
	of := &owners{
		older:     &probe.Adopted{},
		processes: procinfo.New(procinfo.Settings{MaxProcesses: cfg.MaxProcesses, Root: processesOf(t, p.records)}),
	}
	r.flow = newFlow(cfg, r.settings.Logger, r.telemetry, of, newSinks(cfg, r.next, origin{host: "node-1", scope: metadata.ScopeName}))
	r.send(context.Background())
	p.receiver = r
	return p
}

// once hands all records on, as connections of their own.
func (p *replay) once() {
	p.round++
	for _, record := range p.records {
		p.scratch = append(p.scratch[:0], record...)
		cookie := binary.LittleEndian.Uint64(p.scratch)
		binary.LittleEndian.PutUint64(p.scratch, cookie+p.round<<32)
		p.receiver.flow.Record(p.scratch)
	}
}

// end waits until the consumer has everything.
func (p *replay) end() {
	p.receiver.flow.drain()
	p.receiver.running.Wait()
	p.receiver.telemetry.builder.Shutdown()
}

// readRecording returns the records of the recording.
func readRecording(t testing.TB) (records [][]byte) {
	t.Helper()
	file, err := os.ReadFile(recordingFile)
	require.NoError(t, err)
	z, err := gzip.NewReader(bytes.NewReader(file))
	require.NoError(t, err)
	all, err := io.ReadAll(z)
	require.NoError(t, err)
	for len(all) > 0 {
		n := int(binary.LittleEndian.Uint16(all))
		records = append(records, all[2:2+n])
		all = all[2+n:]
	}
	return records
}

// moveToNow changes the times in the records, which are counted from the boot of the machine that recorded, as if the last
// had been written now.
func moveToNow(t testing.TB, records [][]byte) {
	t.Helper()
	var now unix.Timespec
	require.NoError(t, unix.ClockGettime(unix.CLOCK_MONOTONIC, &now))
	ahead := uint64(now.Nano()) - binary.LittleEndian.Uint64(records[len(records)-1][8:])
	for _, record := range records {
		for _, at := range timesIn(event.KindOf(record)) {
			if before := binary.LittleEndian.Uint64(record[at:]); before != 0 {
				binary.LittleEndian.PutUint64(record[at:], before+ahead)
			}
		}
	}
}

// timesIn returns where times are in records of a kind, by the layout of package event.
func timesIn(kind event.Kind) []int {
	switch kind {
	case event.Exchange, event.StreamOpen:
		return []int{8, 32, 48, 72}
	case event.Process:
		return []int{8, 32}
	}
	return []int{8}
}

// processesOf makes a procfs with the owners of the records in it.
func processesOf(t testing.TB, records [][]byte) string {
	t.Helper()
	root := t.TempDir()
	for _, record := range records {
		kind := event.KindOf(record)
		if kind != event.Exchange && kind != event.StreamOpen {
			continue
		}
		var e event.Event
		require.NoError(t, e.Decode(record))
		name := string(bytes.TrimRight(e.Owner.Comm[:], "\x00"))
		folder := filepath.Join(root, strconv.FormatUint(uint64(e.Owner.PID), 10))
		if os.Mkdir(folder, 0o700) != nil {
			continue // it is there already
		}
		stat := fmt.Sprintf("%d (%s) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 1 0 0", e.Owner.PID, name)
		for file, text := range map[string]string{"stat": stat, "environ": "", "cmdline": name + "\x00"} {
			require.NoError(t, os.WriteFile(filepath.Join(folder, file), []byte(text), 0o600))
		}
		require.NoError(t, os.Symlink("/usr/bin/"+name, filepath.Join(folder, "exe")))
	}
	return root
}

func TestRecordedTrafficBecomesSpans(t *testing.T) {
	sink := &consumertest.TracesSink{}
	p := newReplay(t, sink)
	p.once()
	p.end()
	http1, http2, calls := 0, 0, 0
	for _, f := range await(t, sink, sink.SpanCount()) {
		version, _ := f.span.Attributes().Get("network.protocol.version")
		switch _, call := f.span.Attributes().Get("rpc.method"); {
		case call:
			calls++
		case version.Str() == "2":
			http2++
		case version.Str() == "1.1":
			http1++
		}
		assert.NotZero(t, f.resource.AsRaw()["process.pid"], "the owner is found")
	}
	assert.Zero(t, p.receiver.flow.assembler.Counts.BadRecord.Load(), "the layout has changed: record again with -record")
	const client, server = 1, 1
	assert.Equal(t, (client+server)*recordedRequests/2, http2)
	assert.Equal(t, (client+server)*recordedRequests/2, calls)
	assert.GreaterOrEqual(t, http1, (client+server)*recordedRequests+4*recordedRequests)
}

// BenchmarkRecordToSpan is what a span costs in user space, from a record of the ring to pdata that a consumer takes and
// forgets: CPU time of the whole process, the collection of garbage included. `make bench-spans` holds it against what
// was asked.
func BenchmarkRecordToSpan(b *testing.B) {
	var spans int64
	next, err := consumer.NewTraces(func(_ context.Context, batch ptrace.Traces) error {
		spans += int64(batch.SpanCount())
		return nil
	})
	require.NoError(b, err)
	p := newReplay(b, next)
	p.once() // processes are read, tables grown
	rounds := int64(1)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	began := processTime()
	for b.Loop() {
		p.once()
		rounds++
	}
	p.end()
	used := processTime() - began
	runtime.ReadMemStats(&after)
	measured := float64(spans - spans/rounds)
	b.ReportMetric(float64(used.Nanoseconds())/measured, "cpu-ns/span")
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/measured, "allocs/span")
	b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/measured, "B/span")
}
