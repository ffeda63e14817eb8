// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"net"
	"slices"
	"testing"
)

func TestFreeAddressesDifferAndCanBeListenedOn(t *testing.T) {
	addrs, err := FreeAddrs(20)
	if err != nil {
		t.Fatal(err)
	}
	if unique := slices.Compact(slices.Sorted(slices.Values(addrs))); len(unique) != 20 {
		t.Errorf("addresses are %q", addrs)
	}
	for _, addr := range addrs {
		listener, err := net.Listen("tcp", addr)
		if err != nil {
			t.Error(err)
			continue
		}
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
	}
}
