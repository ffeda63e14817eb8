// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"os"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// idler tells when it was idle, once it was.
type idler struct{ idle chan struct{} }

func (idler) Record([]byte) {}

func (i idler) Idle() {
	select {
	case i.idle <- struct{}{}:
	default:
	}
}

// newMap makes an empty map in the kernel.
func newMap(t *testing.T, spec ebpf.MapSpec) *ebpf.Map {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: run as root")
	}
	m, err := ebpf.NewMap(&spec)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, m.Close()) })
	return m
}

func TestAnEmptyRingIsIdleUntilItIsStopped(t *testing.T) {
	reader, err := NewReader(newMap(t, ebpf.MapSpec{Type: ebpf.RingBuf, MaxEntries: 4096}), time.Millisecond)
	require.NoError(t, err)
	handler := idler{make(chan struct{}, 1)}
	done := make(chan error, 1)
	go func() { done <- reader.Run(handler) }()
	for range 3 {
		<-handler.idle
	}
	require.NoError(t, reader.Stop())
	require.NoError(t, <-done)
	assert.Zero(t, reader.Records())
	require.NoError(t, reader.Close())
}

func TestAMapOfAnotherTypeIsNoRing(t *testing.T) {
	_, err := NewReader(newMap(t, ebpf.MapSpec{Type: ebpf.Array, KeySize: 4, ValueSize: 4, MaxEntries: 1}), time.Second)
	require.ErrorContains(t, err, "open ring buffer")
}
