// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"time"

	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/procinfo"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol/tls"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/stream"
)

const (
	keyTLSVersion = string(semconv.TLSProtocolVersionKey)
	keyTLSCipher  = string(semconv.TLSCipherKey)
	keyTLSResumed = string(semconv.TLSResumedKey)
)

// TLS measures how long handshakes take, at both ends. A TLS is used by one goroutine.
type TLS struct {
	sides      [2]*Histogram // by protocol.Side
	attributes Attributes
}

// NewTLS adds the histograms of handshakes to a store. Semantic conventions have none yet.
func NewTLS(s *Store, bounds *Bounds) *TLS {
	return &TLS{sides: [2]*Histogram{
		protocol.Server: s.Histogram("tls.server.handshake.duration", "Duration of TLS handshakes of servers, from the first byte to the client's last message or the failure.", bounds),
		protocol.Client: s.Histogram("tls.client.handshake.duration", "Duration of TLS handshakes of clients, from the first byte to the client's last message or the failure.", bounds),
	}}
}

// Observe records a handshake at a socket that p owns.
func (m *TLS) Observe(h *stream.Handshake, p *procinfo.Process) {
	a := m.attributes.Reset()
	a.Text(keyErrorType, h.ErrorType())
	if h.Step >= tls.AfterServerHello {
		a.Text(keyTLSVersion, tls.VersionName(h.Handshake.Server.Version))
		a.Text(keyTLSCipher, tls.CipherName(h.Handshake.Server.Cipher))
	}
	if h.Resumed {
		a.True(keyTLSResumed)
	}
	server := h.Server()
	if h.Side == protocol.Client {
		var address [48]byte
		a.Bytes(keyServerAddress, server.Addr().WithZone("").AppendTo(address[:0]))
	}
	a.Number(keyServerPort, int64(server.Port()))
	m.sides[h.Side].Record(p, &m.attributes, time.Duration(h.End-h.Start))
}
