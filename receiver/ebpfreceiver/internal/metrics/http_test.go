// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
)

func TestTheSchemeIsThatOfTheRequestIfItNamesOneThatIsKnown(t *testing.T) {
	s := newStore(nil)
	h := NewHTTP(s, ExplicitBounds(time.Second))
	for scheme, times := range map[string]int{"": 1, "http": 2, "gopher": 4, "https": 8} {
		for range times {
			h.Observe(&protocol.Exchange{
				Kind: protocol.HTTP2, HTTP: protocol.HTTP{Method: []byte("GET"), Scheme: []byte(scheme), Status: 200},
				Local: netip.MustParseAddrPort("10.0.0.1:80"), Peer: netip.MustParseAddrPort("10.0.0.2:40000"), End: 1,
			}, nginx(1))
		}
	}
	counts := map[any]uint64{}
	all, _ := s.Collect(begin.Add(time.Second))
	for _, p := range only(t, all).Histogram().DataPoints().All() {
		counts[p.Attributes().AsRaw()["url.scheme"]] += p.Count()
	}
	assert.Equal(t, map[any]uint64{"http": 7, "https": 8}, counts)
}
