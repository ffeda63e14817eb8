// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package stream

import (
	"net/netip"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol/tls"
)

// Refused returns the handshake that never began because a client spoke HTTP to a server that wanted TLS, and got an alert.
func Refused(x *protocol.Exchange) *Handshake {
	return &Handshake{Local: x.Local, Peer: x.Peer, Owner: x.Owner, Side: x.Side, Handshake: tls.Handshake{
		Start: x.Start, End: x.FirstByte, Failure: tls.NotTLS, FailedClient: true, AlertSeen: true, Alert: x.Alert,
	}}
}

// Server is the server's end of the connection.
func (h *Handshake) Server() netip.AddrPort {
	if h.Side == protocol.Client {
		return h.Peer
	}
	return h.Local
}

// ErrorType returns the value of error.type: the alert's name, or what else made the handshake fail; "" if it did not.
func (h *Handshake) ErrorType() string {
	switch h.Failure {
	case tls.Alerted:
		if name := tls.AlertName(h.Alert); h.AlertSeen && name != "" {
			return name
		}
		if h.AlertEncrypted {
			return "encrypted_alert"
		}
		return "alert"
	case tls.NotTLS:
		return "not_tls"
	case tls.Closed:
		return protocol.Closed.ErrorType()
	case tls.ResetByPeer:
		return protocol.Reset.ErrorType()
	case tls.TimedOut:
		return protocol.Timeout.ErrorType()
	}
	return ""
}

// FailedBy names the end that made it fail; "" if that is not known.
func (h *Handshake) FailedBy() string {
	switch {
	case h.Failure == tls.None, h.Failure == tls.TimedOut:
		return ""
	case h.FailedClient:
		return protocol.Client.String()
	}
	return protocol.Server.String()
}
