// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"time"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/logs"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/metrics"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/procinfo"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol/tls"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/spans"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/stream"
)

// origin is what everything that a receiver says has in common.
type origin struct{ host, scope, version string }

// sinks is where what was seen is turned into signals; nil for a signal that nobody consumes.
//
// To measure something new: make its instruments from store and bounds in newSinks, and record to them; or, if the kernel
// counts it, add a [metrics.Source] to sources. To log something: logs.Add.
type sinks struct {
	spans   *spans.Builder
	store   *metrics.Store
	http    *metrics.HTTP
	rpc     *metrics.RPC
	tls     *metrics.TLS
	sources []metrics.Source
	logs    *logs.Batcher
	privacy spans.Privacy
}

// newSinks makes what next needs.
func newSinks(cfg *Config, next consumers, about origin) *sinks {
	s := &sinks{privacy: cfg.Privacy.ofSpans()}
	if next.traces != nil {
		s.spans = spans.New(spans.Settings{
			HostName: about.host, ScopeName: about.scope, ScopeVersion: about.version, Privacy: s.privacy,
		})
	}
	if next.metrics != nil {
		s.store = metrics.New(metrics.Settings{
			HostName: about.host, ScopeName: about.scope, ScopeVersion: about.version,
			MaxSeries: cfg.Metrics.MaxSeries, MaxIdle: cfg.Metrics.MaxIdle, Start: time.Now(),
		})
		s.http = metrics.NewHTTP(s.store, cfg.Metrics.bounds())
		s.rpc = metrics.NewRPC(s.store, cfg.Metrics.bounds())
		s.tls = metrics.NewTLS(s.store, cfg.Metrics.bounds())
	}
	if next.logs != nil {
		s.logs = logs.New(logs.Settings{
			HostName: about.host, ScopeName: about.scope, ScopeVersion: about.version,
			MaxDelay: cfg.Logs.MaxDelay, MaxPending: cfg.Logs.MaxPending,
		})
	}
	return s
}

// measure counts an exchange at a socket that p owns.
func (s *sinks) measure(x *protocol.Exchange, p *procinfo.Process) {
	switch {
	case s.store == nil, x.Kind == protocol.HTTP1 && !x.Pipelined: // that is counted in the kernel
	case x.Kind == protocol.GRPC:
		x.RPC.Method = s.privacy.Redacted(x.RPC.Method)
		s.rpc.Observe(x, p)
	default:
		s.http.Observe(x, p)
	}
}

// shaken counts a handshake at a socket that p owns, and tells of it if it failed.
func (s *sinks) shaken(h *stream.Handshake, p *procinfo.Process) {
	if s.store != nil {
		s.tls.Observe(h, p)
	}
	if s.logs != nil && h.ErrorType() != "" {
		s.redact(h)
		s.logs.Add(p, func(r plog.LogRecord) { logs.HandshakeFailed(r, h, time.Now()) })
	}
}

// redact takes out of the names in a handshake what must not leave.
func (s *sinks) redact(h *stream.Handshake) {
	if len(s.privacy.Redact) == 0 {
		return
	}
	names := []*string{&h.Client.ServerName, &h.Handshake.Server.Protocol}
	for _, chain := range []*tls.Chain{h.ServerChain, h.ClientChain} {
		if chain != nil {
			names = append(names, &chain.Subject, &chain.Issuer)
		}
	}
	for i := range h.Client.Protocols {
		names = append(names, &h.Client.Protocols[i])
	}
	for _, name := range names {
		*name = string(s.privacy.Redacted([]byte(*name)))
	}
}
