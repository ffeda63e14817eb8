// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"context"
	"errors"
	"sync/atomic"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/bpfobj"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/cause"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/exchange"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/metadata"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/procinfo"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/stream"
)

// telemetry is what the receiver says of itself. Safe for concurrent use.
type telemetry struct {
	builder *metadata.TelemetryBuilder
	sides   [2]metric.MeasurementOption
	filters metric.MeasurementOption
}

func newTelemetry(settings component.TelemetrySettings) (*telemetry, error) {
	builder, err := metadata.NewTelemetryBuilder(settings)
	if err != nil {
		return nil, err
	}
	side := func(s protocol.Side) metric.MeasurementOption {
		return metric.WithAttributeSet(attribute.NewSet(attribute.String("side", s.String())))
	}
	return &telemetry{
		builder: builder,
		sides:   [2]metric.MeasurementOption{side(protocol.Server), side(protocol.Client)},
		filters: reason("executable"),
	}, nil
}

func reason(value string) metric.MeasurementOption {
	return metric.WithAttributeSet(attribute.NewSet(attribute.String("reason", value)))
}

// count adds spans built, by side, and exchanges that a filter left out.
func (t *telemetry) count(exchanges [2]int64, filtered int64) {
	for side, n := range exchanges {
		if n > 0 {
			t.builder.ReceiverEbpfExchanges.Add(context.Background(), n, t.sides[side])
		}
	}
	if filtered > 0 {
		t.builder.ReceiverEbpfFiltered.Add(context.Background(), filtered, t.filters)
	}
}

// sources is what the observed instruments read.
type sources struct {
	kernel    func() (bpfobj.Counters, error)
	assembler *exchange.Counts
	streams   *stream.Counts
	thinned   *atomic.Int64
	records   func() uint64
	processes func() procinfo.Stats
	causes    *cause.Correlator // nil: there are none
	sinks     *sinks
	thinning  *thinning // nil: nothing may be left out
}

// observe registers the instruments that are read when somebody asks for them.
func (t *telemetry) observe(s sources) error {
	return errors.Join(
		t.builder.RegisterReceiverEbpfEventsCallback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(int64(s.records()))
			return nil
		}),
		t.builder.RegisterReceiverEbpfOpenExchangesCallback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(s.assembler.Open.Load() + s.streams.Open.Load())
			return nil
		}),
		t.builder.RegisterReceiverEbpfProcessesCallback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(s.processes().Processes)
			return nil
		}),
		t.builder.RegisterReceiverEbpfConnectionsOffCallback(s.observeKernel(func(c bpfobj.Counters) map[string]uint64 { return c.Off })),
		t.builder.RegisterReceiverEbpfDegradedCallback(s.observeDegraded),
		t.builder.RegisterReceiverEbpfLostCallback(s.observeLost),
		t.builder.RegisterReceiverEbpfLogsDroppedCallback(func(_ context.Context, o metric.Int64Observer) error {
			if s.sinks.logs != nil {
				o.Observe(s.sinks.logs.Dropped(), reason("pending"))
			}
			return nil
		}),
		t.builder.RegisterReceiverEbpfSeriesCallback(func(_ context.Context, o metric.Int64Observer) error {
			if s.sinks.store != nil {
				o.Observe(s.sinks.store.Series())
			}
			return nil
		}),
		t.builder.RegisterReceiverEbpfSeriesOverflowedCallback(func(_ context.Context, o metric.Int64Observer) error {
			if s.sinks.store != nil {
				o.Observe(s.sinks.store.Overflowed())
			}
			return nil
		}),
		t.observeThinning(s),
		t.builder.RegisterReceiverEbpfRestedCallback(s.observeCount(func(c bpfobj.Counters) uint64 { return c.Rested })),
		t.builder.RegisterReceiverEbpfSweptCallback(s.observeCount(func(c bpfobj.Counters) uint64 { return c.Swept })),
		t.builder.RegisterReceiverEbpfThinnedCallback(s.observeCount(func(c bpfobj.Counters) uint64 { return c.Thinned + uint64(s.thinned.Load()) })),
		t.builder.RegisterReceiverEbpfRequestsCallback(func(_ context.Context, o metric.Int64Observer) error {
			counters, err := s.kernel()
			if err == nil {
				o.Observe(int64(counters.Requests) + s.streams.Requests.Load())
			}
			return err
		}),
	)
}

