// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package procinfo

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/protocol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// host is a /proc in a folder of the test, and the clocks of a host.
type host struct {
	t              *testing.T
	root           string
	now, suspended time.Duration
}

func newHost(t *testing.T) *host {
	t.Helper()
	return &host{t: t, root: t.TempDir(), now: 100 * time.Second}
}

// resolver returns a Resolver that looks at h.
func (h *host) resolver(limit int) *Resolver {
	return New(Settings{
		Root: h.root, MaxProcesses: limit,
		Now:       func() time.Duration { return h.now },
		Suspended: func() time.Duration { return h.suspended },
	})
}

// run makes a process that began at that time.
func (h *host) run(pid uint32, executable string, begun time.Duration, environ ...string) {
	h.t.Helper()
	dir := filepath.Join(h.root, strconv.Itoa(int(pid)))
	require.NoError(h.t, os.RemoveAll(dir))
	require.NoError(h.t, os.Mkdir(dir, 0o755))
	comm := filepath.Base(executable)
	h.write(pid, "stat", strconv.Itoa(int(pid))+" ("+comm+") S 1 1 1 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 "+
		strconv.Itoa(int(begun/(time.Second/ticks)))+" 1 1 18446744073709551615\n")
	h.write(pid, "cgroup", "0::/system.slice/"+comm+".service\n")
	h.write(pid, "environ", strings.Join(environ, "\x00")+"\x00")
	if strings.HasPrefix(executable, "/") {
		require.NoError(h.t, os.Symlink(executable, filepath.Join(dir, "exe")))
	}
}

func (h *host) write(pid uint32, name, content string) {
	h.t.Helper()
	path := filepath.Join(h.root, strconv.Itoa(int(pid)), name)
	require.NoError(h.t, os.WriteFile(path, []byte(content), 0o644))
}

// end ends a process.
func (h *host) end(pid uint32) {
	h.t.Helper()
	require.NoError(h.t, os.RemoveAll(filepath.Join(h.root, strconv.Itoa(int(pid)))))
}

// owner returns the owner of a socket that was made at that time.
func owner(pid uint32, comm string, created time.Duration) protocol.Owner {
	o := protocol.Owner{PID: pid, Created: uint64(created)}
	copy(o.Comm[:], comm)
	return o
}

func TestResolveReadsTheProcess(t *testing.T) {
	h := newHost(t)
	h.run(7, "/usr/sbin/nginx", 10*time.Second, "A=b", "OTEL_SERVICE_NAME=shop")
	id := strings.Repeat("0123456789abcdef", 4)
	h.write(7, "cgroup", "0::/system.slice/docker-"+id+".scope\n")
	r := h.resolver(8)
	got := r.Resolve(owner(7, "nginx", 20*time.Second))
	assert.Equal(t, &Process{
		Executable: "/usr/sbin/nginx", Name: "nginx", ServiceName: "shop", ContainerID: id, PID: 7, Begun: uint64(10 * time.Second),
	}, got)
	assert.True(t, got.Known())
	assert.Same(t, got, r.Resolve(owner(7, "worker", 99*time.Second)))
	assert.Equal(t, Stats{Processes: 1}, r.Stats())
}

func TestResolveNamesTheServiceByTheExecutableWithoutEnvironment(t *testing.T) {
	h := newHost(t)
	h.run(7, "/srv/app (deleted)", 0)
	got := h.resolver(8).Resolve(owner(7, "x", time.Second))
	assert.Equal(t, "/srv/app", got.Executable)
	assert.Equal(t, "app", got.Name)
	assert.Equal(t, "app", got.ServiceName)
	assert.Empty(t, got.ContainerID)
	assert.NotZero(t, got.Begun, "a process that began with the system has begun")
}

func TestResolveOfAKernelThreadHasItsTaskName(t *testing.T) {
	h := newHost(t)
	h.run(7, "nfsd", time.Second)
	got := h.resolver(8).Resolve(owner(7, "nfsd", 2*time.Second))
	assert.Empty(t, got.Executable)
	assert.Equal(t, "nfsd", got.Name)
	assert.Equal(t, "nfsd", got.ServiceName)
}

func TestResolveOfAnUnknownOwnerKnowsNothing(t *testing.T) {
	r := newHost(t).resolver(8)
	got := r.Resolve(owner(0, "x", time.Second))
	assert.False(t, got.Known())
	assert.Equal(t, Process{}, *got)
	assert.Zero(t, r.Stats())
}

