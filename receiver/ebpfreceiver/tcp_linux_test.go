// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/metadata"
)

// startLogs runs a receiver without any other signal until the test ends.
func startLogs(t *testing.T, cfg *Config) *consumertest.LogsSink {
	t.Helper()
	needRoot(t)
	sink := &consumertest.LogsSink{}
	r, err := NewFactory().CreateLogs(t.Context(), receivertest.NewNopSettings(metadata.Type), cfg, sink)
	require.NoError(t, err)
	require.NoError(t, r.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() { assert.NoError(t, r.Shutdown(context.Background())) })
	return sink
}

// told is a log record with its resource.
type told struct {
	event, body          string
	attributes, resource map[string]any
}

// awaitLogs waits for n log records and returns them in the order of their roles.
func awaitLogs(t *testing.T, sink *consumertest.LogsSink, n int) []told {
	t.Helper()
	require.Eventually(t, func() bool { return sink.LogRecordCount() >= n }, eventually, often, "%d log records", n)
	var all []told
	for _, logs := range sink.AllLogs() {
		for _, rl := range logs.ResourceLogs().All() {
			for _, record := range rl.ScopeLogs().At(0).LogRecords().All() {
				all = append(all, told{
					record.EventName(), record.Body().Str(), record.Attributes().AsRaw(), rl.Resource().Attributes().AsRaw(),
				})
			}
		}
	}
	slices.SortFunc(all, func(a, b told) int {
		return -compareText(a.attributes["network.tcp.handshake.role"], b.attributes["network.tcp.handshake.role"])
	})
	require.Len(t, all, n)
	return all
}

func compareText(a, b any) int {
	x, y := fmt.Sprint(a), fmt.Sprint(b)
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

// tcpPair returns both ends of a connection to a listener.
func tcpPair(t *testing.T, listener net.Listener) (client, server *net.TCPConn) {
	t.Helper()
	c, err := net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	s, err := listener.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close(); _ = s.Close() })
	return c.(*net.TCPConn), s.(*net.TCPConn)
}

// plainListener listens for TCP on loopback, without Multipath TCP.
func plainListener(t *testing.T) (net.Listener, int) {
	t.Helper()
	var config net.ListenConfig
	config.SetMultipathTCP(false)
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	return listener, listener.Addr().(*net.TCPAddr).Port
}

func TestARefusedConnectionIsLogged(t *testing.T) {
	needRoot(t)
	port := freePort(t)
	sink := startLogs(t, onlyPort(port))
	address := "127.0.0.1:" + strconv.Itoa(port)
	_, err := net.Dial("tcp", address)
	require.Error(t, err)
	got := awaitLogs(t, sink, 1)[0]
	assert.Equal(t, "network.tcp.connection.failed", got.event)
	assert.Equal(t, "connecting to "+address+": refused", got.body)
	assert.Equal(t, "connection_refused", got.attributes["error.type"])
	assert.Equal(t, "client", got.attributes["network.tcp.handshake.role"])
	assert.Equal(t, false, got.attributes["network.tcp.established"])
	assert.Equal(t, "127.0.0.1", got.attributes["network.peer.address"])
	assert.EqualValues(t, port, got.attributes["network.peer.port"])
	assert.EqualValues(t, os.Getpid(), got.resource["process.pid"])
}

func TestAResetIsLoggedAtBothEnds(t *testing.T) {
	needRoot(t)
	listener, port := plainListener(t)
	sink := startLogs(t, onlyPort(port))
	client, server := tcpPair(t, listener)
	_, err := io.WriteString(client, "hello")
	require.NoError(t, err)
	_, err = io.ReadFull(server, make([]byte, 5))
	require.NoError(t, err)
	require.NoError(t, server.SetLinger(0))
	require.NoError(t, server.Close())
	got := awaitLogs(t, sink, 2)
	for i, want := range []map[string]any{
		{"error.type": "reset_by_host", "network.tcp.handshake.role": "server", "network.tcp.bytes.received": int64(5), "network.tcp.bytes.sent": int64(0)},
		{"error.type": "reset_by_peer", "network.tcp.handshake.role": "client", "network.tcp.bytes.received": int64(0), "network.tcp.bytes.sent": int64(5)},
	} {
		assert.Equal(t, "network.tcp.connection.aborted", got[i].event)
		for key, value := range want {
			assert.Equal(t, value, got[i].attributes[key], "%s of %v", key, got[i])
		}
		assert.EqualValues(t, os.Getpid(), got[i].resource["process.pid"])
	}
}

