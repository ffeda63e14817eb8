// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package spans

import (
	"strconv"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
)

const (
	systemGRPC = "grpc"
	// rpcUnnamed is the name of a span whose method was not seen.
	rpcUnnamed = systemGRPC
)

// describeRPC names the span of a call, adds its attributes to a and sets its status.
func describeRPC(span ptrace.Span, a *attributes, x *protocol.Exchange) {
	a.addConstant(keyRPCSystem, systemGRPC)
	span.SetName(rpcUnnamed)
	if len(x.RPC.Method) > 0 {
		from := a.mark()
		a.addText(keyRPCMethod, x.RPC.Method)
		span.SetName(string(a.text[from:]))
	}
	server := serverOf(x, &target{scheme: schemeOf(x)})
	server.add(a)
	if x.Side == protocol.Server {
		a.addAddress(keyClientAddress, x.Peer.Addr())
	}
	a.addAddress(keyPeerAddress, x.Peer.Addr())
	a.addNumber(keyPeerPort, int64(x.Peer.Port()))
	a.addConstant(keyVersion, x.HTTPVersion())
	if len(x.HTTP.UserAgent) > 0 {
		a.addText(keyUserAgent, x.HTTP.UserAgent)
	}
	status, failed, errorType := protocol.RPCOutcome(x)
	if status != "" {
		a.addConstant(keyRPCStatus, status)
	}
	if !failed {
		return
	}
	span.Status().SetCode(ptrace.StatusCodeError)
	if errorType != "" {
		a.addConstant(keyErrorType, errorType)
		return
	}
	from := a.mark()
	a.text = strconv.AppendUint(a.text, uint64(x.HTTP.Status), 10)
	a.addFrom(keyErrorType, from)
}
