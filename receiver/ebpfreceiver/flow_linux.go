// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.uber.org/zap"
	"golang.org/x/sys/unix"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/cause"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/event"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/exchange"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/procinfo"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/spans"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/stream"
)

// flow is the way of a record, in the order of the calls:
//
//	ring.Reader -> exchange.Assembler -> admit (procinfo, executables) -> sinks: spans.Builder -> batches -> sender
//	                                                                             metrics.HTTP
//
// Everything up to batches runs in the goroutine that reads the ring. A next consumer that is slow fills batches, then
// the ring, and the kernel counts what finds no room: nothing waits in unbounded memory.
type flow struct {
	cfg       *Config
	logger    *zap.Logger
	telemetry *telemetry
	clock     exchange.Clock
	assembler *exchange.Assembler
	streams   *stream.Tracker
	owners    *owners
	causes    *cause.Correlator // nil: nobody wants to know
	sinks     *sinks
	batches   chan ptrace.Traces
	drained   chan struct{} // closed when nothing more comes
	firstSpan time.Time     // when the first span of the batch that is being built was added
	now       time.Time     // as of the last look at the clock
	records   int           // since the last look at the clock
	expired   uint64        // CLOCK_MONOTONIC ns of the last look for what is quiet
	exchanges [2]int64      // spans built since they were last counted, by protocol.Side
	filtered  int64         // exchanges left out since they were last counted
	threshold atomic.Uint64 // of exchanges of streams: those whose randomness is below become no span
	thinned   atomic.Int64  // these
}

const (
	// maxBatches is how many built batches may wait for the next consumer.
	maxBatches = 4
	// recordsPerTick bounds how often a busy flow looks at the clock, which costs as much as a tenth of a record.
	recordsPerTick = 64
	// expireEvery bounds how often, in ns, what is quiet is looked for: a look passes all that has been quiet for a while.
	expireEvery = 50_000_000
)

// newFlow returns a flow that waits for its first record.
func newFlow(cfg *Config, logger *zap.Logger, t *telemetry, owners *owners, to *sinks) *flow {
	f := &flow{
		cfg: cfg, logger: logger, telemetry: t, owners: owners, sinks: to,
		batches: make(chan ptrace.Traces, maxBatches),
		drained: make(chan struct{}),
	}
	f.assembler = exchange.New(exchange.Settings{
		MaxOpen: cfg.MaxOpenExchanges, Timeout: cfg.ExchangeTimeout, Owner: f.know,
		RequestFields: fieldNames(cfg.Privacy.RequestHeaders), ResponseFields: fieldNames(cfg.Privacy.ResponseHeaders),
	}, &f.clock, f.admit)
	f.streams = stream.New(f.streamSettings(), &f.clock, f)
	if cfg.Causes && (to.spans != nil || to.logs != nil) {
		f.causes = cause.New(f.causeSettings())
	}
	f.tick()
	return f
}

// streamSettings says how streams are followed. Metrics alone need little of a call.
func (f *flow) streamSettings() stream.Settings {
	cfg := f.cfg
	s := stream.Settings{
		MaxOpen: cfg.MaxOpenExchanges, Timeout: cfg.ExchangeTimeout,
		MaxMemory: cfg.Streams.MaxMemory, MaxHeaders: cfg.Streams.MaxHeaders,
		Bare: f.sinks.spans == nil && f.sinks.logs == nil,
	}
	if !s.Bare {
		s.RequestFields, s.ResponseFields = fieldNames(cfg.Privacy.RequestHeaders), fieldNames(cfg.Privacy.ResponseHeaders)
	}
	return s
}

// Record takes one record of the ring.
func (f *flow) Record(record []byte) {
	switch {
	case event.KindOf(record) == event.TCP:
		f.connection(record)
	case stream.Is(record):
		f.streams.Record(record)
	default:
		f.assembler.Record(record)
	}
	if f.records++; f.records >= recordsPerTick {
		f.Idle()
	}
}

// Idle does what is to be done by the clock. The ring's reader calls it when nothing is there to read.
func (f *flow) Idle() {
	f.records = 0
	if now := f.tick(); now-f.expired >= expireEvery {
		f.expired = now
		f.expire(now)
	}
	if f.waiting() == 0 {
		f.count()
	} else if f.now.Sub(f.firstSpan) >= f.cfg.Batch.Timeout {
		f.flush()
	}
}

