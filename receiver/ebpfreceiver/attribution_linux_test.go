// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/metadata"
)

// needTool returns the path of a program.
func needTool(t *testing.T, name, debian string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("needs %s: apt-get install %s", name, debian)
	}
	return path
}

// talk runs a program until the end of the test, or until it ends by itself, and returns the first line that it writes.
func talk(t *testing.T, command *exec.Cmd) string {
	t.Helper()
	stdin, err := command.StdinPipe()
	require.NoError(t, err)
	stdout, err := command.StdoutPipe()
	require.NoError(t, err)
	command.Stderr = os.Stderr
	require.NoError(t, command.Start())
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = command.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	return strings.TrimSpace(line)
}

// onlyPort captures the connections to one port.
func onlyPort(port int) *Config {
	cfg := createDefaultConfig().(*Config)
	cfg.Filter.Ports.Include = []int{port}
	cfg.CaptureSelf = true
	cfg.PollInterval, cfg.Batch.Timeout, cfg.CPUBudget = often, 0, 0 // every exchange, however busy the machine is
	return cfg
}

// answeredBy makes requests on connections of their own to a server that answers with its process id, and compares the
// answers with the spans. It returns the ids.
func answeredBy(t *testing.T, port int) map[string]int {
	t.Helper()
	const requests = 20
	sink := &consumertest.TracesSink{}
	start(t, receivertest.NewNopSettings(metadata.Type), onlyPort(port), sink)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answered := make(map[string]int)
	for range requests {
		response, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d/pid", port))
		require.NoError(t, err)
		pid, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		answered[string(pid)]++
	}
	seen := make(map[string]int)
	for _, f := range await(t, sink, 2*requests) {
		if f.span.Kind() == ptrace.SpanKindServer {
			pid, _ := f.resource.Get("process.pid")
			seen[pid.AsString()]++
		}
	}
	assert.Equal(t, answered, seen)
	return answered
}

func TestTheWorkerThatAcceptedIsTheOwner(t *testing.T) {
	t.Run("Python, forked", func(t *testing.T) {
		needRoot(t)
		command := exec.Command(needTool(t, "python3", "python3-minimal"), "testdata/prefork.py")
		port, err := strconv.Atoi(talk(t, command))
		require.NoError(t, err)
		assert.NotContains(t, answeredBy(t, port), strconv.Itoa(command.Process.Pid))
	})
	t.Run("nginx", func(t *testing.T) {
		needRoot(t)
		folder := t.TempDir()
		port := freePort(t)
		config := fmt.Sprintf("daemon off; worker_processes 2; user root; pid %[1]s/pid; error_log %[1]s/log;\n"+
			"events { accept_mutex off; }\nhttp { access_log off; client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p;"+
			" fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;"+
			" server { listen 127.0.0.1:%[2]d; location / { return 200 $pid; } } }\n", folder, port)
		file := filepath.Join(folder, "nginx.conf")
		require.NoError(t, os.WriteFile(file, []byte(config), 0o600))
		command := exec.Command(needTool(t, "nginx", "nginx-light"), "-c", file, "-e", filepath.Join(folder, "log"))
		require.NoError(t, command.Start())
		t.Cleanup(func() { _ = command.Process.Signal(os.Interrupt); _ = command.Wait() })
		reached(t, port)
		assert.NotContains(t, answeredBy(t, port), strconv.Itoa(command.Process.Pid))
	})
}

// reached waits until somebody listens.
func reached(t *testing.T, port int) {
	t.Helper()
	require.Eventually(t, func() bool {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		return err == nil && c.Close() == nil
	}, eventually, often)
}

// TestAProcessThatHasEndedIsKnown lets curl end long before its exchange is read: only what was read at its first socket
// tells of it.
func TestAProcessThatHasEndedIsKnown(t *testing.T) {
	needRoot(t)
	held := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-held }))
	defer server.Close()
	sink := &consumertest.TracesSink{}
	cfg := configFor(server)
	cfg.PollInterval = time.Second // and the ring wakes nobody for so little
	settings := receivertest.NewNopSettings(metadata.Type)
	processes := start(t, settings, cfg, sink).(*ebpfReceiver).flow.owners.processes
	before := processes.Stats().Processes
	command := exec.Command(needTool(t, "curl", "curl"), "--silent", "--noproxy", "*", server.URL)
	command.Env = []string{"OTEL_RESOURCE_ATTRIBUTES=service.name=visitor,deployment.environment.name=test"}
	require.NoError(t, command.Start())
	// The server answers only once curl's first socket has woken the reader.
	assert.Eventually(t, func() bool { return processes.Stats().Processes > before }, eventually, often)
	close(held)
	require.NoError(t, command.Wait())
	for _, f := range await(t, sink, 2) {
		if f.span.Kind() != ptrace.SpanKindClient {
			continue
		}
		resource := f.resource.AsRaw()
		assert.EqualValues(t, command.Process.Pid, resource["process.pid"])
		assert.Equal(t, "curl", resource["process.executable.name"])
		assert.Equal(t, "visitor", resource["service.name"])
		assert.Equal(t, "test", resource["deployment.environment.name"])
	}
}

func TestOtherNetworkNamespacesAreSeen(t *testing.T) {
	needRoot(t)
	port := freePort(t)
	sink := &consumertest.TracesSink{}
	start(t, receivertest.NewNopSettings(metadata.Type), onlyPort(port), sink)
	needTool(t, "ip", "iproute2")
	script := "ip link set lo up && exec python3 testdata/both_ends.py " + strconv.Itoa(port)
	pid := talk(t, exec.Command(needTool(t, "unshare", "util-linux"), "--net", "sh", "-c", script))
	for _, f := range await(t, sink, 2) {
		resource := f.resource.AsRaw()
		assert.Equal(t, pid, fmt.Sprint(resource["process.pid"]), f.span.Kind())
		assert.Equal(t, "both_ends", resource["service.name"])
	}
}