func TestResolveOfAnEndedProcessClaimsOnlyWhatTheKernelSaw(t *testing.T) {
	r := newHost(t).resolver(8)
	got := r.Resolve(owner(7, "a-name-of-16byte", time.Second))
	assert.Equal(t, Process{PID: 7, Name: "a-name-of-16byte", ServiceName: "a-name-of-16byte"}, *got)
	assert.EqualValues(t, 1, r.Stats().Ended)
}

func TestResolveDoesNotTakeTheNextOwnerOfAnIDForThePreviousOne(t *testing.T) {
	h := newHost(t)
	h.run(7, "/bin/new", 50*time.Second)
	r := h.resolver(8)
	assert.Equal(t, Process{PID: 7, Name: "old", ServiceName: "old"}, *r.Resolve(owner(7, "old", 49*time.Second)))
	h.now += missTime
	assert.Equal(t, "/bin/new", r.Resolve(owner(7, "new", 51*time.Second)).Executable)
	assert.Equal(t, "old", r.Resolve(owner(7, "old", 49*time.Second)).Name, "though the new one is remembered")
}

func TestResolveNoticesThatAnIDWasReused(t *testing.T) {
	h := newHost(t)
	h.run(7, "/bin/old", 50*time.Second)
	r := h.resolver(8)
	require.Equal(t, "/bin/old", r.Resolve(owner(7, "old", 60*time.Second)).Executable)
	h.run(7, "/bin/new", 101*time.Second)
	h.now = 102 * time.Second
	assert.Equal(t, "/bin/old", r.Resolve(owner(7, "old", 60*time.Second)).Executable, "a socket of before the look")
	assert.Equal(t, "/bin/new", r.Resolve(owner(7, "new", 102*time.Second)).Executable, "a socket of after it")
}

func TestResolveLooksAgainOnlyAfterAWhile(t *testing.T) {
	h := newHost(t)
	h.run(7, "/bin/app", 50*time.Second)
	r := h.resolver(8)
	first := r.Resolve(owner(7, "app", 60*time.Second))
	h.end(7)
	h.now += recheck - 1
	assert.Same(t, first, r.Resolve(owner(7, "app", h.now)), "within the recheck time nothing is read")
	h.now++
	assert.Empty(t, r.Resolve(owner(7, "app", h.now)).Executable)
}

func TestResolveKeepsAProcessThatIsStillThere(t *testing.T) {
	h := newHost(t)
	h.run(7, "/bin/app", 50*time.Second)
	r := h.resolver(8)
	first := r.Resolve(owner(7, "app", 60*time.Second))
	for range 3 {
		h.now += 2 * recheck
		assert.Same(t, first, r.Resolve(owner(7, "app", h.now)))
	}
}

func TestResolveNoticesThatAProcessRunsAnotherProgram(t *testing.T) {
	h := newHost(t)
	h.run(7, "/bin/wrapper", 50*time.Second)
	r := h.resolver(8)
	assert.Equal(t, "wrapper", r.Resolve(owner(7, "wrapper", 60*time.Second)).Name)
	h.run(7, "/bin/server", 50*time.Second)
	h.now += 2 * recheck
	assert.Equal(t, "server", r.Resolve(owner(7, "server", h.now)).Name)
}

func TestResolveRemembersMissesShortly(t *testing.T) {
	h := newHost(t)
	r := h.resolver(8)
	first := r.Resolve(owner(7, "curl", 99*time.Second))
	h.run(7, "/bin/curl", 98*time.Second)
	h.now += missTime - 1
	assert.Same(t, first, r.Resolve(owner(7, "curl", 99*time.Second)))
	assert.Equal(t, "wget", r.Resolve(owner(7, "wget", 99*time.Second)).Name, "under another name it is another process")
	assert.Equal(t, "curl", first.Name, "what was handed out does not change")
	h.now++
	assert.Equal(t, "/bin/curl", r.Resolve(owner(7, "curl", 99*time.Second)).Executable)
	assert.EqualValues(t, 2, r.Stats().Ended)
}

func TestResolveOfASocketOlderThanTheReceiverTakesWhoIsThere(t *testing.T) {
	h := newHost(t)
	h.run(7, "/bin/app", 50*time.Second)
	assert.Equal(t, "/bin/app", h.resolver(8).Resolve(owner(7, "", 0)).Executable)
}

