// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/metadata"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/metadatatest"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/probe"
)

const (
	eventually = 30 * time.Second // for an emulated processor, too
	often      = 5 * time.Millisecond
)

// needRoot skips where the kernel would refuse.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: run as root")
	}
}

// shop starts an HTTP server on loopback that answers every path with "hello".
func shop(t *testing.T) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/broken" {
			w.WriteHeader(http.StatusInternalServerError)
		}
		_, _ = io.WriteString(w, "hello")
	}))
	t.Cleanup(server.Close)
	return server
}

// configFor captures the connections of one server only.
func configFor(server *httptest.Server) *Config {
	cfg := createDefaultConfig().(*Config)
	cfg.Filter.Ports.Include = []int{server.Listener.Addr().(*net.TCPAddr).Port}
	cfg.CaptureSelf = true                                           // the test is server, client and receiver at once
	cfg.IdleAfter = time.Hour                                        // who tests that sweeps at times of its own
	cfg.PollInterval, cfg.Batch.Timeout, cfg.CPUBudget = often, 0, 0 // every exchange, however busy the machine is
	return cfg
}

// start runs a receiver until the test ends.
func start(t *testing.T, settings receiver.Settings, cfg *Config, next consumer.Traces) receiver.Traces {
	t.Helper()
	needRoot(t)
	require.NoError(t, cfg.Validate())
	r, err := NewFactory().CreateTraces(t.Context(), settings, cfg, next)
	require.NoError(t, err)
	require.NoError(t, r.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() { assert.NoError(t, r.Shutdown(context.Background())) })
	return r
}

func get(t *testing.T, client *http.Client, url string) {
	t.Helper()
	response, err := client.Get(url)
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
}

// found is a span with its resource.
type found struct {
	span     ptrace.Span
	resource pcommon.Map
}

// await waits for n spans.
func await(t *testing.T, sink *consumertest.TracesSink, n int) []found {
	t.Helper()
	require.Eventually(t, func() bool { return sink.SpanCount() >= n }, eventually, often, "%d spans", n)
	var all []found
	for _, traces := range sink.AllTraces() {
		for _, rs := range traces.ResourceSpans().All() {
			for _, span := range rs.ScopeSpans().At(0).Spans().All() {
				all = append(all, found{span, rs.Resource().Attributes()})
			}
		}
	}
	require.Len(t, all, n)
	return all
}

func TestARequestBecomesAServerAndAClientSpan(t *testing.T) {
	server := shop(t)
	sink := &consumertest.TracesSink{}
	start(t, receivertest.NewNopSettings(metadata.Type), configFor(server), sink)
	before := time.Now()
	get(t, server.Client(), server.URL+"/cart?secret=1")
	after := time.Now()

	kinds := make(map[ptrace.SpanKind]map[string]any)
	for _, f := range await(t, sink, 2) {
		kinds[f.span.Kind()] = f.span.Attributes().AsRaw()
		assert.Equal(t, "GET", f.span.Name())
		assert.WithinRange(t, f.span.StartTimestamp().AsTime(), before.Add(-time.Second), after.Add(time.Second))
		assert.Greater(t, f.span.EndTimestamp(), f.span.StartTimestamp())
		resource := f.resource.AsRaw()
		assert.EqualValues(t, os.Getpid(), resource["process.pid"])
		executable, err := os.Executable()
		require.NoError(t, err)
		assert.Equal(t, filepath.Base(executable), resource["process.executable.name"])
		assert.NotEmpty(t, resource["host.name"])
	}
	require.Len(t, kinds, 2)
	assert.Equal(t, "/cart", kinds[ptrace.SpanKindServer]["url.path"])
	assert.Equal(t, server.URL+"/cart", kinds[ptrace.SpanKindClient]["url.full"])
	for kind, attributes := range kinds {
		assert.EqualValues(t, 200, attributes["http.response.status_code"], kind)
		for key, value := range attributes {
			text, _ := value.(string)
			assert.NotContains(t, text, "secret", "%s: the query must not be taken", key)
		}
	}
}

func TestConnectionsOlderThanTheReceiverAreSeen(t *testing.T) {
	server := shop(t)
	client := server.Client()
	get(t, client, server.URL+"/before")
	sink := &consumertest.TracesSink{}
	start(t, receivertest.NewNopSettings(metadata.Type), configFor(server), sink)
	get(t, client, server.URL+"/after")
	for _, f := range await(t, sink, 2) {
		pid, ok := f.resource.Get("process.pid")
		require.True(t, ok, "the owner of a %s socket older than the receiver", f.span.Kind())
		assert.EqualValues(t, os.Getpid(), pid.Int())
	}
}

func TestTheReceiversOwnSocketsAreLeftAlone(t *testing.T) {
	older := shop(t)
	get(t, older.Client(), older.URL)
	cfg := configFor(older)
	cfg.CaptureSelf = false
	port := freePort(t)
	cfg.Filter.Ports.Include = append(cfg.Filter.Ports.Include, port)
	sink := &consumertest.TracesSink{}
	start(t, receivertest.NewNopSettings(metadata.Type), cfg, sink)
	get(t, older.Client(), older.URL) // sockets older than the receiver

	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	require.NoError(t, err)
	newer := &http.Server{Handler: older.Config.Handler, ReadHeaderTimeout: eventually}
	go func() { _ = newer.Serve(listener) }()
	defer func() { require.NoError(t, newer.Close()) }()
	url := fmt.Sprintf("http://127.0.0.1:%d/", port)
	get(t, &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, url) // sockets of its own

	other := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=TestFetch$")
	other.Env = append(os.Environ(), "FETCH="+url)
	output, err := other.CombinedOutput()
	require.NoError(t, err, "%s", output)
	got := await(t, sink, 1)
	assert.Equal(t, ptrace.SpanKindClient, got[0].span.Kind(), "the other process's end")
}

