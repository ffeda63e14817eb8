// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/otelcol-risk/otelcol-risk/tests/harness"
)

const (
	gatewayConfig   = "../../distro/config/gateway.yaml"
	gatewayPayloads = 40
	gatewayLimit    = 30 * time.Second
)

// TestGatewayTakesOTLPAndLeavesScoredSpansInKafka runs the built binary with the shipped configuration.
func TestGatewayTakesOTLPAndLeavesScoredSpansInKafka(t *testing.T) {
	binary := os.Getenv("OTELCOL_RISK_BIN")
	if binary == "" {
		t.Skip("needs the collector: run make test, or set OTELCOL_RISK_BIN")
	}
	b := useBroker(t)
	topic := newTopic(t, b)
	collector, url := startGateway(t, binary, b.Addrs(), topic)
	m := newMaker(1)
	var sent []item
	for range gatewayPayloads {
		payload := m.traces()
		sent = append(sent, splitTraces(withoutRisk(t, payload, false))...)
		post(t, url, payload)
	}
	if err := collector.Stop(gatewayLimit); err != nil {
		t.Fatal(err)
	}

	records := readBack(t, b, topic)
	requireOnePartitionPerKey(t, records)
	var found []item
	for _, record := range records {
		payload, err := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(record.Value)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range splitTraces(withoutRisk(t, payload, true)) {
			if i.trace != string(record.Key) {
				t.Fatalf("a record with key %q holds a span of trace %q", record.Key, i.trace)
			}
			found = append(found, i)
		}
	}
	requireExactlyOnce(t, sent, found)
}

// startGateway runs the collector so that it keeps every span, and returns where it takes OTLP over HTTP.
func startGateway(t *testing.T, binary string, brokers []string, topic string) (*harness.Collector, string) {
	t.Helper()
	addrs, err := harness.FreeAddrs(4)
	if err != nil {
		t.Fatal(err)
	}
	collector, err := harness.StartCollector(t.Context(), harness.CollectorSpec{
		Binary: binary,
		Config: gatewayConfig,
		Env: []string{
			"KAFKA_BROKERS=" + strings.Join(brokers, ","),
			"KAFKA_TOPIC=" + topic,
			"SAMPLE_PERCENTAGE=100",
			"OTLP_GRPC_ENDPOINT=" + addrs[0],
			"OTLP_HTTP_ENDPOINT=" + addrs[1],
			"HEALTH_CHECK_ENDPOINT=" + addrs[2],
			"METRICS_PORT=" + strings.TrimPrefix(addrs[3], "127.0.0.1:"),
		},
		Log: filepath.Join(t.TempDir(), "collector.log"),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := collector.Kill(); err != nil {
			t.Error(err)
		}
	})
	return collector, "http://" + addrs[1] + "/v1/traces"
}

// post sends one payload, which the gateway confirms once Kafka has it.
func post(t *testing.T, url string, payload ptrace.Traces) {
	t.Helper()
	body, err := ptraceotlp.NewExportRequestFromTraces(payload).MarshalProto()
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-protobuf")
	client := &http.Client{Timeout: gatewayLimit, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK {
		t.Fatalf("the gateway answered %s", response.Status)
	}
}

// withoutRisk removes what the risk processor writes, so that the rest can be compared. If scored, every span must have
// a score and a level.
func withoutRisk(t *testing.T, payload ptrace.Traces, scored bool) ptrace.Traces {
	t.Helper()
	for _, resource := range payload.ResourceSpans().All() {
		for _, scope := range resource.ScopeSpans().All() {
			for _, span := range scope.Spans().All() {
				score, hasScore := span.Attributes().Get("risk.score")
				level, hasLevel := span.Attributes().Get("risk.level")
				if scored && (!hasScore || score.Double() < 0 || score.Double() > 1 || !hasLevel || level.Str() == "") {
					t.Fatalf("span has attributes %v", span.Attributes().AsRaw())
				}
				span.Attributes().RemoveIf(func(key string, _ pcommon.Value) bool { return strings.HasPrefix(key, "risk.") })
				span.TraceState().FromRaw("")
			}
		}
	}
	return payload
}
