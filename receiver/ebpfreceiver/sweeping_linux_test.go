// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/bpfobj"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/metadata"
)

// needSweeper skips where the kernel cannot sweep.
func needSweeper(t *testing.T, r *ebpfReceiver) {
	t.Helper()
	if r.sweeper != nil {
		return
	}
	_, err := r.objects.NewSweeper()
	if errors.Is(err, bpfobj.ErrCannotSweep) {
		t.Skip(err.Error())
	}
	require.NoErrorf(t, err, "%+v", err)
}

// TestEveryExchangeIsToldAndCountedWhileConnectionsAreSwept sweeps all the time, beside a receiver that never does.
func TestEveryExchangeIsToldAndCountedWhileConnectionsAreSwept(t *testing.T) {
	listener, _ := plainListener(t)
	c := newCrowd(t, 16, listener)
	r, spans, metrics := c.watch()
	needSweeper(t, r)
	never, other := configFor(c.server), &consumertest.TracesSink{}
	never.IdleAfter = 0
	start(t, receivertest.NewNopSettings(metadata.Type), never, other)

	ended, swept := make(chan struct{}), make(chan error)
	go func() {
		for {
			select {
			case <-ended:
				close(swept)
				return
			default:
				if err := r.sweeper.Sweep(); err != nil {
					swept <- err
				}
			}
		}
	}()
	for range 20 {
		c.round()
	}
	close(ended)
	require.NoError(t, <-swept)
	counters, err := r.objects.Counters()
	require.NoError(t, err)
	require.NoError(t, r.Shutdown(t.Context()))

	ends := 2 * int(c.served.Load())
	lost := int(counters.Lost["storage"])
	assert.Greater(t, int(counters.Swept), ends/10, "of what this test is about")
	assert.Less(t, lost, ends/100, "at the very moment")
	assert.EqualValues(t, ends, counters.Requests)
	assert.Equal(t, ends-lost, spans.SpanCount())
	counted := 0
	for _, name := range []string{"http.server.request.duration", "http.client.request.duration"} {
		for _, p := range pointsOf(t, metrics, name) {
			counted += int(p.Count())
		}
	}
	assert.Equal(t, ends-lost, counted)
	await(t, other, ends)
	t.Logf("%d exchanges, %d swept, %d lost", ends, counters.Swept, lost)
}

// TestIdleConnectionsAreSweptAndSeenAgain has a receiver that sweeps as often as it may, by itself.
func TestIdleConnectionsAreSweptAndSeenAgain(t *testing.T) {
	server := shop(t)
	cfg := configFor(server)
	cfg.IdleAfter = time.Second
	sink := &consumertest.TracesSink{}
	r := start(t, receivertest.NewNopSettings(metadata.Type), cfg, sink).(*ebpfReceiver)
	needSweeper(t, r)
	get(t, server.Client(), server.URL)
	require.Eventually(t, func() bool {
		counters, err := r.objects.Counters()
		return err == nil && counters.Swept == 2
	}, eventually, often)
	get(t, server.Client(), server.URL)
	await(t, sink, 4)
}

func TestWhereTheKernelCannotSweepItIsSaidOnce(t *testing.T) {
	needRoot(t)
	cfg := createDefaultConfig().(*Config)
	objects, err := bpfobj.Load(cfg.programSettings(consumers{traces: consumertest.NewNop()}))
	require.NoError(t, err)
	require.NoError(t, objects.Close()) // so that loading more fails
	core, said := observer.New(zap.DebugLevel)
	settings := receivertest.NewNopSettings(metadata.Type)
	settings.Logger = zap.New(core)
	r := &ebpfReceiver{cfg: cfg, settings: settings, objects: objects}
	assert.Nil(t, r.newSweeper())
	require.Equal(t, 1, said.Len())
	assert.Equal(t, zap.InfoLevel, said.All()[0].Level)
	assert.Contains(t, said.All()[0].ContextMap(), "error")
	cfg.IdleAfter = 0
	assert.Nil(t, r.newSweeper())
	assert.Equal(t, 1, said.Len(), "nobody asked")
}
