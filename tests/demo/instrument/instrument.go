// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package instrument makes the demo's programs record their own spans and send them over OTLP/HTTP, for hosts on which
// the sockets cannot be watched. It stands in for an OpenTelemetry SDK, so that the demo needs none; the spans have the
// attributes that docs/attributes.md lists.
//
//	request --> Handler  (server span, parent from traceparent) --+
//	                                                               +--> buffer --> Run --> POST /v1/traces
//	request --> Transport (client span, traceparent added)      --+
package instrument

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/otelcol-risk/otelcol-risk/tests/demo/tally"
)

// Recorder collects the spans of one program. Its methods may be called by several goroutines.
type Recorder struct {
	url     string
	counter *tally.Counter
	client  *http.Client
	service string

	mu struct {
		sync.Mutex // guards the following
		traces     ptrace.Traces
		spans      ptrace.SpanSlice // of traces
	}
}

// New returns a recorder that sends to the collector at addr, host:port, and counts what it could not send.
func New(service, addr string, counter *tally.Counter) *Recorder {
	r := &Recorder{
		url: "http://" + addr + "/v1/traces", counter: counter, service: service,
		client: &http.Client{Transport: &http.Transport{}, Timeout: sendTimeout},
	}
	r.reset()
	return r
}

const (
	flushInterval = 200 * time.Millisecond
	sendTimeout   = 5 * time.Second
)

// Run sends what was recorded from time to time until ctx ends, then sends the rest. Nothing may be recorded after
// that.
func (r *Recorder) Run(ctx context.Context) {
	ticker := time.NewTicker(flushInterval)
	defer ticker.Stop()
	defer r.client.CloseIdleConnections()
	for {
		select {
		case <-ticker.C:
			r.flush()
		case <-ctx.Done():
			r.flush()
			return
		}
	}
}

// flush sends what was recorded. A span that the collector did not take is counted: trying again could double it.
func (r *Recorder) flush() {
	r.mu.Lock()
	traces, count := r.mu.traces, r.mu.spans.Len()
	r.reset()
	r.mu.Unlock()
	if count == 0 {
		return
	}
	if err := r.send(traces); err != nil {
		fmt.Fprintln(os.Stderr, err)
		r.counter.Unexported(count)
	}
}

func (r *Recorder) send(traces ptrace.Traces) error {
	body, err := ptraceotlp.NewExportRequestFromTraces(traces).MarshalProto()
	if err != nil {
		return fmt.Errorf("encode spans: %w", err)
	}
	response, err := r.client.Post(r.url, "application/x-protobuf", bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("send spans: %w", err)
	}
	defer response.Body.Close() //nolint:errcheck // closing a body that was read tells nothing
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return fmt.Errorf("send spans: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("send spans: answered %q", response.Status)
	}
	return nil
}

// reset begins a new buffer. The caller holds the lock, or is alone.
func (r *Recorder) reset() {
	r.mu.traces = ptrace.NewTraces()
	resource := r.mu.traces.ResourceSpans().AppendEmpty()
	attrs := resource.Resource().Attributes()
	attrs.PutStr("service.name", r.service)
	attrs.PutInt("process.pid", int64(os.Getpid()))
	attrs.PutStr("process.executable.name", filepath.Base(os.Args[0]))
	r.mu.spans = resource.ScopeSpans().AppendEmpty().Spans()
}

// record adds a finished span.
func (r *Recorder) record(id identity, kind ptrace.SpanKind, method string, start time.Time, fill func(pcommon.Map)) {
	end := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	span := r.mu.spans.AppendEmpty()
	span.SetName(method)
	span.SetKind(kind)
	span.SetTraceID(id.trace)
	span.SetSpanID(id.span)
	span.SetParentSpanID(id.parent)
	span.SetStartTimestamp(pcommon.NewTimestampFromTime(start))
	span.SetEndTimestamp(pcommon.NewTimestampFromTime(end))
	span.Attributes().PutStr("http.request.method", method)
	fill(span.Attributes())
}