func TestResolveAllowsForTheHostsSleep(t *testing.T) {
	h := newHost(t)
	h.suspended = time.Hour
	h.run(7, "/bin/app", time.Hour+50*time.Second)
	r := h.resolver(8)
	assert.Equal(t, "/bin/app", r.Resolve(owner(7, "app", 60*time.Second)).Executable)
	assert.Empty(t, h.resolver(8).Resolve(owner(7, "app", 49*time.Second)).Executable)
}

func TestResolveForgetsTheLeastRecentlyUsed(t *testing.T) {
	h := newHost(t)
	r := h.resolver(2)
	for pid := range uint32(3) {
		h.run(pid+1, "/bin/"+strconv.Itoa(int(pid+1)), time.Second)
	}
	one := r.Resolve(owner(1, "", time.Second))
	two := r.Resolve(owner(2, "", time.Second))
	require.Same(t, one, r.Resolve(owner(1, "", time.Second)))
	r.Resolve(owner(3, "", time.Second))
	assert.EqualValues(t, 2, r.Stats().Processes)
	assert.Same(t, one, r.Resolve(owner(1, "", time.Second)))
	assert.NotSame(t, two, r.Resolve(owner(2, "", time.Second)))
}

func TestResolveCountsWhatItMayNotRead(t *testing.T) {
	h := newHost(t)
	h.run(7, "/bin/app", time.Second, "OTEL_SERVICE_NAME=shop")
	r := h.resolver(8)
	r.files.readlink = func(path string) (string, error) {
		return "", &fs.PathError{Op: "readlink", Path: path, Err: fs.ErrPermission}
	}
	assert.Equal(t, Process{Name: "app", ServiceName: "shop", Unit: "app.service", PID: 7, Begun: uint64(time.Second)}, *r.Resolve(owner(7, "x", 2*time.Second)))
	r.Resolve(owner(7, "x", 2*time.Second))
	assert.Equal(t, Stats{Processes: 1, Denied: 1}, r.Stats())
}

func TestResolveFindsThisProcess(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there is a /proc on Linux only")
	}
	executable, err := os.Readlink("/proc/self/exe")
	require.NoError(t, err)
	t.Setenv("OTEL_SERVICE_NAME", "set too late for /proc/self/environ")
	now := monotonicClock()()
	r := New(Settings{MaxProcesses: 8})
	got := r.Resolve(owner(uint32(os.Getpid()), "x", now))
	assert.Equal(t, executable, got.Executable)
	assert.InDelta(t, float64(now+suspended()), float64(got.Begun), float64(10*time.Minute))
	assert.Empty(t, r.Resolve(owner(uint32(os.Getpid()), "x", time.Nanosecond)).Executable, "it did not begin with the system")
}

func TestResolveOfAFloodOfEndedProcessesStaysBounded(t *testing.T) {
	h := newHost(t)
	r := h.resolver(16)
	for pid := range uint32(10_000) {
		got := r.Resolve(owner(pid+1, "curl", h.now))
		assert.Equal(t, Process{PID: pid + 1, Name: "curl", ServiceName: "curl"}, *got)
	}
	assert.Equal(t, Stats{Processes: 16, Ended: 10_000}, r.Stats())
}

func TestResolveOfAnEndedProcessLooksOnce(t *testing.T) {
	h := newHost(t)
	r := h.resolver(16)
	looks := 0
	r.files.readlink = func(string) (string, error) { looks++; return "/bin/app", nil }
	h.run(7, "app", 99*time.Second)
	for range 1000 {
		r.Resolve(owner(7, "old", 98*time.Second))
	}
	assert.Equal(t, 1, looks, "within the time that a miss is remembered")
	h.now += missTime
	r.Resolve(owner(7, "old", 98*time.Second))
	assert.Equal(t, 2, looks)
}

func TestResolveOfAProcessThatIsReplacedWhileItIsReadClaimsNothing(t *testing.T) {
	h := newHost(t)
	h.run(7, "/bin/old", 10*time.Second, "OTEL_SERVICE_NAME=old")
	r := h.resolver(16)
	r.files.readlink = func(string) (string, error) {
		h.run(7, "/bin/new", 50*time.Second, "OTEL_SERVICE_NAME=new")
		return "/bin/old", nil
	}
	assert.Equal(t, Process{PID: 7, Name: "x", ServiceName: "x"}, *r.Resolve(owner(7, "x", 60*time.Second)))
}

