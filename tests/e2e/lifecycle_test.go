// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"github.com/otelcol-risk/otelcol-risk/tests/harness"
)

func TestSIGTERMSendsWhatWasSeenBefore(t *testing.T) {
	const requests = 200
	needRoot(t)
	s := startServer(t, "127.0.0.1")
	p := capture(t, onlyPorts(t, s.addr))
	get(t, "", s.addr, "/small", requests)
	p.stop()
	p.checkUnique()
	p.compareBoth(exchanges{"GET /small 200": requests})
}

func TestNothingIsLeftInTheKernel(t *testing.T) {
	for name, end := range map[string]func(*pipeline) error{
		"after SIGTERM": func(p *pipeline) error { return p.collector.Stop(grace) },
		"after SIGKILL": func(p *pipeline) error { return p.collector.Kill() },
	} {
		t.Run(name, func(t *testing.T) {
			needRoot(t)
			s := startServer(t, "127.0.0.1")
			p := capture(t, onlyPorts(t, s.addr))
			get(t, "", s.addr, "/small", each)
			p.settle(2 * each) // the collector says that it is ready a moment before it takes signals
			objects := kernelObjects(t, p.collector.Pid())
			for _, kind := range []string{progID, linkID, mapID} {
				if len(objects[kind]) == 0 {
					t.Errorf("the running collector holds no object with a %s", kind)
				}
			}
			if left := stillThere(t, objects); len(left) == 0 {
				t.Error("objects of the running collector are not found by their ids")
			}
			if err := end(p); err != nil {
				t.Error(err)
			}
			// The kernel takes its objects apart in the background.
			eventually(t, "nothing is left in the kernel", func() bool { return len(stillThere(t, objects)) == 0 })
		})
	}
}

// Keys of /proc/<pid>/fdinfo that tell the id of a BPF object.
const (
	progID = "prog_id"
	linkID = "link_id"
	mapID  = "map_id"
)

// kernelObjects returns the ids of the BPF objects that a process holds open, by the key that tells them. It asks for
// those of one process, because other collectors may come and go at the same time.
func kernelObjects(t *testing.T, pid int) map[string][]uint32 {
	t.Helper()
	objects := map[string][]uint32{}
	folder := filepath.Join("/proc", strconv.Itoa(pid), "fdinfo")
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		info, err := os.Open(filepath.Join(folder, entry.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue // closed meanwhile
		}
		if err != nil {
			t.Fatal(err)
		}
		for lines := bufio.NewScanner(info); lines.Scan(); {
			key, value, _ := strings.Cut(lines.Text(), ":")
			if key != progID && key != linkID && key != mapID {
				continue
			}
			id, err := strconv.ParseUint(strings.TrimSpace(value), 10, 32)
			if err != nil {
				t.Fatal(err)
			}
			objects[key] = append(objects[key], uint32(id))
		}
		if err := info.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return objects
}

// stillThere returns which of the objects the kernel still knows.
func stillThere(t *testing.T, objects map[string][]uint32) []string {
	t.Helper()
	// They are looked up, not opened: a kernel that is just clearing an array of programs keeps it for ever if somebody opens
	// and closes it meanwhile.
	next := map[string]func(uint32) (uint32, error){
		progID: func(id uint32) (uint32, error) {
			found, err := ebpf.ProgramGetNextID(ebpf.ProgramID(id))
			return uint32(found), err
		},
		mapID: func(id uint32) (uint32, error) {
			found, err := ebpf.MapGetNextID(ebpf.MapID(id))
			return uint32(found), err
		},
		linkID: openLink,
	}
	var left []string
	for kind, ids := range objects {
		for _, id := range ids {
			found, err := next[kind](id - 1)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
			if err == nil && found == id {
				left = append(left, kind+" "+strconv.Itoa(int(id)))
			}
		}
	}
	return left
}

// openLink finds the link with the id after the given one by opening it: links cannot be looked up.
func openLink(id uint32) (uint32, error) {
	l, err := link.NewFromID(link.ID(id + 1))
	if err != nil {
		return 0, err
	}
	return id + 1, l.Close()
}

func TestWithoutRightsTheErrorAtStartNamesThem(t *testing.T) {
	const nobody = 65534
	needRoot(t) // to become somebody else
	spec, _, _ := newCollector(t, "capture.yaml", "{}")
	// The repository may be in a folder that others cannot enter, and the one of the test is.
	folder, err := os.MkdirTemp("", "otelcol-risk-e2e-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(folder); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	spec.Binary = copyFile(t, spec.Binary, folder, 0o755)
	spec.Config = copyFile(t, spec.Config, folder, 0o644)
	spec.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	collector, err := harness.StartCollector(within(t, patience), spec)
	if err == nil {
		t.Error("no error")
		if err := collector.Stop(grace); err != nil {
			t.Error(err)
		}
		return
	}
	for _, want := range []string{"CAP_BPF", "ebpf"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q: %v", want, err)
		}
	}
}

// TestRightsThatAreNotNeededAnyMoreAreDropped also needs what is done later on: that idle connections are swept.
func TestRightsThatAreNotNeededAnyMoreAreDropped(t *testing.T) {
	t.Setenv("E2E_DROP", "true")
	t.Setenv("E2E_IDLE", "1s")
	s := startServer(t, "127.0.0.1")
	p := capture(t, onlyPorts(t, s.addr))
	for _, line := range capabilityLines(t, p.collector.Pid()) {
		name, value, _ := strings.Cut(line, ":")
		set, err := strconv.ParseUint(strings.TrimSpace(value), 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		for right, bit := range map[string]uint{"CAP_NET_ADMIN": 12, "CAP_SYS_ADMIN": 21, "CAP_SYS_RESOURCE": 24, "CAP_PERFMON": 38} {
			if set&(1<<bit) != 0 {
				t.Errorf("a thread still has %s in %s", right, name)
			}
		}
		if name != "CapInh" && set&(1<<39) == 0 {
			t.Errorf("a thread has no CAP_BPF in %s", name)
		}
	}
	get(t, "", s.addr, "/small", each)
	kept := dial(t, s.addr)
	for swept := range 2 {
		kept.request("GET", "/small")
		kept.answer("GET")
		p.awaitSwept(2 * (swept + 1))
	}
	p.finish(2 * (each + 2))
	p.compareBoth(exchanges{"GET /small 200": each + 2})
}

// awaitSwept waits until so many ends of connections were swept.
func (p *pipeline) awaitSwept(ends int) {
	p.t.Helper()
	ctx := within(p.t, patience)
	for {
		metrics, err := harness.Scrape(ctx, p.telemetry)
		if err != nil {
			p.t.Fatal(p.collector.Explain(err))
		}
		if int(metrics.Sum("otelcol_receiver_ebpf_swept")) >= ends {
			return
		}
		pause(ctx, 50*time.Millisecond)
	}
}

// capabilityLines returns the lines that tell the inheritable, permitted and effective rights of every thread of a process.
func capabilityLines(t *testing.T, pid int) (lines []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("/proc", strconv.Itoa(pid), "task", "*", "status"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no threads of %d: %v", pid, err)
	}
	for _, file := range files {
		status, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue // ended meanwhile
		}
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(status)) {
			for _, name := range []string{"CapInh:", "CapPrm:", "CapEff:"} {
				if strings.HasPrefix(line, name) {
					lines = append(lines, strings.TrimSpace(line))
				}
			}
		}
	}
	return lines
}

func copyFile(t *testing.T, from, folder string, mode fs.FileMode) string {
	t.Helper()
	source, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, filepath.Base(from))
	target, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, mode)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(target, source); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(source.Close(), target.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}
