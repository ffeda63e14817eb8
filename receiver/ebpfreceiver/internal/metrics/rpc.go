// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"strconv"
	"time"

	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/procinfo"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
)

const (
	keyRPCSystem = string(semconv.RPCSystemNameKey)
	keyRPCMethod = string(semconv.RPCMethodKey)
	keyRPCStatus = string(semconv.RPCResponseStatusCodeKey)
)

// RPC measures the durations of remote procedure calls, at both ends. An RPC is used by one goroutine.
type RPC struct {
	sides      [2]*Histogram // by protocol.Side
	attributes Attributes
}

// NewRPC adds the histograms of calls to a store.
func NewRPC(s *Store, bounds *Bounds) *RPC {
	return &RPC{sides: [2]*Histogram{
		protocol.Server: s.Histogram("rpc.server.call.duration", "Measures the duration of incoming Remote Procedure Calls (RPC).", bounds),
		protocol.Client: s.Histogram("rpc.client.call.duration", "Measures the duration of an outgoing Remote Procedure Call (RPC).", bounds),
	}}
}

// Observe records a call at a socket that p owns.
func (m *RPC) Observe(x *protocol.Exchange, p *procinfo.Process) {
	a := m.attributes.Reset()
	a.Text(keyRPCSystem, "grpc")
	a.Bytes(keyRPCMethod, x.RPC.Method)
	status, failed, errorType := protocol.RPCOutcome(x)
	a.Text(keyRPCStatus, status)
	var text [3]byte
	switch {
	case failed && errorType == "":
		a.Bytes(keyErrorType, strconv.AppendUint(text[:0], uint64(x.HTTP.Status), 10))
	case failed:
		a.Text(keyErrorType, errorType)
	}
	server := x.Local
	if x.Side == protocol.Client {
		server = x.Peer
		var address [48]byte
		a.Bytes(keyServerAddress, server.Addr().WithZone("").AppendTo(address[:0]))
	}
	a.Number(keyServerPort, int64(server.Port()))
	m.sides[x.Side].RecordScaled(p, &m.attributes, time.Duration(x.End-x.Start), x.Scale)
}