func TestStatsMayBeReadWhileProcessesAreResolved(t *testing.T) {
	h := newHost(t)
	r := h.resolver(4)
	var readers sync.WaitGroup
	done := make(chan struct{})
	readers.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				assert.LessOrEqual(t, r.Stats().Processes, int64(4))
			}
		}
	})
	for pid := range uint32(1000) {
		r.Resolve(owner(pid+1, "curl", time.Second))
	}
	close(done)
	readers.Wait()
}

func TestReadRefusesAMalformedStat(t *testing.T) {
	h := newHost(t)
	h.run(7, "/bin/app", time.Second)
	h.write(7, "stat", "7 (app) S")
	r := h.resolver(4)
	_, err := r.files.read(7)
	require.ErrorIs(t, err, errStat)
	assert.Empty(t, r.Resolve(owner(7, "app", 2*time.Second)).Executable)
}

func TestReadTakesOnlySoMuchOfAFile(t *testing.T) {
	h := newHost(t)
	h.run(7, "/bin/app", time.Second)
	h.write(7, "environ", strings.Repeat("A=b\x00", maxEnviron/4)+"OTEL_SERVICE_NAME=shop\x00")
	r := h.resolver(4)
	assert.Equal(t, "app", r.Resolve(owner(7, "app", 2*time.Second)).ServiceName)
	assert.LessOrEqual(t, len(r.files.buffer), maxEnviron)
}

func TestResolveOfAnEndedProcessKnowsWhereItsSocketIs(t *testing.T) {
	h := newHost(t)
	asked := 0
	r := New(Settings{
		Root: h.root, MaxProcesses: 8, Now: func() time.Duration { return h.now },
		CgroupPath: func(cgroup uint64) string {
			asked++
			return "/docker/" + strings.Repeat(strconv.Itoa(int(cgroup)), idLen)
		},
	})
	o := owner(7, "curl", 99*time.Second)
	for _, cgroup := range []uint64{1, 2, 1, 2} {
		o.CgroupID = cgroup
		want := Process{PID: 7, Name: "curl", ServiceName: "curl", ContainerID: strings.Repeat(strconv.Itoa(int(cgroup)), idLen)}
		assert.Equal(t, want, *r.Resolve(o))
	}
	assert.Equal(t, 2, asked, "a cgroup is asked for once")
}

func TestResolveStandsByWhatItSaidOfASocket(t *testing.T) {
	h := newHost(t)
	h.run(7, "/bin/curl", 50*time.Second)
	r := h.resolver(8)
	first := r.Resolve(owner(7, "curl", h.now))
	made := h.now + time.Millisecond
	h.now += 2 * time.Millisecond
	require.Same(t, first, r.Resolve(owner(7, "curl", made)))
	h.end(7)
	h.now += time.Minute
	assert.Same(t, first, r.Resolve(owner(7, "curl", made)), "its exchange may end long after the process")
	assert.Empty(t, r.Resolve(owner(7, "curl", made+1)).Executable, "but who made another socket is not known")
}

// children writes the list of the children of a process's only thread.
func (h *host) children(pid uint32, list string) {
	h.t.Helper()
	id := strconv.Itoa(int(pid))
	require.NoError(h.t, os.MkdirAll(filepath.Join(h.root, id, "task", id), 0o755))
	h.write(pid, filepath.Join("task", id, "children"), list)
}

func TestResolveOfAnInheritedSocketIsCertainOnlyWithoutChildren(t *testing.T) {
	h := newHost(t)
	h.run(7, "/bin/server", 50*time.Second)
	h.children(7, "")
	r := h.resolver(8)
	o := owner(7, "server", 60*time.Second)
	o.Inherited = true
	assert.Equal(t, "server", r.Resolve(o).Name)
	h.children(7, "8 9 ")
	h.now += recheck
	assert.False(t, r.Resolve(o).Known())
	o.Inherited = false
	assert.Equal(t, "server", r.Resolve(o).Name, "who accepted is known")
	assert.EqualValues(t, 1, r.Stats().Uncertain)

	h.run(8, "/bin/other", 50*time.Second)
	other := owner(8, "other", 60*time.Second)
	other.Inherited = true
	assert.False(t, r.Resolve(other).Known(), "a kernel that does not list children")
}