// expire closes what has been quiet for too long.
func (f *flow) expire(now uint64) {
	f.assembler.Expire(now)
	f.streams.Expire(now)
	if f.causes != nil {
		f.causes.Expire(f.now)
	}
}

// tick reads both clocks and returns the kernel's time in ns.
func (f *flow) tick() uint64 {
	var monotonic unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &monotonic); err != nil {
		f.logger.Error("read monotonic clock", zap.Error(err)) // never: the clock is always there
	}
	f.now = time.Now()
	f.clock.Set(monotonic.Nano(), f.now.UnixNano())
	return uint64(monotonic.Nano())
}

// know reads the owner of a socket while its process is there.
func (f *flow) know(owner protocol.Owner) {
	if f.owners.older != nil && !owner.Inherited {
		f.owners.processes.Resolve(owner)
	}
}

// admit takes an exchange from the assembler.
func (f *flow) admit(x *protocol.Exchange) {
	if process := f.measured(x); process != nil {
		f.tell(x, process)
	}
}

// Exchange takes an exchange from the streams. Only now is known which trace it belongs to, so it is thinned here, and not in
// the kernel.
func (f *flow) Exchange(x *protocol.Exchange) {
	process := f.measured(x)
	if process == nil {
		return
	}
	if !protocol.ServerFailed(x) { // else it is told whatever the budget, as in the kernel
		x.Threshold = f.threshold.Load()
	}
	if x.Threshold > 0 && spans.Randomness(x) < x.Threshold {
		f.thinned.Add(1)
		return
	}
	f.tell(x, process)
}

// measured counts an exchange and returns the process that has the socket; nil if it is of no interest.
func (f *flow) measured(x *protocol.Exchange) *procinfo.Process {
	process := f.owners.process(&x.Owner, x.Side, x.Local.Port())
	if !f.cfg.Filter.Executables.Admits(process.Executable) {
		f.filtered++
		return nil
	}
	f.sinks.measure(x, process)
	if x.Failure == protocol.NeedsTLS {
		f.sinks.shaken(stream.Refused(x), process)
	}
	return process
}

// tell makes a span of an exchange, once it is known what failed within it.
func (f *flow) tell(x *protocol.Exchange, process *procinfo.Process) {
	if f.causes != nil {
		f.causes.Exchange(x, process, f.now)
	} else {
		f.span(x, process)
	}
}

// Handshake takes a handshake from the streams.
func (f *flow) Handshake(h *stream.Handshake) {
	process := f.owners.process(&h.Owner, h.Side, h.Local.Port())
	if f.cfg.Filter.Executables.Admits(process.Executable) {
		f.sinks.shaken(h, process)
	}
}

// span adds a span to the batch, if somebody wants spans.
func (f *flow) span(x *protocol.Exchange, process *procinfo.Process) {
	if f.sinks.spans == nil {
		return
	}
	if f.waiting() == 0 {
		f.firstSpan = f.now
	}
	f.sinks.spans.Append(x, process)
	f.exchanges[x.Side]++
	if f.waiting() >= f.cfg.Batch.MaxSpans {
		f.flush()
	}
}

// waiting is the number of spans in the batch that is being built.
func (f *flow) waiting() int {
	if f.sinks.spans == nil {
		return 0
	}
	return f.sinks.spans.Len()
}

// flush hands the batch on, waiting for room.
func (f *flow) flush() {
	f.count()
	if f.waiting() > 0 {
		f.batches <- f.sinks.spans.Take()
	}
}

// count adds up what happened since the last batch: an instrument costs too much to touch for every span.
func (f *flow) count() {
	f.telemetry.count(f.exchanges, f.filtered)
	f.exchanges, f.filtered = [2]int64{}, 0
}

// drain tells what is still open, hands on the last batch and lets the senders end.
func (f *flow) drain() {
	f.assembler.Close()
	f.streams.Close()
	if f.causes != nil {
		f.causes.Close()
	}
	f.flush()
	close(f.batches)
	close(f.drained)
	if f.sinks.logs != nil {
		f.sinks.logs.Close()
	}
}
