// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/metadata"
)

// BenchmarkConnectionToLog measures from the packet that refuses a connection, as the kernel dates it, to the call of the
// next consumer with the log record: on a host where nothing else happens, and beside clients that make requests as fast
// as they can, all of which become spans. `make bench-logs` prints the percentiles.
func BenchmarkConnectionToLog(b *testing.B) {
	for name, clients := range map[string]int{"idle": 0, "busy": 4} {
		b.Run(name, func(b *testing.B) {
			if os.Geteuid() != 0 {
				b.Skip("needs root: run as root")
			}
			served, end := saturate(b, clients)
			defer end()
			refused := unusedPort(b)
			latencies := make(chan time.Duration, 1)
			stop := startBoth(b, "network.tcp.connection.failed", refused, served, latencies)
			defer stop()

			var all []time.Duration
			address := "127.0.0.1:" + strconv.Itoa(refused)
			for b.Loop() {
				_, err := net.Dial("tcp", address)
				require.Error(b, err)
				all = append(all, <-latencies)
			}
			slices.Sort(all)
			for _, p := range []int{50, 99} {
				b.ReportMetric(float64(all[len(all)*p/100].Microseconds())/1000, "p"+strconv.Itoa(p)+"-ms")
			}
			b.ReportMetric(float64(all[len(all)-1].Microseconds())/1000, "max-ms")
		})
	}
}

// BenchmarkHandshakeToLog measures the same from the alert by which a client ends a TLS handshake to the client's log
// record.
func BenchmarkHandshakeToLog(b *testing.B) {
	for name, clients := range map[string]int{"idle": 0, "busy": 4} {
		b.Run(name, func(b *testing.B) {
			if os.Geteuid() != 0 {
				b.Skip("needs root: run as root")
			}
			served, end := saturate(b, clients)
			defer end()
			server := httptest.NewUnstartedServer(http.NotFoundHandler())
			server.Config.ErrorLog = log.New(io.Discard, "", 0)
			server.StartTLS()
			defer server.Close()
			latencies := make(chan time.Duration, 1)
			stop := startBoth(b, "tls.handshake.failed", server.Listener.Addr().(*net.TCPAddr).Port, served, latencies)
			defer stop()

			var all []time.Duration
			for b.Loop() {
				_, err := tls.Dial("tcp", server.Listener.Addr().String(), &tls.Config{ServerName: "shop.example"})
				require.Error(b, err)
				all = append(all, <-latencies)
			}
			slices.Sort(all)
			for _, p := range []int{50, 99} {
				b.ReportMetric(float64(all[len(all)*p/100].Microseconds())/1000, "p"+strconv.Itoa(p)+"-ms")
			}
			b.ReportMetric(float64(all[len(all)-1].Microseconds())/1000, "max-ms")
		})
	}
}

// unusedPort returns a port that nobody listens on.
func unusedPort(b testing.TB) int {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	defer func() { require.NoError(b, listener.Close()) }()
	return listener.Addr().(*net.TCPAddr).Port
}

// startBoth runs a receiver of traces and logs with the default settings; how old each log record of an event at a port is,
// it sends.
func startBoth(b *testing.B, event string, refused, served int, latencies chan<- time.Duration) (stop func()) {
	b.Helper()
	cfg := createDefaultConfig().(*Config)
	cfg.Filter.Ports.Include = []int{refused, served}
	cfg.CaptureSelf = true
	take, err := consumer.NewLogs(func(_ context.Context, logs plog.Logs) error {
		now := time.Now()
		for _, rl := range logs.ResourceLogs().All() {
			for _, record := range rl.ScopeLogs().At(0).LogRecords().All() {
				if port, _ := record.Attributes().Get("network.peer.port"); port.Int() == int64(refused) && record.EventName() == event {
					latencies <- now.Sub(record.Timestamp().AsTime())
				}
			}
		}
		return nil
	})
	require.NoError(b, err)
	set, factory := receivertest.NewNopSettings(metadata.Type), NewFactory()
	r, err := factory.CreateLogs(b.Context(), set, cfg, take)
	require.NoError(b, err)
	_, err = factory.CreateTraces(b.Context(), set, cfg, consumertest.NewNop())
	require.NoError(b, err)
	require.NoError(b, r.Start(b.Context(), componenttest.NewNopHost()))
	return func() { require.NoError(b, r.Shutdown(context.Background())) }
}

// saturate makes requests in another process, whose scheduler is not this one's, until stop is called, and returns the port
// that they are made to.
func saturate(b *testing.B, clients int) (port int, stop func()) {
	b.Helper()
	command := exec.Command("/proc/self/exe", "-test.run=^TestSaturate$")
	command.Env = append(os.Environ(), "CLIENTS="+strconv.Itoa(clients))
	stdin, err := command.StdinPipe()
	require.NoError(b, err)
	stdout, err := command.StdoutPipe()
	require.NoError(b, err)
	require.NoError(b, command.Start())
	_, err = fmt.Fscanln(stdout, &port)
	require.NoError(b, err)
	return port, func() {
		require.NoError(b, stdin.Close())
		require.NoError(b, command.Wait())
	}
}

// TestSaturate is what another process does in the benchmark above: as many clients as it is told make requests to a server
// until its standard input ends.
func TestSaturate(t *testing.T) {
	clients, err := strconv.Atoi(os.Getenv("CLIENTS"))
	if err != nil {
		return
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }))
	defer server.Close()
	fmt.Println(server.Listener.Addr().(*net.TCPAddr).Port)
	ended := make(chan struct{})
	var running sync.WaitGroup
	defer running.Wait()
	for range clients {
		running.Go(func() {
			for {
				select {
				case <-ended:
					return
				default:
					get(t, server.Client(), server.URL)
				}
			}
		})
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	require.NoError(t, err)
	close(ended)
}
