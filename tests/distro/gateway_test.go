// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package distro

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/otelcol-risk/otelcol-risk/tests/harness"
)

// startGateway starts the shipped gateway configuration beside a broker and returns where it takes OTLP over HTTP.
func startGateway(ctx context.Context, t *testing.T) (*harness.Collector, string) {
	t.Helper()
	broker, err := harness.StartBroker(1, "otlp_spans")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	addrs, err := harness.FreeAddrs(4)
	if err != nil {
		t.Fatal(err)
	}
	gateway, err := harness.StartCollector(ctx, harness.CollectorSpec{
		Binary: binary(t),
		Config: filepath.Join(root, "distro", "config", "gateway.yaml"),
		Env: []string{
			"KAFKA_BROKERS=" + broker.Addr(),
			"OTLP_HTTP_ENDPOINT=" + addrs[0],
			"OTLP_GRPC_ENDPOINT=" + addrs[1],
			"HEALTH_CHECK_ENDPOINT=" + addrs[2],
			"METRICS_PORT=" + addrs[3][len("127.0.0.1:"):],
		},
		Log: filepath.Join(t.TempDir(), "gateway.log"),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := gateway.Stop(20 * time.Second); err != nil {
			t.Error(err)
		}
	})
	return gateway, "http://" + addrs[0] + "/v1/traces"
}

// refused is what post returns when the server closed the connection before it had read the whole body. Whether the
// client then sees the answer or only the end is up to the two TCP stacks.
const refused = http.StatusRequestEntityTooLarge

// post sends a body and returns the status.
func post(ctx context.Context, t *testing.T, url, encoding string, body []byte) int {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-protobuf")
	if encoding != "" {
		request.Header.Set("Content-Encoding", encoding)
	}
	client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		return refused
	}
	if err != nil {
		t.Fatalf("post %d bytes: %v", len(body), err)
	}
	if err := response.Body.Close(); err != nil {
		t.Error(err)
	}
	return response.StatusCode
}

// TestGatewayOutlivesHostileRequests holds the shipped limits against known weaknesses of the Collector's version.
func TestGatewayOutlivesHostileRequests(t *testing.T) {
	gateway, url := startGateway(t.Context(), t)
	const limit = 4 << 20

	if status := post(t.Context(), t, url, "", trace(nil)); status != http.StatusOK {
		t.Fatalf("a small request is answered with %d", status)
	}
	// Deeper than this a body cannot nest without being refused for its size. Whether it is taken or not: it must not
	// end the process.
	deep := trace(nested(limit - 1024))
	if len(deep) > limit {
		t.Fatalf("the deep request has %d bytes, more than the limit of %d", len(deep), limit)
	}
	t.Logf("a value nested in %d bytes is answered with %d", len(deep), post(t.Context(), t, url, "", deep))
	if status := post(t.Context(), t, url, "", trace(nested(2*limit))); status < 400 || status >= 500 {
		t.Errorf("a request above the limit is answered with %d, want 4xx", status)
	}
	// The deepest that the Collector's own default would let in, in a few kilobytes.
	if status := post(t.Context(), t, url, "gzip", compress(t, trace(nested(5*limit-1024)))); status < 400 || status >= 500 {
		t.Errorf("a request above the limit once it is unpacked is answered with %d, want 4xx", status)
	}
	if status := post(t.Context(), t, url, "zstd", trace(nil)); status < 400 || status >= 500 {
		t.Errorf("zstd is answered with %d, want 4xx", status)
	}

	select {
	case <-gateway.Done():
		t.Fatal(gateway.Explain(gateway.Err()))
	default:
	}
	if status := post(t.Context(), t, url, "", trace(nil)); status != http.StatusOK {
		t.Errorf("afterwards, a small request is answered with %d", status)
	}
}

func compress(t *testing.T, body []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// prepender builds a protobuf message from its end, which makes nested lengths known before they are written.
type prepender struct {
	buffer []byte // reversed
}

// wrap turns what is there into a length-delimited field with a number below 16.
func (p *prepender) wrap(field byte) {
	var varint []byte
	n := len(p.buffer)
	for ; n >= 0x80; n >>= 7 {
		varint = append(varint, byte(n)|0x80)
	}
	varint = append(varint, byte(n))
	slices.Reverse(varint)
	p.buffer = append(append(p.buffer, varint...), field<<3|2)
}

// put sets a field of bytes before what is there.
func (p *prepender) put(field byte, value string) {
	inner := prepender{}
	for i := len(value) - 1; i >= 0; i-- {
		inner.buffer = append(inner.buffer, value[i])
	}
	inner.wrap(field)
	p.buffer = append(p.buffer, inner.buffer...)
}

func (p *prepender) bytes() []byte {
	message := slices.Clone(p.buffer)
	slices.Reverse(message)
	return message
}

// nested returns an AnyValue of about size bytes that is a list of one list of one list and so on.
func nested(size int) []byte {
	var p prepender
	for len(p.buffer) < size-16 {
		p.wrap(1) // ArrayValue.values
		p.wrap(5) // AnyValue.array_value
	}
	return p.bytes()
}

// trace returns an ExportTraceServiceRequest with one span, whose attribute "a" is the AnyValue if that is not nil.
func trace(value []byte) []byte {
	var p prepender
	if value != nil {
		slices.Reverse(value)
		p.buffer = value
		p.wrap(2) // KeyValue.value
		p.put(1, "a")
		p.wrap(9) // Span.attributes
	}
	p.put(5, "GET")              // Span.name
	p.put(2, "\x01span-id")      // Span.span_id
	p.put(1, "0123456789abcdef") // Span.trace_id
	p.wrap(2)                    // ScopeSpans.spans
	p.wrap(2)                    // ResourceSpans.scope_spans
	p.wrap(1)                    // ExportTraceServiceRequest.resource_spans
	return p.bytes()
}
