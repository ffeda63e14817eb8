// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package load

import (
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.uber.org/goleak"

	"github.com/otelcol-risk/otelcol-risk/tests/bench/discard"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestPayloadsFitIntoOneRecordAndDiffer(t *testing.T) {
	const limit = 1_000_000 // producer::max_message_bytes of both exporters
	seen := map[string]bool{}
	for variant := range variants {
		logs, err := (&plog.ProtoMarshaler{}).MarshalLogs(makeLogs(variant, Spec{}.shape()))
		if err != nil {
			t.Fatal(err)
		}
		traces, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(makeTraces(variant, Spec{}.shape()))
		if err != nil {
			t.Fatal(err)
		}
		for _, payload := range [][]byte{logs, traces} {
			if len(payload) > limit || len(payload) < limit/2 || seen[string(payload)] {
				t.Errorf("variant %d has %d bytes, seen before: %v", variant, len(payload), seen[string(payload)])
			}
			seen[string(payload)] = true
		}
		again, err := (&plog.ProtoMarshaler{}).MarshalLogs(makeLogs(variant, Spec{}.shape()))
		if err != nil || string(again) != string(logs) {
			t.Errorf("variant %d is not reproducible: %v", variant, err)
		}
	}
}

func TestNoTraceReachesAcrossResources(t *testing.T) {
	home := map[pcommon.TraceID]int{}
	for r, resource := range makeTraces(0, Spec{}.shape()).ResourceSpans().All() {
		for _, span := range resource.ScopeSpans().At(0).Spans().All() {
			if known, seen := home[span.TraceID()]; seen && known != r {
				t.Fatalf("trace %s is in resources %d and %d", span.TraceID(), known, r)
			}
			home[span.TraceID()] = r
		}
	}
	if want := resourceCount * tracesPerResource; len(home) != want {
		t.Errorf("%d traces, want %d", len(home), want)
	}
}

func valid(broker string) Spec {
	return Spec{
		Exporter: Contrib, Signal: Logs, Codec: "none", Key: ByTrace, Broker: broker, Topic: "t",
		Callers: 2, Warmup: 10 * time.Millisecond, Duration: 50 * time.Millisecond,
	}
}

func TestRunCountsWhatTheBrokerGot(t *testing.T) {
	broker, err := discard.Start(3, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := broker.Close(); err != nil {
			t.Error(err)
		}
	}()
	result, err := Run(t.Context(), valid(broker.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	totals := broker.Take("t")
	if totals.Records != result.Records || totals.Bytes < result.Sent || totals.Refused != 0 {
		t.Errorf("the run claims %+v, the broker has %+v", result, totals)
	}
	if result.CPU <= 0 || result.MBPerSecond() <= 0 || result.CPUPerGB() <= 0 || result.Sent <= result.Bytes {
		t.Errorf("the run measured %+v", result)
	}
}

func TestRunEndsWithTheErrorOfAnExporterThatCannotDeliver(t *testing.T) {
	broker, err := discard.Start(3, 0)
	if err != nil {
		t.Fatal(err)
	}
	spec := valid(broker.Addr())
	if err := broker.Close(); err != nil {
		t.Fatal(err)
	}
	spec.Timeout = 300 * time.Millisecond
	if _, err := Run(t.Context(), spec); err == nil || !strings.Contains(err.Error(), "deliver payload") {
		t.Errorf("found %v", err)
	}
}

func TestSpecNamesAllItsFaults(t *testing.T) {
	err := Spec{Exporter: "sarama", Signal: "profiles", Codec: "brotli", Key: "by_hand"}.Validate()
	if err == nil {
		t.Fatal("an empty spec is valid")
	}
	for _, want := range []string{`"sarama"`, `"profiles"`, `"brotli"`, `"by_hand"`, "`callers` must be positive, found 0", "`duration`"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in %v", want, err)
		}
	}
}

func TestBothExportersGetTheSameSettings(t *testing.T) {
	for _, key := range []string{Plain, ByTrace, ByResource} {
		theirs := valid("127.0.0.1:1")
		theirs.Key = key
		mine := theirs
		mine.Exporter = Ours
		a, b := theirs.settings(), mine.settings()
		delete(a["producer"].(map[string]any), "linger")
		if len(a) != len(b) || len(a["producer"].(map[string]any)) != len(b["producer"].(map[string]any)) {
			t.Errorf("%s: contrib's %v, ours %v", key, a, b)
		}
	}
}
