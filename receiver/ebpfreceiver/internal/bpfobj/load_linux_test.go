// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package bpfobj

import (
	"net/netip"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestTheVerifierAcceptsEverySetting loads every combination of the filters, and a few with HTTP/2 or TLS: as constants they decide which code the
// verifier looks at, and what it can prove differs from kernel to kernel.
func TestTheVerifierAcceptsEverySetting(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: run as root")
	}
	ports := []uint16{80, 65535}
	peers := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::/0")}
	// Every setting alone, and with half of the others in two ways: the verifier takes its time.
	for _, set := range []int{0, 1, 2, 4, 8, 16, 32, 64, 128, 0x55, 0xaa, 0xff} {
		settings := Settings{RingBufferSize: 1 << 16, WakeupSize: 1 << 12, DetectMessages: 1 + set, Exchanges: set&1 == 0, HTTP2: set&2 == 0, TLS: set&4 == 0}
		if set&1 != 0 {
			settings.IncludePorts = ports
		}
		if set&2 != 0 {
			settings.ExcludePorts = ports
		}
		if set&4 != 0 {
			settings.IncludePeers = peers
		}
		if set&8 != 0 {
			settings.ExcludePeers = peers
		}
		if (set^set>>1)&1 != 0 { // so that every two settings meet
			settings.TCPRows = 8
		}
		if (set^set>>2)&1 != 0 {
			settings.TCPLogs, settings.TellProcesses, settings.Causes = true, true, true
		}
		if set&64 != 0 {
			settings.Limits, settings.MaxSeries = make([]uint64, 14), 100
		}
		if set&128 != 0 {
			settings.Limits, settings.MaxSeries = make([]uint64, 248), 100
		}
		objects, err := Load(settings)
		if err != nil {
			t.Fatalf("%+v: %+v", settings, err)
		}
		assert.NoError(t, objects.Close())
	}
}
