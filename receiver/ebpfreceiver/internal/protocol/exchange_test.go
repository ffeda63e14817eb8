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