func TestOrderlyEndsAreNotLogged(t *testing.T) {
	needRoot(t)
	listener, port := plainListener(t)
	sink := startLogs(t, onlyPort(port))
	for _, first := range []bool{true, false} {
		client, server := tcpPair(t, listener)
		one, other := client, server
		if first {
			one, other = server, client
		}
		require.NoError(t, one.Close())
		_, err := other.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)
		require.NoError(t, other.Close())
	}
	require.NoError(t, listener.Close())
	_, err := net.Dial("tcp", listener.Addr().String()) // what comes after has been seen when this is told
	require.Error(t, err)
	assert.Equal(t, "connection_refused", awaitLogs(t, sink, 1)[0].attributes["error.type"])
}

// lonely makes the network 192.0.2.0/24 in a network namespace of its own, where nobody else is.
const lonely = "ip link set lo up && ip link add name lab type veth peer name far && ip link set far up && " +
	"ip address add 192.0.2.1/24 dev lab && ip link set lab up && "

// TestConnectionsThatAreNotAnsweredAreLogged connects to an address that nobody has: either the network does not know, or it
// says so.
func TestConnectionsThatAreNotAnsweredAreLogged(t *testing.T) {
	needRoot(t)
	needTool(t, "ip", "iproute2")
	unshare, python := needTool(t, "unshare", "util-linux"), needTool(t, "python3", "python3-minimal")
	for name, test := range map[string]struct{ connect, want string }{
		"given up by TCP":         {"", "timeout"},
		"given up by the process": {"s.settimeout(0.2)", "cancelled"},
	} {
		t.Run(name, func(t *testing.T) {
			port := freePort(t)
			sink := startLogs(t, onlyPort(port))
			program := fmt.Sprintf("import socket\ns = socket.socket()\ns.setsockopt(6, 7, 1)\n%s\ntry:\n s.connect(('192.0.2.2', %d))\nexcept OSError as e:\n pass\ns.close()\n",
				test.connect, port)
			script := lonely + "ip neigh add 192.0.2.2 lladdr 02:00:00:00:00:02 dev lab && exec timeout 20 " + python + ` -c "$0"`
			output, err := exec.Command(unshare, "--net", "sh", "-c", script, program).CombinedOutput()
			require.NoError(t, err, "%s", output)
			got := awaitLogs(t, sink, 1)[0]
			assert.Equal(t, test.want, got.attributes["error.type"])
			assert.Equal(t, "192.0.2.2", got.attributes["network.peer.address"])
			assert.Equal(t, "192.0.2.1", got.attributes["network.local.address"])
			assert.Positive(t, got.attributes["network.tcp.connection.duration"])
		})
	}
	t.Run("unreachable", func(t *testing.T) {
		port := freePort(t)
		sink := startLogs(t, onlyPort(port))
		program := fmt.Sprintf("import socket\ns = socket.socket()\ntry:\n s.connect(('192.0.2.2', %d))\nexcept OSError as e:\n pass\ns.close()\n", port)
		// Nobody has the address, which is told within a second because it is asked for only once.
		script := lonely + "echo 1 > /proc/sys/net/ipv4/neigh/lab/mcast_solicit && exec timeout 20 " + python + ` -c "$0"`
		output, err := exec.Command(unshare, "--net", "sh", "-c", script, program).CombinedOutput()
		require.NoError(t, err, "%s", output)
		assert.Equal(t, "unreachable", awaitLogs(t, sink, 1)[0].attributes["error.type"])
	})
}

// TestASocketThatConnectsAgainBeginsAnew has a socket refused first, and then not answered.
func TestASocketThatConnectsAgainBeginsAnew(t *testing.T) {
	needRoot(t)
	needTool(t, "ip", "iproute2")
	unshare, python := needTool(t, "unshare", "util-linux"), needTool(t, "python3", "python3-minimal")
	port := freePort(t)
	sink := startLogs(t, onlyPort(port))
	program := fmt.Sprintf("import socket\ns = socket.socket()\ns.setsockopt(6, 7, 1)\nfor host in '192.0.2.1', '192.0.2.2':\n"+
		" try:\n  s.connect((host, %d))\n except OSError:\n  pass\ns.close()\n", port)
	script := lonely + "ip neigh add 192.0.2.2 lladdr 02:00:00:00:00:02 dev lab && exec timeout 20 " + python + ` -c "$0"`
	output, err := exec.Command(unshare, "--net", "sh", "-c", script, program).CombinedOutput()
	require.NoError(t, err, "%s", output)
	found := make(map[any]any)
	for _, got := range awaitLogs(t, sink, 2) {
		found[got.attributes["network.peer.address"]] = got.attributes["error.type"]
	}
	assert.Equal(t, map[any]any{"192.0.2.1": "connection_refused", "192.0.2.2": "timeout"}, found)
}

