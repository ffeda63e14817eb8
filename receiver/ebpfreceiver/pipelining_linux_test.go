// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/metadata"
)

// TestRequestsThatCameBeforePipeliningWasSeen sends a request with a body and another one behind it in one packet, which the
// programs do not look for, and a third one before any is answered, by which they see that the client pipelines.
func TestRequestsThatCameBeforePipeliningWasSeen(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, listener.Close()) }()
	cfg := createDefaultConfig().(*Config)
	cfg.Filter.Ports.Include = []int{listener.Addr().(*net.TCPAddr).Port}
	cfg.CaptureSelf = true
	cfg.PollInterval, cfg.Batch.Timeout, cfg.CPUBudget = often, 0, 0
	sink := &consumertest.TracesSink{}
	start(t, receivertest.NewNopSettings(metadata.Type), cfg, sink)
	client, err := net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	server, err := listener.Accept()
	require.NoError(t, err)
	pass := func(from, to net.Conn, text string) {
		_, err := io.WriteString(from, text)
		require.NoError(t, err)
		_, err = io.ReadFull(to, make([]byte, len(text)))
		require.NoError(t, err)
	}
	pass(client, server, "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET /b HTTP/1.1\r\nHost: a\r\n\r\n")
	pass(client, server, "GET /c HTTP/1.1\r\nHost: a\r\n\r\n")
	for status := 201; status <= 203; status++ {
		pass(server, client, fmt.Sprintf("HTTP/1.1 %d OK\r\nContent-Length: 2\r\n\r\nok", status))
	}
	require.NoError(t, client.Close())
	require.NoError(t, server.Close())
	told := map[string]int{}
	for _, f := range await(t, sink, 6) {
		a := f.span.Attributes().AsRaw()
		told[fmt.Sprint(f.span.Kind(), " ", a["url.path"], a["url.full"], " ", a["http.response.status_code"])]++
	}
	assert.Len(t, told, 6)
	for _, end := range []string{"Server /a<nil> 201", "Server /b<nil> 202", "Server /c<nil> 203"} {
		assert.Equal(t, 1, told[end], "%s of %v", end, told)
	}
}
