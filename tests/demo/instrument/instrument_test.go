// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package instrument

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"go.uber.org/goleak"

	"github.com/otelcol-risk/otelcol-risk/tests/demo/tally"
	"github.com/otelcol-risk/otelcol-risk/tests/harness"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sink is a collector that keeps what it is sent.
type sink struct {
	*httptest.Server
	mu    sync.Mutex // guards spans
	spans []harness.Span
}

func newSink(t *testing.T) *sink {
	t.Helper()
	s := &sink{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		request := ptraceotlp.NewExportRequest()
		if err := request.UnmarshalProto(body); err != nil {
			t.Error(err)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.spans = harness.AppendSpans(s.spans, request.Traces())
	}))
	t.Cleanup(s.Close)
	return s
}

// record runs a recorder for the time of work and returns its counts.
func record(addr string, work func(*Recorder)) tally.Tally {
	var counter tally.Counter
	recorder := New("shop", addr, &counter)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { recorder.Run(ctx) })
	work(recorder)
	cancel()
	running.Wait()
	return counter.Tally()
}

func TestBothEndsOfAnExchangeAreRecordedAsOneTrace(t *testing.T) {
	collector := newSink(t)
	counts := record(collector.Listener.Addr().String(), func(r *Recorder) {
		shop := httptest.NewServer(r.Handler(http.NotFoundHandler()))
		defer shop.Close()
		client := http.Client{Transport: r.Transport(shop.Client().Transport)}
		response, err := client.Get(shop.URL + "/products/7?session=secret")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, response.Body); err != nil {
			t.Error(err)
		}
		if err := response.Body.Close(); err != nil {
			t.Error(err)
		}
	})
	if counts.Unexported != 0 || len(collector.spans) != 2 {
		t.Fatalf("%d spans, counts %+v", len(collector.spans), counts)
	}
	server, client := collector.spans[0], collector.spans[1]
	if server.Kind() != ptrace.SpanKindServer {
		server, client = client, server
	}
	if server.TraceID() != client.TraceID() || server.ParentSpanID() != client.SpanID() || !client.ParentSpanID().IsEmpty() {
		t.Errorf("server %v below %v, client %v", server.SpanID(), server.ParentSpanID(), client.SpanID())
	}
	for key, want := range map[string]string{
		"url.path": "/products/7", "http.response.status_code": "404", "client.address": "127.0.0.1", "error.type": "",
	} {
		if got := server.Attr(key); got != want {
			t.Errorf("server's %s is %q, want %q", key, got, want)
		}
	}
	if got := client.Attr("url.full"); !strings.HasSuffix(got, "/products/7") || client.Attr("error.type") != "404" {
		t.Errorf("client's URL is %q, error %q", got, client.Attr("error.type"))
	}
	if server.ResourceAttr("service.name") != "shop" || server.EndTimestamp() < server.StartTimestamp() {
		t.Error("resource or times are wrong")
	}
}

func TestSpansThatCannotBeSentAreCounted(t *testing.T) {
	refusing := httptest.NewServer(http.NotFoundHandler())
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	defer refusing.Close()
	for _, server := range []*httptest.Server{refusing, closed} {
		counts := record(server.Listener.Addr().String(), func(r *Recorder) {
			handler := r.Handler(http.NotFoundHandler())
			handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", http.NoBody))
		})
		if counts.Unexported != 1 {
			t.Errorf("counts are %+v", counts)
		}
	}
}

func TestTraceparentIsReadAsItIsWritten(t *testing.T) {
	id := root()
	got, ok := parseTraceparent(id.traceparent())
	if !ok || got.trace != id.trace || got.span != id.span {
		t.Errorf("%q is read as %+v", id.traceparent(), got)
	}
}

func FuzzParseTraceparent(f *testing.F) {
	f.Add("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	f.Add("00-00000000000000000000000000000000-b7ad6b7169203331-01")
	f.Add("---")
	f.Fuzz(func(t *testing.T, header string) {
		id, ok := parseTraceparent(header)
		if !ok {
			return
		}
		if id.trace.IsEmpty() || id.span.IsEmpty() {
			t.Errorf("%q has an empty id", header)
		}
		if again := id.traceparent(); !strings.EqualFold(again[:52], header[:52]) {
			t.Errorf("%q is written as %q", header, again)
		}
	})
}

func BenchmarkParseTraceparent(b *testing.B) {
	header := root().traceparent()
	b.ReportAllocs()
	b.SetBytes(int64(len(header)))
	for b.Loop() {
		if _, ok := parseTraceparent(header); !ok {
			b.Fatal("not read")
		}
	}
}
