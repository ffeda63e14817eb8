// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"encoding/hex"
	"io"
	"net"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/metadata"
)

// unanswered are requests that nobody answers, with what could follow them.
var unanswered = map[string]struct{ request, more string }{
	"HTTP/1": {"POST /orders HTTP/1.1\r\nHost: shop\r\nContent-Length: 9\r\n\r\n", "a thing"},
	"HTTP/2": {
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + "\x00\x00\x00\x04\x00\x00\x00\x00\x00" + // SETTINGS
			"\x00\x00\x06\x01\x04\x00\x00\x00\x01\x83\x84\x86\x41\x01a", // HEADERS: POST, /, http, :authority
		"\x00\x00\x07\x00\x00\x00\x00\x00\x01a thing", // DATA
	},
}

// errorTypes counts spans by their kind and error.type.
func errorTypes(all []found) map[string]int {
	counts := make(map[string]int)
	for _, f := range all {
		failed, _ := f.span.Attributes().Get("error.type")
		counts[f.span.Kind().String()+" "+failed.AsString()]++
	}
	return counts
}

// TestAClientThatClosesBeforeTheAnswerHasCancelled closes the server's end once that is told. TCP may be done with the
// client's end before or after that: neither is a time-out, and it is not the server who closed.
func TestAClientThatClosesBeforeTheAnswerHasCancelled(t *testing.T) {
	needRoot(t)
	const rounds = 20
	for name, test := range unanswered {
		t.Run(name, func(t *testing.T) {
			listener, port := plainListener(t)
			sink := &consumertest.TracesSink{}
			start(t, receivertest.NewNopSettings(metadata.Type), onlyPort(port), sink)
			for range rounds {
				giveUp(t, listener, test.request)
			}
			assert.Equal(t, map[string]int{"Client cancelled": rounds, "Server connection_closed": rounds}, errorTypes(await(t, sink, 2*rounds)))
		})
	}
}

// giveUp sends a request, which the server reads, and closes both ends, the client's first.
func giveUp(t *testing.T, listener net.Listener, request string) {
	t.Helper()
	client, server := tcpPair(t, listener)
	_, err := io.WriteString(client, request)
	require.NoError(t, err)
	_, err = io.ReadFull(server, make([]byte, len(request)))
	require.NoError(t, err)
	require.NoError(t, client.Close())
	_, err = server.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
	require.NoError(t, server.Close())
}

func TestDurationsOfRequestsThatAreCancelledSaySo(t *testing.T) {
	needRoot(t)
	const rounds = 20
	listener, port := plainListener(t)
	sink := &consumertest.MetricsSink{}
	cfg := onlyPort(port)
	cfg.Metrics.CollectionInterval = time.Hour
	_, stop := startMetrics(t, cfg, sink)
	for range rounds {
		giveUp(t, listener, unanswered["HTTP/1"].request)
	}
	stop()
	got := make(map[string]uint64)
	for _, name := range []string{"http.client.request.duration", "http.server.request.duration"} {
		for _, p := range pointsOf(t, sink, name) {
			failed, _ := p.Attributes().Get("error.type")
			got[name+" "+failed.AsString()] += p.Count()
		}
	}
	assert.Equal(t, map[string]uint64{
		"http.client.request.duration cancelled": rounds, "http.server.request.duration connection_closed": rounds,
	}, got)
}

// TestAServerThatVanishesIsATimeout takes the network away from a connection whose request was read.
func TestAServerThatVanishesIsATimeout(t *testing.T) {
	needRoot(t)
	needTool(t, "ip", "iproute2")
	unshare, python := needTool(t, "unshare", "util-linux"), needTool(t, "python3", "python3-minimal")
	for name, test := range unanswered {
		t.Run(name, func(t *testing.T) {
			port := freePort(t)
			sink := &consumertest.TracesSink{}
			start(t, receivertest.NewNopSettings(metadata.Type), onlyPort(port), sink)
			script := "ip link set lo up && exec timeout 20 " + python + ` testdata/vanish.py "$0" "$1" "$2"`
			output, err := exec.Command(unshare, "--net", "sh", "-c", script, strconv.Itoa(port),
				hex.EncodeToString([]byte(test.request)), hex.EncodeToString([]byte(test.more))).CombinedOutput()
			require.NoError(t, err, "%s", output)
			require.Eventually(t, func() bool { _, ok := spanOf(sink, ptrace.SpanKindClient); return ok }, eventually, often)
			span, _ := spanOf(sink, ptrace.SpanKindClient)
			assert.Equal(t, "timeout", span.Attributes().AsRaw()["error.type"])
		})
	}
}
