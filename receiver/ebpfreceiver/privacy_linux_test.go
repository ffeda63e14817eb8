// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/metadata"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/procinfo"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol/tls"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/stream"
)

// sayAll has an exchange in which everything that must not leave says so, and resets the connection.
func sayAll(t *testing.T, listener net.Listener) {
	t.Helper()
	client, server := tcpPair(t, listener)
	request := "POST /path?secret=secret&page=7&token=secret#secret HTTP/1.1\r\nHost: user:secret@shop\r\n" +
		"Authorization: Bearer secret\r\nCookie: id=secret\r\nX-Secret: secret\r\nX-Request-ID: 42\r\n" +
		"Content-Type: text/plain\r\nContent-Length: 6\r\n\r\nsecret"
	response := "HTTP/1.1 500 secret\r\nSet-Cookie: id=secret\r\nServer: shop\r\nX-Secret: secret\r\nContent-Length: 6\r\n\r\nsecret"
	for _, message := range []struct {
		from, to net.Conn
		text     string
	}{{client, server, request}, {server, client, response}} {
		_, err := io.WriteString(message.from, message.text)
		require.NoError(t, err)
		_, err = io.ReadFull(message.to, make([]byte, len(message.text)))
		require.NoError(t, err)
	}
	require.NoError(t, client.SetLinger(0))
	require.NoError(t, client.Close())
}

// TestNothingLeavesThatIsNotNamed looks for what must not leave in all that the receiver passes on.
func TestNothingLeavesThatIsNotNamed(t *testing.T) {
	needRoot(t)
	for name, privacy := range map[string]PrivacyConfig{
		"by default": {},
		"with lists": {
			RequestHeaders: []string{"X-Request-Id"}, ResponseHeaders: []string{"server"}, QueryParameters: []string{"page"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			listener, port := plainListener(t)
			cfg := onlyPort(port)
			cfg.Privacy, cfg.Metrics.CollectionInterval = privacy, time.Hour
			set, factory := receivertest.NewNopSettings(metadata.Type), NewFactory()
			spans, metrics, logs := &consumertest.TracesSink{}, &consumertest.MetricsSink{}, &consumertest.LogsSink{}
			r, err := factory.CreateTraces(t.Context(), set, cfg, spans)
			require.NoError(t, err)
			_, err = factory.CreateMetrics(t.Context(), set, cfg, metrics)
			require.NoError(t, err)
			_, err = factory.CreateLogs(t.Context(), set, cfg, logs)
			require.NoError(t, err)
			require.NoError(t, r.Start(t.Context(), componenttest.NewNopHost()))
			sayAll(t, listener)
			got := await(t, spans, 2)
			awaitLogs(t, logs, 2)
			require.NoError(t, r.Shutdown(t.Context()))

			all := allOf(t, spans, metrics, logs)
			assert.NotContains(t, all, "secret")
			assert.Contains(t, all, "/path", "the test looks at the right thing")
			for _, f := range got {
				attributes := f.span.Attributes().AsRaw()
				if len(privacy.QueryParameters) == 0 {
					for key := range attributes {
						assert.NotContains(t, key, "header")
						assert.NotEqual(t, "url.query", key)
					}
					continue
				}
				assert.Equal(t, []any{"42"}, attributes["http.request.header.x-request-id"])
				assert.Equal(t, []any{"shop"}, attributes["http.response.header.server"])
				if f.span.Kind() == ptrace.SpanKindServer {
					assert.Equal(t, "page=7", attributes["url.query"])
				} else {
					assert.Equal(t, "http://shop/path?page=7", attributes["url.full"])
				}
			}
		})
	}
}