// TestFetch is what another process does in the test above.
func TestFetch(t *testing.T) {
	if url := os.Getenv("FETCH"); url != "" {
		get(t, &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, url)
	}
}

// freePort returns a port that nobody listens on.
func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, listener.Close()) }()
	return listener.Addr().(*net.TCPAddr).Port
}

func TestProcessesCanBeFilteredByExecutable(t *testing.T) {
	server := shop(t)
	telemetry := componenttest.NewTelemetry()
	defer func() { require.NoError(t, telemetry.Shutdown(context.Background())) }()
	settings := receivertest.NewNopSettings(metadata.Type)
	settings.TelemetrySettings = telemetry.NewTelemetrySettings()
	cfg := configFor(server)
	executable, err := os.Executable()
	require.NoError(t, err)
	cfg.Filter.Executables.Exclude = []string{filepath.Base(executable)}
	sink := &consumertest.TracesSink{}
	start(t, settings, cfg, sink)
	get(t, server.Client(), server.URL)
	require.Eventually(t, func() bool {
		_, err := telemetry.GetMetric("otelcol_receiver_ebpf_filtered")
		return err == nil
	}, eventually, often)
	assert.Zero(t, sink.SpanCount())
}

func TestEverySeenRequestIsAccountedFor(t *testing.T) {
	server := shop(t)
	telemetry := componenttest.NewTelemetry()
	defer func() { require.NoError(t, telemetry.Shutdown(context.Background())) }()
	settings := receivertest.NewNopSettings(metadata.Type)
	settings.TelemetrySettings = telemetry.NewTelemetrySettings()
	sink := &consumertest.TracesSink{}
	start(t, settings, configFor(server), sink)
	const requests = 200
	for range requests {
		get(t, server.Client(), server.URL)
	}
	await(t, sink, 2*requests)
	metadatatest.AssertEqualReceiverEbpfRequests(t, telemetry,
		[]metricdata.DataPoint[int64]{{Value: 2 * requests}}, metricdatatest.IgnoreTimestamp())
}

func TestShutdownHandsOnWhatIsStillInTheRing(t *testing.T) {
	needRoot(t)
	server := shop(t)
	cfg := configFor(server)
	cfg.PollInterval, cfg.Batch.Timeout = time.Hour, time.Hour
	sink := &consumertest.TracesSink{}
	r, err := NewFactory().CreateTraces(t.Context(), receivertest.NewNopSettings(metadata.Type), cfg, sink)
	require.NoError(t, err)
	require.NoError(t, r.Start(t.Context(), componenttest.NewNopHost()))
	get(t, server.Client(), server.URL)
	require.NoError(t, r.Shutdown(t.Context()))
	assert.Equal(t, 2, sink.SpanCount())
}

func TestARefusalIsReportedAndTheReceiverGoesOn(t *testing.T) {
	server := shop(t)
	refusing := consumertest.NewErr(errors.New("downstream is full"))
	telemetry := componenttest.NewTelemetry()
	defer func() { require.NoError(t, telemetry.Shutdown(context.Background())) }()
	settings := receivertest.NewNopSettings(metadata.Type)
	settings.TelemetrySettings = telemetry.NewTelemetrySettings()
	start(t, settings, configFor(server), refusing)
	get(t, server.Client(), server.URL)
	require.Eventually(t, func() bool {
		_, err := telemetry.GetMetric("otelcol_receiver_refused_spans")
		return err == nil
	}, eventually, often)
}

func TestStartNamesWhatIsWrong(t *testing.T) {
	needRoot(t)
	for name, test := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"a cgroup root that is none":   {func(c *Config) { c.CgroupRoot = t.TempDir() }, "no cgroup2 mount"},
		"a cgroup that does not exist": {func(c *Config) { c.Filter.Cgroups = []string{"no/such/cgroup"} }, "no/such/cgroup"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := createDefaultConfig().(*Config)
			test.change(cfg)
			r, err := NewFactory().CreateTraces(t.Context(), receivertest.NewNopSettings(metadata.Type), cfg, consumertest.NewNop())
			require.NoError(t, err)
			err = r.Start(t.Context(), componenttest.NewNopHost())
			require.ErrorContains(t, err, test.want)
			assert.True(t, strings.HasPrefix(err.Error(), "start receiver ebpf"), err)
			assert.NoError(t, r.Shutdown(t.Context()))
		})
	}
}

func TestStartWithoutRightsNamesThem(t *testing.T) {
	err := probe.Check(0)
	require.ErrorIs(t, err, probe.ErrMissingCapability)
	assert.ErrorContains(t, err, "CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON")
}

func TestTwoReceiversDoNotHarmEachOther(t *testing.T) {
	needRoot(t)
	server := shop(t)
	set := receivertest.NewNopSettings(metadata.Type)
	first, second := &consumertest.TracesSink{}, &consumertest.TracesSink{}
	start(t, set, configFor(server), first)
	other, err := NewFactory().CreateTraces(t.Context(), set, configFor(server), second)
	require.NoError(t, err)
	require.NoError(t, other.Start(t.Context(), componenttest.NewNopHost()))
	for range 10 {
		get(t, server.Client(), server.URL)
	}
	await(t, first, 20)
	await(t, second, 20)
	require.NoError(t, other.Shutdown(t.Context()))
	for range 10 {
		get(t, server.Client(), server.URL)
	}
	for _, f := range await(t, first, 40) {
		status, _ := f.span.Attributes().Get("http.response.status_code")
		assert.EqualValues(t, 200, status.Int())
	}
	assert.Equal(t, 20, second.SpanCount())
}
