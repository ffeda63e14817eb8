// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package protocol_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSideNamesTheAttributeValue(t *testing.T) {
	assert.Equal(t, "server", protocol.Server.String())
	assert.Equal(t, "client", protocol.Client.String())
}

func TestFailureNamesTheErrorType(t *testing.T) {
	want := map[protocol.Failure]string{
		protocol.None:      "",
		protocol.Reset:     "connection_reset",
		protocol.Closed:    "connection_closed",
		protocol.Timeout:   "timeout",
		protocol.Cancelled: "cancelled",
	}
	for failure, errorType := range want {
		assert.Equal(t, errorType, failure.ErrorType())
	}
}

func TestTheZeroExchangeIsAWholeHTTP1ServerExchange(t *testing.T) {
	var x protocol.Exchange
	assert.Equal(t, protocol.Server, x.Side)
	assert.Equal(t, protocol.None, x.Failure)
	assert.Equal(t, protocol.HTTP1, x.Kind)
	assert.False(t, x.Local.IsValid())
}

func TestBothEndsAgreeWhatFailedAtTheServer(t *testing.T) {
	for _, c := range []struct {
		want bool
		x    protocol.Exchange
	}{
		{false, protocol.Exchange{HTTP: protocol.HTTP{Status: 200}}},
		{false, protocol.Exchange{HTTP: protocol.HTTP{Status: 404}}},
		{true, protocol.Exchange{HTTP: protocol.HTTP{Status: 500}}},
		{true, protocol.Exchange{HTTP: protocol.HTTP{Status: 200}, Failure: protocol.Reset}},
		{true, protocol.Exchange{Failure: protocol.Cancelled}},
		{false, protocol.Exchange{Kind: protocol.GRPC, HTTP: protocol.HTTP{Status: 200}, RPC: protocol.RPC{Status: 5}}},
		{true, protocol.Exchange{Kind: protocol.GRPC, HTTP: protocol.HTTP{Status: 200}, RPC: protocol.RPC{Status: 14}}},
		{true, protocol.Exchange{Kind: protocol.GRPC, RPC: protocol.RPC{Status: 0xff}, Failure: protocol.Timeout}},
	} {
		for _, side := range []protocol.Side{protocol.Server, protocol.Client} {
			c.x.Side = side
			assert.Equal(t, c.want, protocol.ServerFailed(&c.x), "%+v", c.x)
		}
	}
}
