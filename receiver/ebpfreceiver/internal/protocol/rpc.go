// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package protocol

import "github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol/grpc"

// RPCOutcome returns the name of a call's status, "" if none was seen; whether the call has failed, which for a server
// is not so if the client is to blame; and the value of error.type, "" if that is the number of the HTTP status.
func RPCOutcome(x *Exchange) (status string, failed bool, errorType string) {
	return rpcOutcome(x, x.Side)
}

// ServerFailed says whether an exchange has failed in the eyes of its server, as which both ends agree: 5xx, the codes of gRPC
// that are a server's fault, no answer or half of one.
func ServerFailed(x *Exchange) (failed bool) {
	if x.Kind == GRPC {
		_, failed, _ = rpcOutcome(x, Server)
	} else {
		failed, _ = HTTPError(Server, x.HTTP.Status, x.Failure)
	}
	return failed
}

func rpcOutcome(x *Exchange, side Side) (status string, failed bool, errorType string) {
	code := grpc.Status(x.RPC.Status)
	status = code.Name()
	switch {
	case status != "":
		failed = code.ServerError() || side == Client && code != 0
		return status, failed, status
	case x.Failure != None && (x.HTTP.Status == 0 || !x.Failure.mayBeWhole()):
		return "", true, x.Failure.ErrorType()
	case x.HTTP.Status != 0 && x.HTTP.Status != 200:
		return "", true, ""
	}
	return "", false, ""
}
