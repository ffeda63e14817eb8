// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/h2c" //nolint:staticcheck // nothing else in Go takes upgrades
	"golang.org/x/net/http2/hpack"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/metadata"
)

// upgrade asks for HTTP/2 with a request of HTTP/1.1, and returns what then reads and writes frames.
func upgrade(t *testing.T, conn net.Conn) *http2.Framer {
	t.Helper()
	_, err := io.WriteString(conn, "GET /first HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"+
		"HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n")
	require.NoError(t, err)
	reader := bufio.NewReader(conn)
	response, err := http.ReadResponse(reader, nil)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusSwitchingProtocols, response.StatusCode)
	_, err = io.WriteString(conn, http2.ClientPreface)
	require.NoError(t, err)
	framer := http2.NewFramer(conn, reader)
	require.NoError(t, framer.WriteSettings())
	return framer
}

// finished reads until a stream has ended.
func finished(t *testing.T, framer *http2.Framer, id uint32) {
	t.Helper()
	for {
		frame, err := framer.ReadFrame()
		require.NoError(t, err)
		if settings, ok := frame.(*http2.SettingsFrame); ok && !settings.IsAck() {
			require.NoError(t, framer.WriteSettingsAck())
		}
		if frame.Header().StreamID == id && frame.Header().Flags.Has(http2.FlagDataEndStream) {
			return
		}
	}
}

func TestStreamsBehindAnUpgradeAreFollowed(t *testing.T) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/absent" {
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = w.Write(bytes.Repeat([]byte("x"), 3000))
	})
	server := httptest.NewServer(h2c.NewHandler(handler, &http2.Server{})) //nolint:staticcheck // see above
	t.Cleanup(server.Close)
	sink := &consumertest.TracesSink{}
	start(t, receivertest.NewNopSettings(metadata.Type), configFor(server), sink)
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	require.NoError(t, err)
	framer := upgrade(t, conn)
	finished(t, framer, 1) // the answer to the request that asked
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	const rounds = 20
	for i := range uint32(rounds) {
		path := []string{"/here", "/absent"}[i%2]
		block.Reset()
		for _, field := range []hpack.HeaderField{
			{Name: ":method", Value: "GET"}, {Name: ":scheme", Value: "http"}, {Name: ":authority", Value: "a"}, {Name: ":path", Value: path},
		} {
			require.NoError(t, encoder.WriteField(field))
		}
		id := 3 + 2*i
		require.NoError(t, framer.WriteHeaders(http2.HeadersFrameParam{
			StreamID: id, BlockFragment: block.Bytes(), EndStream: true, EndHeaders: true,
		}))
		finished(t, framer, id)
		require.NoError(t, framer.WriteWindowUpdate(0, 3000))
	}
	all := await(t, sink, 2*(1+rounds))
	require.NoError(t, conn.Close())
	want := map[string]int{}
	for _, side := range []string{"Server", "Client"} {
		failed := "<nil>"
		if side == "Client" {
			failed = "404"
		}
		want[fmt.Sprint(side, " GET /first 101 <nil>")] = 1
		want[fmt.Sprint(side, " GET /here 200 <nil>")] = rounds / 2
		want[fmt.Sprint(side, " GET /absent 404 ", failed)] = rounds / 2
	}
	assert.Equal(t, want, kinds(all))
}