// sumsOf returns the points of a counter in the last metrics, by the value of one attribute and the role.
func sumsOf(sink *consumertest.MetricsSink, name, key string) map[string]int64 {
	sums := make(map[string]int64)
	eachMetric(sink, name, func(m pmetric.Metric) {
		for _, p := range m.Sum().DataPoints().All() {
			role, _ := p.Attributes().Get("network.tcp.handshake.role")
			value, found := p.Attributes().Get(key)
			if !found {
				value = pcommon.NewValueStr("")
			}
			sums[role.Str()+" "+value.AsString()] += p.IntValue()
		}
	})
	return sums
}

// eachMetric visits the metrics of a name that were passed on last.
func eachMetric(sink *consumertest.MetricsSink, name string, visit func(pmetric.Metric)) {
	all := sink.AllMetrics()
	if len(all) == 0 {
		return
	}
	for _, rm := range all[len(all)-1].ResourceMetrics().All() {
		for _, m := range rm.ScopeMetrics().At(0).Metrics().All() {
			if m.Name() == name {
				visit(m)
			}
		}
	}
}

func TestTCPConnectionsAreCounted(t *testing.T) {
	needRoot(t)
	listener, port := plainListener(t)
	cfg := onlyPort(port)
	cfg.Metrics.CollectionInterval = time.Hour
	sink := &consumertest.MetricsSink{}
	_, stop := startMetrics(t, cfg, sink)
	const connections, size = 10, 1 << 20
	for range connections {
		client, server := tcpPair(t, listener)
		go func() { _, _ = client.Write(make([]byte, size)) }()
		_, err := io.ReadFull(server, make([]byte, size))
		require.NoError(t, err)
		_, err = io.WriteString(server, "thanks")
		require.NoError(t, err)
		_, err = io.ReadFull(client, make([]byte, 6))
		require.NoError(t, err)
		require.NoError(t, client.Close())
		_, err = server.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)
		require.NoError(t, server.Close())
	}
	reset, server := tcpPair(t, listener)
	require.NoError(t, reset.SetLinger(0))
	require.NoError(t, reset.Close())
	_, err := server.Read(make([]byte, 1))
	require.Error(t, err)
	require.NoError(t, listener.Close())
	for range 3 {
		_, err := net.Dial("tcp", listener.Addr().String())
		require.Error(t, err)
	}
	stop()
	const prefix = "system.network.tcp."
	assert.Equal(t, map[string]int64{"client ": connections + 1, "server ": connections + 1}, sumsOf(sink, prefix+"connection.successes", ""))
	assert.Equal(t, map[string]int64{"client connection_refused": 3}, sumsOf(sink, prefix+"connection.failures", "error.type"))
	assert.Equal(t, map[string]int64{"client reset_by_host": 1, "server reset_by_peer": 1}, sumsOf(sink, prefix+"connection.aborts", "error.type"))
	assert.Equal(t, map[string]int64{
		"client receive": connections * 6, "client transmit": connections * size,
		"server receive": connections * size, "server transmit": connections * 6,
	}, sumsOf(sink, prefix+"io", "network.io.direction"))
	for _, name := range []string{"handshake.duration", "rtt.duration"} {
		var roles []string
		eachMetric(sink, prefix+name, func(m pmetric.Metric) {
			for _, p := range m.Histogram().DataPoints().All() {
				role, _ := p.Attributes().Get("network.tcp.handshake.role")
				roles = append(roles, role.Str())
				assert.Positive(t, p.Count())
				assert.Positive(t, p.Sum())
				assert.Less(t, p.Sum()/float64(p.Count()), 1.0, "seconds")
				if name == "handshake.duration" && role.Str() == "client" {
					assert.EqualValues(t, connections+1, p.Count())
				}
			}
		})
		assert.ElementsMatch(t, []string{"client", "server"}, roles, name)
	}
}

func TestAReceiverWithoutRoomIsCounted(t *testing.T) {
	needRoot(t)
	listener, port := plainListener(t)
	cfg := onlyPort(port)
	cfg.Metrics.CollectionInterval = often
	sink := &consumertest.MetricsSink{}
	startMetrics(t, cfg, sink)
	client, _ := tcpPair(t, listener)
	go func() { _, _ = client.Write(make([]byte, 32<<20)) }() // until the connection is closed: nobody reads
	require.Eventually(t, func() bool {
		sums := sumsOf(sink, "system.network.tcp.zero_windows", "network.io.direction")
		return sums["client receive"] > 0 && sums["server transmit"] > 0
	}, eventually, often)
}
