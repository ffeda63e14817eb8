// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"net/netip"
	"strconv"
	"time"

	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/procinfo"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
)

const (
	keyMethod        = string(semconv.HTTPRequestMethodKey)
	keyStatusCode    = string(semconv.HTTPResponseStatusCodeKey)
	keyURLScheme     = string(semconv.URLSchemeKey)
	keyErrorType     = string(semconv.ErrorTypeKey)
	keyVersion       = string(semconv.NetworkProtocolVersionKey)
	keyServerAddress = string(semconv.ServerAddressKey)
	keyServerPort    = string(semconv.ServerPortKey)
)

// HTTP measures the durations of requests, at both ends. An HTTP is used by one goroutine.
type HTTP struct {
	sides      [2]*Histogram // by protocol.Side
	attributes Attributes
}

// NewHTTP adds the histograms of HTTP to a store.
func NewHTTP(s *Store, bounds *Bounds) *HTTP {
	return &HTTP{sides: [2]*Histogram{
		protocol.Server: s.Histogram("http.server.request.duration", "Duration of HTTP server requests.", bounds),
		protocol.Client: s.Histogram("http.client.request.duration", "Duration of HTTP client requests.", bounds),
	}}
}

// Observe records an exchange at a socket that p owns.
func (h *HTTP) Observe(x *protocol.Exchange, p *procinfo.Process) {
	server := x.Local
	if x.Side == protocol.Client {
		server = x.Peer
	}
	method := protocol.HTTPMethod(x.HTTP.Method)
	if method == "" && x.HTTP.Method != nil {
		method = "_OTHER"
	}
	h.describe(x.Side, server, method, x.HTTPVersion(), x.HTTP.Status, x.Failure)
	h.sides[x.Side].Record(p, &h.attributes, time.Duration(x.End-x.Start))
}

// describe builds the attributes of an exchange. The server's address is the socket's: what a request calls the server is
// the client's to say, and unbounded.
func (h *HTTP) describe(side protocol.Side, server netip.AddrPort, method, version string, status uint16, failure protocol.Failure) {
	a := h.attributes.Reset()
	a.Text(keyMethod, method)
	if side == protocol.Server {
		a.Text(keyURLScheme, "http") // what can be read on the socket is not encrypted
	}
	if status != 0 {
		a.Number(keyStatusCode, int64(status))
	}
	var text [3]byte
	switch failed, how := protocol.HTTPError(side, status, failure); {
	case failed && how == protocol.None:
		a.Bytes(keyErrorType, strconv.AppendUint(text[:0], uint64(status), 10))
	case failed:
		a.Text(keyErrorType, how.ErrorType())
	}
	a.Text(keyVersion, version)
	if side == protocol.Client {
		var address [48]byte
		a.Bytes(keyServerAddress, server.Addr().WithZone("").AppendTo(address[:0]))
	}
	a.Number(keyServerPort, int64(server.Port()))
}
