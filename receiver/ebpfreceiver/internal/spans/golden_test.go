// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package spans

import (
	"bytes"
	"encoding/json"
	"flag"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.uber.org/goleak"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/procinfo"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// update makes the golden tests write what they would compare with.
var update = flag.Bool("update", false, "write testdata/*.json")

const (
	start = 1_800_000_000_000_000_000
	first = start + 2_000_000
	end   = start + 3_000_000
)

// newBuilder returns a Builder whose ids are the same in every run.
func newBuilder() *Builder {
	return New(Settings{HostName: "node-1", ScopeName: "scope", ScopeVersion: "1.2.3", Random: rand.NewPCG(1, 2)})
}

// nginx is a process of which everything is known.
func nginx() *procinfo.Process {
	return &procinfo.Process{
		PID: 7, Executable: "/usr/sbin/nginx", Name: "nginx", ServiceName: "shop", ContainerID: strings.Repeat("0123456789abcdef", 4),
		Begun: 1,
	}
}

// exchange returns a GET of /cart by curl, changed by change.
func exchange(side protocol.Side, change func(*protocol.Exchange)) *protocol.Exchange {
	x := &protocol.Exchange{
		Side:  side,
		Local: netip.MustParseAddrPort("10.0.0.1:8080"), Peer: netip.MustParseAddrPort("10.0.0.2:40000"),
		Start: start, FirstByte: first, End: end,
		HTTP: protocol.HTTP{
			Method: []byte("GET"), Target: []byte("/cart?id=7#top"), Host: []byte("shop.example:8080"),
			UserAgent: []byte("curl/8.1"), Minor: 1, Status: 200,
		},
	}
	if side == protocol.Client {
		x.Local, x.Peer = x.Peer, x.Local
	}
	if change != nil {
		change(x)
	}
	return x
}

// nothing changes nothing.
func nothing(*protocol.Exchange) {}

// trace gives the request a trace context.
func trace(x *protocol.Exchange) {
	x.HTTP.TraceParent = []byte("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	x.HTTP.TraceState = []byte("ot=th:8,vendor=x")
}

// http2 makes the exchange one of HTTP/2.
func http2(x *protocol.Exchange) {
	x.Kind, x.HTTP.Minor, x.HTTP.Scheme = protocol.HTTP2, 0, []byte("http")
}

// grpc makes the exchange a call that ended with a status.
func grpc(x *protocol.Exchange, status uint8) {
	http2(x)
	x.Kind, x.RPC = protocol.GRPC, protocol.RPC{Method: []byte("shop.Cart/Add"), Status: status}
	x.HTTP.Method, x.HTTP.Target = []byte("POST"), []byte("/shop.Cart/Add")
}

// golden is a table of exchanges; what becomes of each is in testdata under its name.
var golden = map[string]struct {
	side    protocol.Side
	change  func(*protocol.Exchange)
	process *procinfo.Process
}{
	"server":                 {protocol.Server, nothing, nginx()},
	"client":                 {protocol.Client, nothing, nginx()},
	"server_traceparent":     {protocol.Server, trace, nginx()},
	"client_traceparent":     {protocol.Client, trace, nginx()},
	"server_owner_unknown":   {protocol.Server, nothing, &procinfo.Process{}},
	"server_owner_ended":     {protocol.Server, nothing, &procinfo.Process{PID: 9, Name: "curl", ServiceName: "curl"}},
	"server_status_404":      {protocol.Server, func(x *protocol.Exchange) { x.HTTP.Status = 404 }, nginx()},
	"client_status_404":      {protocol.Client, func(x *protocol.Exchange) { x.HTTP.Status = 404 }, nginx()},
	"server_status_503":      {protocol.Server, func(x *protocol.Exchange) { x.HTTP.Status = 503 }, nginx()},
	"client_reset":           {protocol.Client, func(x *protocol.Exchange) { x.HTTP.Status, x.FirstByte, x.Failure = 0, 0, protocol.Reset }, nginx()},
	"server_method_other":    {protocol.Server, func(x *protocol.Exchange) { x.HTTP.Method = []byte("BREW") }, nginx()},
	"client_absolute_target": {protocol.Client, func(x *protocol.Exchange) { x.HTTP.Target = []byte("http://user:secret@Pay.example/a%2Fb?c#d") }, nginx()},
	"client_connect": {protocol.Client, func(x *protocol.Exchange) {
		x.HTTP.Method, x.HTTP.Target, x.HTTP.Host = []byte("CONNECT"), []byte("pay.example:443"), nil
	}, nginx()},
	"server_ipv6_without_host": {protocol.Server, func(x *protocol.Exchange) {
		x.Local, x.Peer = netip.MustParseAddrPort("[2001:db8::1]:80"), netip.MustParseAddrPort("[fe80::2%eth0]:40000")
		x.HTTP.Host, x.HTTP.UserAgent, x.HTTP.Minor = nil, nil, 0
	}, nginx()},
	"client_ipv6_without_host": {protocol.Client, func(x *protocol.Exchange) {
		x.Peer, x.HTTP.Host = netip.MustParseAddrPort("[2001:db8::1]:8080"), nil
	}, nginx()},
	"server_http2": {protocol.Server, http2, nginx()},
	"server_http2_fields_unknown": {protocol.Server, func(x *protocol.Exchange) {
		http2(x)
		x.HTTP.Method, x.HTTP.Target, x.HTTP.Host, x.HTTP.UserAgent = nil, nil, nil, nil
	}, nginx()},
	"client_http2_cancelled": {protocol.Client, func(x *protocol.Exchange) {
		http2(x)
		x.HTTP.Status, x.FirstByte, x.Failure = 0, 0, protocol.StreamReset(8)
	}, nginx()},
	"server_grpc":           {protocol.Server, func(x *protocol.Exchange) { grpc(x, 0) }, nginx()},
	"server_grpc_not_found": {protocol.Server, func(x *protocol.Exchange) { grpc(x, 5) }, nginx()},
	"client_grpc_not_found": {protocol.Client, func(x *protocol.Exchange) { grpc(x, 5) }, nginx()},
	"client_grpc_without_status": {protocol.Client, func(x *protocol.Exchange) {
		grpc(x, 0xff)
		x.HTTP.Status = 503
	}, nginx()},
	"server_b3": {protocol.Server, func(x *protocol.Exchange) {
		x.HTTP.B3 = []byte("80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1-05e3ac9a4f6e3b90")
	}, nginx()},
	"server_target_cut": {protocol.Server, func(x *protocol.Exchange) {
		x.HTTP.Target, x.HTTP.TargetCut, x.HTTP.Host, x.HTTP.UserAgent = []byte("/a/very/long/pa"), true, nil, nil
	}, nginx()},
}

func TestGolden(t *testing.T) {
	for name, test := range golden {
		t.Run(name, func(t *testing.T) {
			b := newBuilder()
			b.Append(exchange(test.side, test.change), test.process)
			compact, err := new(ptrace.JSONMarshaler).MarshalTraces(b.Take())
			require.NoError(t, err)
			var pretty bytes.Buffer
			require.NoError(t, json.Indent(&pretty, compact, "", "  "))
			pretty.WriteByte('\n')
			file := filepath.Join("testdata", name+".json")
			if *update {
				require.NoError(t, os.WriteFile(file, pretty.Bytes(), 0o644))
			}
			want, err := os.ReadFile(file)
			require.NoError(t, err)
			assert.Equal(t, string(want), pretty.String())
		})
	}
}

func TestEveryGoldenFileIsTested(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.json"))
	require.NoError(t, err)
	assert.Len(t, files, len(golden))
}
