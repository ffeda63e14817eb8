// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package distro

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"github.com/otelcol-risk/otelcol-risk/tests/harness"
)

// asking is a collector that asks the Core Rule Set, and tells by the scoring API what came of it.
const asking = `
receivers:
  otlp: {protocols: {http: {endpoint: "${env:OTLP}"}}}
extensions:
  riskcrs:
  riskstate: {scoring: {http: {endpoint: "${env:SCORE}"}}}
processors:
  risk:
    state: riskstate
    rule_packs: [crs]
    crs: {extension: riskcrs}
exporters:
  debug:
service:
  telemetry: {metrics: {level: none}}
  extensions: [riskcrs, riskstate]
  pipelines:
    traces: {receivers: [otlp], processors: [risk], exporters: [debug]}
`

// TestCoreRuleSetInTheBinary sends a request with SQL in it from one address, and an ordinary one from another.
func TestCoreRuleSetInTheBinary(t *testing.T) {
	addrs, err := harness.FreeAddrs(2)
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(t.TempDir(), "asking.yaml")
	if err := os.WriteFile(config, []byte(asking), 0o600); err != nil {
		t.Fatal(err)
	}
	collector, err := harness.StartCollector(t.Context(), harness.CollectorSpec{
		Binary: binary(t), Config: config, Env: []string{"OTLP=" + addrs[0], "SCORE=" + addrs[1]},
		Log: filepath.Join(t.TempDir(), "asking.log"),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := collector.Stop(20 * time.Second); err != nil {
			t.Error(err)
		}
	})
	for address, query := range map[string]string{"203.0.113.7": "id=1%27%20UNION%20SELECT%20password%20FROM%20users--", "192.0.2.1": "page=2"} {
		if status := post(t.Context(), t, "http://"+addrs[0]+"/v1/traces", "", clientRequest(t, address, query)); status != http.StatusOK {
			t.Fatalf("the span is answered with %d", status)
		}
	}
	eventually(t, "the address that sent SQL is known for it", func() bool {
		reasons := askScore(t, addrs[1], `{"ip": "203.0.113.7"}`).Reasons
		return slices.Contains(reasons, "crs.attack") && slices.ContainsFunc(reasons, func(reason string) bool { return strings.HasPrefix(reason, "crs.sql(") })
	})
	if a := askScore(t, addrs[1], `{"ip": "192.0.2.1"}`); len(a.Reasons) > 0 {
		t.Errorf("the other address is known for %q", a.Reasons)
	}
}

// clientRequest is a span of a server, marshalled.
func clientRequest(t *testing.T, address, query string) []byte {
	t.Helper()
	td := ptrace.NewTraces()
	span := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	span.SetTraceID([16]byte{1})
	span.SetSpanID([8]byte{1})
	span.SetKind(ptrace.SpanKindServer)
	for key, value := range map[string]string{"client.address": address, "http.request.method": "GET", "url.path": "/items", "url.query": query} {
		span.Attributes().PutStr(key, value)
	}
	body, err := ptraceotlp.NewExportRequestFromTraces(td).MarshalProto()
	if err != nil {
		t.Fatal(err)
	}
	return body
}
