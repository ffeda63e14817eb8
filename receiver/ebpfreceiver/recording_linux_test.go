// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/metadata"
)

// recordingFile holds records of the ring as the kernel wrote them, each behind its length in two bytes, compressed.
var recordingFile = filepath.Join("testdata", "records.gz")

// record makes TestRecord write recordingFile. That is needed when the layout of records changes.
var record = flag.Bool("record", false, "write "+recordingFile+" (as root; needs nginx, wrk and curl)")

const (
	// recordedRequests is how many requests Go's client makes. wrk makes many more, of which four times as many records
	// are kept.
	recordedRequests = 80
	// maxRecording is how large the file may be.
	maxRecording = 64 << 10
)

// recorder is a ring.Handler that keeps records: of a phase, at most as many as limit says.
type recorder struct {
	limits chan int
	empty  chan struct{} // received from when the ring is empty
	limit  int
	kept   bytes.Buffer
}

func (r *recorder) Record(record []byte) {
	if r.limit == 0 {
		return
	}
	r.limit--
	r.kept.Write(binary.LittleEndian.AppendUint16(nil, uint16(len(record))))
	r.kept.Write(record)
}

func (r *recorder) Idle() {
	select {
	case r.limit = <-r.limits:
	case r.empty <- struct{}{}:
	default:
	}
}

// TestRecord records clients and servers that others wrote, on loopback. It is a tool, not a test that is left out: no skip.
func TestRecord(t *testing.T) {
	if !*record {
		return
	}
	plain, web := nginx(t), shop(t)
	framed, client := cleartextHTTP2(t, answer)
	cfg := createDefaultConfig().(*Config)
	cfg.CaptureSelf, cfg.CPUBudget, cfg.PollInterval = true, 0, often
	for _, url := range []string{plain, web.URL, framed.URL} {
		var port int
		_, err := fmt.Sscanf(url, "http://127.0.0.1:%d", &port)
		require.NoError(t, err)
		cfg.Filter.Ports.Include = append(cfg.Filter.Ports.Include, port)
	}
	r, err := newReceiver(receivertest.NewNopSettings(metadata.Type), cfg, func() {})
	require.NoError(t, err)
	r.next.traces = consumertest.NewNop()
	require.NoError(t, r.open(t.Context()))
	taken := &recorder{limits: make(chan int), empty: make(chan struct{})}
	ended := make(chan error)
	go func() { ended <- r.ring.Run(taken) }()
	phase := func(limit int, work func()) {
		taken.limits <- limit
		work()
		<-taken.empty
		<-taken.empty // what was written before the first is read before the second
		taken.limits <- 0
	}

	phase(4*recordedRequests, func() { run(t, "wrk", "-t1", "-c8", "-d1s", plain+"/index.html") })
	phase(-1, func() {
		for i := range recordedRequests / 10 {
			run(t, "curl", "-s", "-o", os.DevNull, fmt.Sprintf("%s/missing/%d", plain, i))
		}
		for i := range recordedRequests {
			get(t, web.Client(), fmt.Sprintf("%s/cart/%d?item=%d", web.URL, i%7, i))
		}
	})
	phase(-1, func() {
		for i := range recordedRequests / 2 {
			get(t, client, fmt.Sprintf("%s/cart/%d", framed.URL, i%7))
			call(t, client, framed.URL+"/shop.Cart/Add")
		}
		client.CloseIdleConnections()
	})
	require.NoError(t, r.probe.Close())
	require.NoError(t, r.ring.Stop())
	require.NoError(t, <-ended)
	require.NoError(t, r.release())
	write(t, taken.kept.Bytes())
}

// answer says hello to HTTP/2, and to gRPC that all went well.
func answer(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	if r.Header.Get("Content-Type") != "application/grpc" {
		_, _ = io.WriteString(w, "hello")
		return
	}
	w.Header().Set("Content-Type", "application/grpc")
	w.Header().Set("Trailer", "Grpc-Status")
	_, _ = w.Write(make([]byte, 5)) // a message without fields, and the prefix that gRPC gives it
	w.Header().Set("Grpc-Status", "0")
}

// call makes a call of gRPC without arguments.
func call(t *testing.T, client *http.Client, url string) {
	t.Helper()
	response, err := client.Post(url, "application/grpc", bytes.NewReader(make([]byte, 5)))
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
}

// nginx says hello on loopback, but on /missing, and returns its URL.
func nginx(t *testing.T) string {
	t.Helper()
	folder, port := t.TempDir(), unusedPort(t)
	config := fmt.Sprintf("daemon off; pid nginx.pid; error_log stderr crit; worker_processes 2; events {}\n"+
		"http { access_log off; keepalive_requests 1000000; server { listen 127.0.0.1:%d;\n"+
		"location / { return 200 hello; } location /missing { return 404; } } }", port)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "nginx.conf"), []byte(config), 0o644))
	server := exec.Command("nginx", "-p", folder, "-c", "nginx.conf")
	require.NoError(t, server.Start())
	t.Cleanup(func() {
		assert.NoError(t, server.Process.Signal(os.Interrupt))
		_ = server.Wait()
	})
	url := fmt.Sprintf("http://127.0.0.1:%d", port)
	require.Eventually(t, func() bool {
		response, err := http.Get(url)
		if err == nil {
			_ = response.Body.Close()
		}
		return err == nil
	}, eventually, often)
	return url
}

func run(t *testing.T, name string, arguments ...string) {
	t.Helper()
	out, err := exec.Command(name, arguments...).CombinedOutput()
	require.NoError(t, err, "%s %s: %s", name, strings.Join(arguments, " "), out)
}

// write compresses the records into recordingFile.
func write(t *testing.T, records []byte) {
	t.Helper()
	var compressed bytes.Buffer
	z, err := gzip.NewWriterLevel(&compressed, gzip.BestCompression)
	require.NoError(t, err)
	_, err = z.Write(records)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	require.LessOrEqual(t, compressed.Len(), maxRecording)
	require.NoError(t, os.WriteFile(recordingFile, compressed.Bytes(), 0o644))
}
