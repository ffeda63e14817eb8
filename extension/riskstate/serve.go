// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskstate

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/config/confighttp/xconfighttp"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	noopmetric "go.opentelemetry.io/otel/metric/noop"
	nooptrace "go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/grpc"

	"github.com/otelcol-risk/otelcol-risk/extension/riskstate/internal/question"
	"github.com/otelcol-risk/otelcol-risk/extension/riskstate/scorepb"
)

// serve starts the servers of the scoring API that are configured.
func (s *riskState) serve(ctx context.Context, host component.Host) error {
	if err := s.serveHTTP(ctx, host); err != nil {
		return fmt.Errorf("scoring::http: %w", err)
	}
	if err := s.serveGRPC(ctx, host); err != nil {
		return fmt.Errorf("scoring::grpc: %w", err)
	}
	return nil
}

func (s *riskState) limits() question.Limits {
	return question.Limits{Entities: s.config.Scoring.MaxEntities, Attributes: s.config.Scoring.MaxAttributes}
}

// serverTelemetry is that of the Collector's gRPC server, switched off as that of HTTP.
func (s *riskState) serverTelemetry() component.TelemetrySettings {
	set := s.set
	set.MeterProvider, set.TracerProvider = noopmetric.NewMeterProvider(), nooptrace.NewTracerProvider()
	return set
}

func (s *riskState) asker(transport string) *asker {
	return &asker{scorers: &s.scorers, logger: s.logger, degraded: s.Degraded, telemetry: s.telemetry.transport(transport)}
}

func (s *riskState) serveHTTP(ctx context.Context, host component.Host) error {
	config := s.config.Scoring.HTTP.Get()
	if config == nil {
		return nil
	}
	// Questions have metrics of their own; the server's take as long as the answer.
	unobserved := xconfighttp.WithOtelHTTPOptions(otelhttp.WithFilter(func(*http.Request) bool { return false }))
	server, err := config.ToServer(ctx, host.GetExtensions(), s.set, newHTTPAPI(s.asker("http"), s.limits()), unobserved)
	if err != nil {
		return err
	}
	listener, err := config.ToListener(ctx)
	if err != nil {
		return fmt.Errorf("listen on %q: %w", config.NetAddr.Endpoint, err)
	}
	s.httpServer, s.httpAddr = server, listener.Addr()
	s.servers.Go(func() {
		if err := server.Serve(listener); err != nil && !errors.Is(err, http.ErrServerClosed) {
			componentstatus.ReportStatus(host, componentstatus.NewPermanentErrorEvent(fmt.Errorf("serve scores over HTTP: %w", err)))
		}
	})
	return nil
}

func (s *riskState) serveGRPC(ctx context.Context, host component.Host) error {
	config := s.config.Scoring.GRPC.Get()
	if config == nil {
		return nil
	}
	server, err := config.ToServer(ctx, host.GetExtensions(), s.serverTelemetry())
	if err != nil {
		return err
	}
	listener, err := config.NetAddr.Listen(ctx)
	if err != nil {
		return fmt.Errorf("listen on %q: %w", config.NetAddr.Endpoint, err)
	}
	scorepb.RegisterRiskServer(server, &grpcAPI{asker: s.asker("grpc"), limits: s.limits()})
	s.grpcServer, s.grpcAddr = server, listener.Addr()
	s.servers.Go(func() {
		if err := server.Serve(listener); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			componentstatus.ReportStatus(host, componentstatus.NewPermanentErrorEvent(fmt.Errorf("serve scores over gRPC: %w", err)))
		}
	})
	return nil
}

// stopServing lets running questions finish until ctx ends.
func (s *riskState) stopServing(ctx context.Context) (err error) {
	if s.httpServer != nil {
		if err = s.httpServer.Shutdown(ctx); err != nil {
			err = errors.Join(fmt.Errorf("stop serving scores over HTTP: %w", err), s.httpServer.Close())
		}
	}
	if s.grpcServer != nil {
		stopped := make(chan struct{})
		go func() { s.grpcServer.GracefulStop(); close(stopped) }()
		select {
		case <-stopped:
		case <-ctx.Done():
			s.grpcServer.Stop()
			<-stopped
		}
	}
	s.servers.Wait()
	return err
}
