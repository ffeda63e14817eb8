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

// HTTP measures the durations of requests, at both ends. Observe is called by one goroutine, everything else by any.
type HTTP struct {
	sides      [2]*Histogram // by protocol.Side
	attributes Attributes    // of Observe
}

// NewHTTP adds the histograms of HTTP to a store.
func NewHTTP(s *Store, bounds *Bounds) *HTTP {
	return &HTTP{sides: [2]*Histogram{
		protocol.Server: s.Histogram("http.server.request.duration", "Duration of HTTP server requests.", bounds),
		protocol.Client: s.Histogram("http.client.request.duration", "Duration of HTTP client requests.", bounds),
	}}
}

// Request is what the durations of requests are told apart by. What was not observed is zero.
type Request struct {
	// Server is where the request went, by the socket: what a request calls the server is the client's to say, and
	// unbounded.
	Server  netip.AddrPort
	Method  string
	Version string
	Status  uint16
	Side    protocol.Side
	Failure protocol.Failure
	// Secure says that the request itself names the scheme https, as behind a proxy that ended its TLS.
	Secure bool
	// Scaled says that each request was counted as often as it stands for; see [Attributes.Scaled].
	Scaled bool
}

// Observe records an exchange at a socket that p owns.
func (h *HTTP) Observe(x *protocol.Exchange, p *procinfo.Process) {
	r := Request{
		Side: x.Side, Server: x.Local, Method: protocol.HTTPMethod(x.HTTP.Method), Status: x.HTTP.Status, Failure: x.Failure,
		Version: x.HTTPVersion(), Secure: string(x.HTTP.Scheme) == "https",
	}
	if x.Side == protocol.Client {
		r.Server = x.Peer
	}
	if r.Method == "" && x.HTTP.Method != nil {
		r.Method = "_OTHER"
	}
	r.describe(h.attributes.Reset())
	h.sides[x.Side].RecordScaled(p, &h.attributes, time.Duration(x.End-x.Start), x.Scale)
}

// Add adds durations that were counted elsewhere, by bucket and as a sum in ns.
func (h *HTTP) Add(r *Request, p *procinfo.Process, counts []int64, sum int64) {
	var attributes Attributes
	r.describe(&attributes)
	h.sides[r.Side].Add(p, &attributes, counts, sum)
}

// Overflow is Add for what could not be told apart.
func (h *HTTP) Overflow(side protocol.Side, scaled bool, counts []int64, sum int64) {
	h.sides[side].Overflow(scaled, counts, sum)
}

// describe writes the attributes of r to the empty a.
func (r *Request) describe(a *Attributes) {
	a.Text(keyMethod, r.Method)
	if r.Side == protocol.Server {
		scheme := "http" // what can be read on the socket is not encrypted
		if r.Secure {
			scheme = "https"
		}
		a.Text(keyURLScheme, scheme)
	}
	if r.Status != 0 {
		a.Number(keyStatusCode, int64(r.Status))
	}
	var text [len("65535")]byte
	switch failed, how := protocol.HTTPError(r.Side, r.Status, r.Failure); {
	case failed && how == protocol.None:
		a.Bytes(keyErrorType, strconv.AppendUint(text[:0], uint64(r.Status), 10))
	case failed:
		a.Text(keyErrorType, how.ErrorType())
	}
	a.Text(keyVersion, r.Version)
	if r.Side == protocol.Client {
		var address [48]byte
		a.Bytes(keyServerAddress, r.Server.Addr().WithZone("").AppendTo(address[:0]))
	}
	a.Number(keyServerPort, int64(r.Server.Port()))
	if r.Scaled {
		a.Scaled()
	}
}
