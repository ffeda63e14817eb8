// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package logs

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/cause"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
)

func TestACauseSaysWhatItStandsFor(t *testing.T) {
	x := &protocol.Exchange{HTTP: protocol.HTTP{Method: []byte("GET"), Status: 502}}
	f := cause.Failure{Peer: netip.MustParseAddrPort("10.0.0.2:80"), ErrorType: "connection_refused"}
	want := map[string]any{
		"http.request.method": "GET", "http.response.status_code": int64(502), "error.type": "502",
		"risk.cause.error.type": "connection_refused", "risk.cause.network.peer.address": "10.0.0.2", "risk.cause.network.peer.port": int64(80),
	}
	record := plog.NewLogRecord()
	Cause(x, f)(record)
	assert.Equal(t, want, record.Attributes().AsRaw())

	x.Scale = 4
	record = plog.NewLogRecord()
	Cause(x, f)(record)
	want["risk.connection.weight"] = int64(16)
	assert.Equal(t, want, record.Attributes().AsRaw())
}
