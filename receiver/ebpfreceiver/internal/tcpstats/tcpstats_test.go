// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package tcpstats

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.uber.org/goleak"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/bpfobj"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/event"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/metrics"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/procinfo"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// kernel is rows in memory.
type kernel struct {
	rows      map[bpfobj.TCPKey]*bpfobj.TCPRow
	forgotten []bpfobj.TCPKey
}

func (k *kernel) TCPRows(visit func(bpfobj.TCPKey, *bpfobj.TCPRow)) error {
	for key, row := range k.rows {
		visit(key, row)
	}
	return nil
}

func (k *kernel) ForgetTCPRow(key bpfobj.TCPKey) error {
	k.forgotten = append(k.forgotten, key)
	delete(k.rows, key)
	return nil
}

// host is a Source with what it reads, writes and tells the time by.
type host struct {
	kernel kernel
	now    time.Time
	store  *metrics.Store
	source *Source
}

func newHost(t *testing.T, settings Settings) *host {
	t.Helper()
	h := &host{kernel: kernel{rows: make(map[bpfobj.TCPKey]*bpfobj.TCPRow)}, now: time.Unix(1000, 0)}
	h.store = metrics.New(metrics.Settings{HostName: "host", MaxSeries: 100, Start: h.now})
	settings.Now = func() time.Time { return h.now }
	if settings.Admits == nil {
		settings.Admits = func(string) bool { return true }
	}
	processes := procinfo.New(procinfo.Settings{Root: t.TempDir(), MaxProcesses: 8})
	h.source = New(settings, &h.kernel, processes, h.store)
	return h
}

// sums returns the points of all counters: name without prefix, then the values of their attributes in order of the keys.
func (h *host) sums(t *testing.T) map[string]int64 {
	t.Helper()
	require.NoError(t, h.source.Drain())
	sums := make(map[string]int64)
	all, _ := h.store.Collect(h.now)
	for _, rm := range all.ResourceMetrics().All() {
		for _, m := range rm.ScopeMetrics().At(0).Metrics().All() {
			if m.Type() != pmetric.MetricTypeSum {
				continue
			}
			for _, p := range m.Sum().DataPoints().All() {
				var keys []string
				for key := range p.Attributes().All() {
					keys = append(keys, key)
				}
				slices.Sort(keys)
				label := m.Name()[len(prefix):]
				for _, key := range keys {
					value, _ := p.Attributes().Get(key)
					label += " " + value.AsString()
				}
				sums[label] = p.IntValue()
			}
		}
	}
	return sums
}

func TestDifferencesOfRowsAreAdded(t *testing.T) {
	h := newHost(t, Settings{})
	key := bpfobj.TCPKey{Pid: 7, Port: 80, Side: 1, Version: 4, Comm: [16]uint8{'c', 'u', 'r', 'l'}}
	row := &bpfobj.TCPRow{Opened: 2, Received: 10, Sent: 20, Retransmits: 3, Unestablished: 1}
	row.ZeroWindows = [2]uint64{1, 0}
	row.Ends = [8]uint64{event.Orderly: 9, event.Refused: 4, event.TimedOut: 3, event.ResetByPeer: 5}
	h.kernel.rows[key] = row
	want := map[string]int64{
		"connection.successes client ipv4 80":                   2,
		"connection.failures connection_refused client ipv4 80": 4,
		"connection.failures timeout client ipv4 80":            1,
		"connection.aborts timeout client ipv4 80":              2,
		"connection.aborts reset_by_peer client ipv4 80":        5,
		"io receive client ipv4 80":                             10,
		"io transmit client ipv4 80":                            20,
		"retransmits client ipv4 80":                            3,
		"zero_windows receive client ipv4 80":                   1,
	}
	assert.Equal(t, want, h.sums(t))
	assert.Equal(t, want, h.sums(t), "nothing is added twice")
	row.Opened++
	want["connection.successes client ipv4 80"]++
	assert.Equal(t, want, h.sums(t))
}

func TestWhatFoundNoRoomIsInASeriesOfItsOwn(t *testing.T) {
	h := newHost(t, Settings{MaxIdle: time.Minute})
	h.kernel.rows[bpfobj.TCPKey{}] = &bpfobj.TCPRow{Opened: 1}
	assert.Equal(t, map[string]int64{"connection.successes true": 1}, h.sums(t))
	h.now = h.now.Add(time.Hour)
	h.sums(t)
	assert.Empty(t, h.kernel.forgotten, "its row is never given up")
}

