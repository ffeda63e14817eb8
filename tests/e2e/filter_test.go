// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-risk/otelcol-risk/tests/harness"
)

// each is how many requests a test of filters sends to each server or from each client.
const each = 5

// get sends requests over one connection, from an address of this host unless that is "".
func get(t *testing.T, from, to, path string, times int) {
	t.Helper()
	dialer := net.Dialer{}
	if from != "" {
		dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(from)}
	}
	conn, err := dialer.DialContext(t.Context(), "tcp", to)
	if err != nil {
		t.Fatal(err)
	}
	c := &raw{TCPConn: conn.(*net.TCPConn), t: t, reader: bufio.NewReader(conn)}
	for range times {
		c.request("GET", path)
		c.answer("GET")
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestPortsSelectByTheServersPort(t *testing.T) {
	needRoot(t)
	one, two, three := startServer(t, "127.0.0.1"), startServer(t, "127.0.0.1"), startServer(t, "127.0.0.1")
	p := capture(t, fmt.Sprintf("{ports: {include: [%s, %s], exclude: [%s]}}",
		port(t, one.addr), port(t, two.addr), port(t, two.addr)))
	for path, server := range map[string]*goServer{"/small": one, "/large": two, "/chunked": three} {
		get(t, "", server.addr, path, each)
	}
	p.finish(2 * each)
	p.compareBoth(exchanges{"GET /small 200": each})
}

func TestCIDRsSelectByTheAddressOfTheOtherEnd(t *testing.T) {
	for _, test := range []struct {
		name, filter   string
		server, client exchanges
	}{
		{
			"include: of the server's connections one, of the clients', which all lead to 127.0.0.1, none",
			"{include: [127.0.0.5/32]}",
			exchanges{"GET /small 200": each},
			exchanges{},
		},
		{
			"exclude: of the server's connections all but one",
			"{exclude: [127.0.0.5/32]}",
			exchanges{"GET /large 200": each},
			exchanges{"GET /small 200": each, "GET /large 200": each},
		},
		{
			"exclude wins over include",
			"{include: [127.0.0.0/8], exclude: [127.0.0.1/32, 127.0.0.6/32]}",
			exchanges{"GET /small 200": each},
			exchanges{},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			needRoot(t)
			s := startServer(t, "127.0.0.1")
			p := capture(t, fmt.Sprintf("{ports: {include: [%s]}, cidrs: %s}", port(t, s.addr), test.filter))
			get(t, "127.0.0.5", s.addr, "/small", each)
			get(t, "127.0.0.6", s.addr, "/large", each)
			p.finish(test.server.total() + test.client.total())
			missing, what := compare(t, "server", test.server, seen(p.spans, ptrace.SpanKindServer))
			missingClient, whatClient := compare(t, "client", test.client, seen(p.spans, ptrace.SpanKindClient))
			if missing+missingClient != harness.Total(p.metrics.Losses()) {
				t.Errorf("missing:\n%s\n%s", what, whatClient)
			}
		})
	}
}

func TestCIDRsSelectIPv6(t *testing.T) {
	needRoot(t)
	six, four := startServer(t, "::1"), startServer(t, "127.0.0.1")
	p := capture(t, fmt.Sprintf("{ports: {include: [%s, %s]}, cidrs: {include: [\"::1/128\"]}}", port(t, six.addr), port(t, four.addr)))
	get(t, "", six.addr, "/small", each)
	get(t, "", four.addr, "/large", each)
	p.finish(2 * each)
	p.compareBoth(exchanges{"GET /small 200": each})
}

func TestExecutablesSelectTheProgram(t *testing.T) {
	for name, test := range map[string]struct {
		filter string
		kind   ptrace.SpanKind
	}{
		"include": {"{include: [curl]}", ptrace.SpanKindClient},
		"exclude": {"{exclude: [\"*/curl\", \"/*/*/curl\"]}", ptrace.SpanKindServer},
	} {
		t.Run(name, func(t *testing.T) {
			needRoot(t)
			needTool(t, "curl", "curl")
			s := startServer(t, "127.0.0.1")
			p := capture(t, fmt.Sprintf("{ports: {include: [%s]}, executables: %s}", port(t, s.addr), test.filter))
			curl(t, []string{"http://" + s.addr + "/small"}, []string{"http://" + s.addr + "/small"})
			p.finish(2)
			if missing, what := compare(t, "the program", exchanges{"GET /small 200": 2}, seen(p.spans, test.kind)); missing != 0 {
				t.Error(what)
			}
		})
	}
}

func TestCgroupsSelectTheSubtree(t *testing.T) {
	needRoot(t)
	needTool(t, "curl", "curl")
	cgroup := newCgroup(t)
	folder, err := os.Open(cgroup)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := folder.Close(); err != nil {
			t.Error(err)
		}
	}()
	s := startServer(t, "127.0.0.1")
	p := capture(t, fmt.Sprintf("{ports: {include: [%s]}, cgroups: [%q]}", port(t, s.addr), filepath.Base(cgroup)))
	get(t, "", s.addr, "/large", each)
	startCurl(t, &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(folder.Fd())}, []string{"http://" + s.addr + "/small"})
	spans := p.finish(1)
	if missing, what := compare(t, "inside", exchanges{"GET /small 200": 1}, seen(spans, ptrace.SpanKindClient)); missing != 0 {
		t.Error(what)
	}
	checkAll(t, spans, nil, map[string]string{"service.name": "visitor", "container.id": ""})
}

// newCgroup makes a cgroup below the root of version 2 and removes it after the test.
func newCgroup(t *testing.T) string {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	root := ""
	for line := range strings.Lines(string(mounts)) {
		mount, filesystem, _ := strings.Cut(line, " - ")
		if strings.HasPrefix(filesystem, "cgroup2 ") && root == "" {
			root = strings.Fields(mount)[4]
		}
	}
	if root == "" {
		t.Skip("needs cgroup v2: mount -t cgroup2 none /sys/fs/cgroup")
	}
	path, err := os.MkdirTemp(root, "otelcol-risk-e2e-")
	if errors.Is(err, syscall.EROFS) {
		t.Skip("needs a writable cgroup v2 hierarchy: mount -o remount,rw " + root)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// The kernel needs a moment to forget the last process in it.
		eventually(t, "the cgroup can be removed", func() bool { return syscall.Rmdir(path) == nil })
	})
	return path
}
