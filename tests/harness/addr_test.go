// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"net/netip"
	"slices"
	"testing"
)

func TestFreeAddressesDifferAndAreOnLoopback(t *testing.T) {
	addrs, err := FreeAddrs(20)
	if err != nil {
		t.Fatal(err)
	}
	if unique := slices.Compact(slices.Sorted(slices.Values(addrs))); len(unique) != 20 {
		t.Errorf("addresses are %q", addrs)
	}
	for _, addr := range addrs {
		parsed, err := netip.ParseAddrPort(addr)
		if err != nil || !parsed.Addr().IsLoopback() || parsed.Port() < firstPort || parsed.Port() >= endPort {
			t.Errorf("address is %q, error %v", addr, err)
		}
	}
}