func TestARowThatIsIdleMakesRoom(t *testing.T) {
	h := newHost(t, Settings{MaxIdle: time.Minute})
	key := bpfobj.TCPKey{Pid: 7, Port: 80, Version: 6}
	h.kernel.rows[key] = &bpfobj.TCPRow{Opened: 1}
	h.sums(t)
	h.now = h.now.Add(time.Minute - 1)
	h.sums(t)
	assert.Empty(t, h.kernel.forgotten)
	h.now = h.now.Add(1)
	h.sums(t)
	assert.Equal(t, []bpfobj.TCPKey{key}, h.kernel.forgotten)
	h.kernel.rows[key] = &bpfobj.TCPRow{Opened: 2}
	assert.Equal(t, map[string]int64{"connection.successes server ipv6 80": 3}, h.sums(t), "it begins anew")
}

func TestProgramsThatAreOfNoInterestAreLeftOut(t *testing.T) {
	h := newHost(t, Settings{Admits: func(string) bool { return false }})
	h.kernel.rows[bpfobj.TCPKey{Pid: 7, Port: 80, Version: 4}] = &bpfobj.TCPRow{Opened: 1}
	assert.Empty(t, h.sums(t))
}

func TestHistogramsKeepTheirBuckets(t *testing.T) {
	h := newHost(t, Settings{})
	row := &bpfobj.TCPRow{Opened: 1}
	row.Rtt.SumUs, row.Rtt.Buckets[0], row.Rtt.Buckets[16] = 10_000_010, 1, 2
	h.kernel.rows[bpfobj.TCPKey{Pid: 7, Port: 80, Version: 4}] = row
	require.NoError(t, h.source.Drain())
	all, _ := h.store.Collect(h.now)
	found := 0
	for _, m := range all.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().All() {
		if m.Name() == prefix+"rtt.duration" {
			p := m.Histogram().DataPoints().At(0)
			found++
			assert.EqualValues(t, 3, p.Count())
			assert.InDelta(t, 10.00001, p.Sum(), 1e-9)
			assert.EqualValues(t, 1, p.BucketCounts().At(0))
			assert.EqualValues(t, 2, p.BucketCounts().At(16))
			assert.InDelta(t, 20e-6, p.ExplicitBounds().At(0), 1e-12)
		}
	}
	assert.Equal(t, 1, found)
}

func TestWhatStandsForMoreIsInSeriesOfItsOwn(t *testing.T) {
	h := newHost(t, Settings{})
	key := bpfobj.TCPKey{Pid: 7, Port: 80, Side: 1, Version: 4}
	h.kernel.rows[key] = rowOf(1)
	key.Side |= bpfobj.TCPScaled
	h.kernel.rows[key] = rowOf(8)
	h.kernel.rows[bpfobj.TCPKey{Side: bpfobj.TCPScaled}] = rowOf(16)
	require.NoError(t, h.source.Drain())
	all, _ := h.store.Collect(h.now)
	got := map[string]uint64{}
	for _, rm := range all.ResourceMetrics().All() {
		for _, m := range rm.ScopeMetrics().At(0).Metrics().All() {
			for _, p := range m.Histogram().DataPoints().All() {
				role, _ := p.Attributes().Get(keyRole)
				_, scaled := p.Attributes().Get("risk.metric.scaled")
				_, overflow := p.Attributes().Get("otel.metric.overflow")
				got[fmt.Sprintf("%s %s scaled=%t overflow=%t", m.Name()[len(prefix):], role.Str(), scaled, overflow)] += p.Count()
			}
		}
	}
	assert.Equal(t, map[string]uint64{
		"rtt.duration client scaled=false overflow=false": 1,
		"rtt.duration client scaled=true overflow=false":  8,
		"rtt.duration  scaled=true overflow=true":         16,
	}, got)
}

// rowOf is a row with that many round trips.
func rowOf(n uint64) *bpfobj.TCPRow {
	row := &bpfobj.TCPRow{}
	row.Rtt.SumUs, row.Rtt.Buckets[0] = 10*n, n
	return row
}

func TestBoundsAreWhatTheKernelCanTake(t *testing.T) {
	assert.Len(t, Bounds(), bpfobj.TCPBuckets-1)
	assert.True(t, slices.IsSorted(Bounds()))
	for _, bound := range Bounds() {
		assert.Zero(t, bound%time.Microsecond)
	}
}