// observeThinning registers those that say what is left out.
func (t *telemetry) observeThinning(s sources) error {
	return errors.Join(
		t.builder.RegisterReceiverEbpfCPUShareCallback(func(_ context.Context, o metric.Float64Observer) error {
			if s.budget() {
				o.Observe(s.thinning.Share())
			}
			return nil
		}),
		t.builder.RegisterReceiverEbpfProbabilityCallback(func(_ context.Context, o metric.Float64Observer) error {
			if s.budget() {
				o.Observe(s.thinning.Probability())
			}
			return nil
		}),
		t.builder.RegisterReceiverEbpfFollowedCallback(func(_ context.Context, o metric.Float64Observer) error {
			if s.budget() {
				o.Observe(s.thinning.Followed())
			}
			return nil
		}),
		t.builder.RegisterReceiverEbpfStreamsFollowedCallback(func(_ context.Context, o metric.Float64Observer) error {
			if s.thinning != nil {
				o.Observe(s.thinning.Streams())
			}
			return nil
		}),
	)
}

// budget says whether there is one.
func (s *sources) budget() bool { return s.thinning != nil && s.thinning.controller != nil }

// observeCount reads one of the kernel's counters.
func (s *sources) observeCount(of func(bpfobj.Counters) uint64) metric.Int64Callback {
	return func(_ context.Context, o metric.Int64Observer) error {
		counters, err := s.kernel()
		if err == nil {
			o.Observe(int64(of(counters)))
		}
		return err
	}
}

// observeKernel reads one group of the kernel's counters.
func (s *sources) observeKernel(group func(bpfobj.Counters) map[string]uint64) metric.Int64Callback {
	return func(_ context.Context, o metric.Int64Observer) error {
		counters, err := s.kernel()
		if err != nil {
			return err
		}
		for why, n := range group(counters) {
			o.Observe(int64(n), reason(why))
		}
		return nil
	}
}

func (s *sources) observeLost(ctx context.Context, o metric.Int64Observer) error {
	o.Observe(s.assembler.BadRecord.Load()+s.streams.BadRecord.Load(), reason("malformed_record"))
	o.Observe(s.assembler.BadRequest.Load(), reason("malformed_request"))
	o.Observe(s.assembler.BadResponse.Load(), reason("malformed_response"))
	o.Observe(s.assembler.Orphaned.Load(), reason("no_final_response"))
	o.Observe(s.assembler.Unaligned.Load(), reason("request_unaligned"))
	o.Observe(s.streams.Missed.Load(), reason("stream_missed"))
	return s.observeKernel(func(c bpfobj.Counters) map[string]uint64 { return c.Lost })(ctx, o)
}

func (s *sources) observeDegraded(ctx context.Context, o metric.Int64Observer) error {
	o.Observe(s.assembler.Evicted.Load()+s.streams.Evicted.Load(), reason("evicted"))
	o.Observe(s.assembler.TimedOut.Load()+s.streams.TimedOut.Load(), reason("timed_out"))
	o.Observe(s.assembler.EndUnknown.Load(), reason("end_unknown"))
	o.Observe(s.streams.Gaps.Load(), reason("stream_gap"))
	o.Observe(s.streams.Malformed.Load(), reason("stream_malformed"))
	o.Observe(s.streams.Unknown.Load(), reason("stream_unknown"))
	o.Observe(s.streams.Forgotten.Load(), reason("stream_forgotten"))
	o.Observe(s.streams.Unmatched.Load(), reason("stream_response_unmatched"))
	o.Observe(s.streams.UnknownFields.Load(), reason("header_unknown"))
	o.Observe(s.streams.CutHeaders.Load(), reason("header_truncated"))
	o.Observe(s.streams.Pushed.Load(), reason("pushed"))
	o.Observe(s.streams.Handshakes.Load(), reason("handshake_unfinished"))
	processes := s.processes()
	o.Observe(processes.Ended, reason("process_ended"))
	o.Observe(processes.Denied, reason("process_denied"))
	o.Observe(processes.Uncertain, reason("process_uncertain"))
	o.Observe(s.assembler.Truncated.Load(), reason("head_truncated"))
	if s.causes != nil {
		o.Observe(s.causes.Counts.Unknown.Load(), reason("cause_unknown"))
		o.Observe(s.causes.Counts.Unplaced.Load(), reason("parent_missed"))
	}
	return s.observeKernel(func(c bpfobj.Counters) map[string]uint64 { return c.Degraded })(ctx, o)
}