// The same lists and patterns hold for HTTP/2, whose fields are compressed, whichever end sees them.
func TestHeaderFieldsOfHTTP2LeaveByNameOnly(t *testing.T) {
	server, client := cleartextHTTP2(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Server", "shop of jane")
		w.Header().Set("X-Secret", "secret")
		w.Header().Set("Set-Cookie", "id=secret")
	})
	cfg := configFor(server)
	cfg.Privacy = PrivacyConfig{
		RequestHeaders: []string{"X-Request-Id"}, ResponseHeaders: []string{"server"}, Redact: []string{"jane"},
	}
	sink := &consumertest.TracesSink{}
	start(t, receivertest.NewNopSettings(metadata.Type), cfg, sink)
	const requests = 3
	for range requests {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/?secret=secret", http.NoBody)
		require.NoError(t, err)
		request.Header["X-Request-Id"] = []string{"1", "jane-2"}
		request.Header.Set("Authorization", "Bearer secret")
		request.Header.Set("X-Secret", "secret")
		response, err := client.Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
	}
	for _, f := range await(t, sink, 2*requests) {
		attributes := f.span.Attributes().AsRaw()
		assert.Equal(t, []any{"1", "REDACTED-2"}, attributes["http.request.header.x-request-id"])
		assert.Equal(t, []any{"shop of REDACTED"}, attributes["http.response.header.server"])
		assert.NotContains(t, fmt.Sprint(attributes), "secret")
	}
}

// What a span does not say, no metric and no log record says either: methods of calls, and names in handshakes.
func TestWhatAPatternMatchesIsInNoMetricAndNoLogRecord(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	cfg.Privacy.Redact = []string{"jane"}
	s := newSinks(cfg, consumers{metrics: consumertest.NewNop(), logs: consumertest.NewNop()}, origin{})
	of := &procinfo.Process{}
	s.measure(&protocol.Exchange{Kind: protocol.GRPC, RPC: protocol.RPC{Method: []byte("users/jane")}}, of)
	shown := func() *tls.Chain { return &tls.Chain{Subject: "CN=jane", Issuer: "O=jane's", Length: 1} }
	s.shaken(&stream.Handshake{Handshake: tls.Handshake{
		Failure: tls.Closed, Step: tls.AfterClientFlight, ServerChain: shown(), ClientChain: shown(),
		Client: tls.Client{ServerName: "jane.shop", Protocols: []string{"jane/1"}}, Server: tls.Server{Version: 0x303, Protocol: "jane/1"},
	}}, of)
	metrics, logs := &consumertest.MetricsSink{}, &consumertest.LogsSink{}
	collected, _ := s.store.Collect(time.Now())
	require.NoError(t, metrics.ConsumeMetrics(t.Context(), collected))
	s.logs.Close()
	s.logs.Run(t.Context(), func(ctx context.Context, batch plog.Logs, _ int) { assert.NoError(t, logs.ConsumeLogs(ctx, batch)) })
	require.Equal(t, 1, logs.LogRecordCount())
	all := allOf(t, &consumertest.TracesSink{}, metrics, logs)
	assert.NotContains(t, all, "jane")
	for _, left := range []string{"users/REDACTED", "REDACTED.shop", "REDACTED/1", "CN=REDACTED", "O=REDACTED's"} {
		assert.Contains(t, all, left)
	}
}

// allOf returns everything that was passed on, as text.
func allOf(t *testing.T, spans *consumertest.TracesSink, metrics *consumertest.MetricsSink, logs *consumertest.LogsSink) string {
	t.Helper()
	var all string
	add := func(text []byte, err error) {
		require.NoError(t, err)
		all += string(text)
	}
	for _, traces := range spans.AllTraces() {
		add((&ptrace.JSONMarshaler{}).MarshalTraces(traces))
	}
	for _, m := range metrics.AllMetrics() {
		add((&pmetric.JSONMarshaler{}).MarshalMetrics(m))
	}
	for _, l := range logs.AllLogs() {
		add((&plog.JSONMarshaler{}).MarshalLogs(l))
	}
	require.NotEmpty(t, metrics.AllMetrics())
	return fmt.Sprint(all)
}
