// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// faulty is what a wire does to packets, each as a share of all of them.
type faulty struct {
	loss, duplicate, reorder float64
}

// wire connects two network namespaces with nothing else in them through a program, this one: what a kernel's netem
// would do to the packets, which not every kernel has.
//
//	namespace 0, 10.9.9.1  --tun--  relay of this process  --tun--  namespace 1, 10.9.9.2
//
// The tun devices know no segmentation offload: each packet is one that a network could lose.
type wire struct {
	ends                      [2]*namespace
	lost, duplicated, swapped atomic.Int64
}

// namespace runs functions on a thread within a network namespace of its own. The namespace ends with the thread and
// with the sockets that were opened in it.
type namespace struct {
	addr string
	tun  *os.File
	work chan func()
}

func newWire(t *testing.T, faults faulty) *wire {
	t.Helper()
	w := &wire{}
	for i := range w.ends {
		n := &namespace{addr: fmt.Sprintf("10.9.9.%d", i+1), work: make(chan func())}
		started := make(chan error, 1)
		go n.run(started)
		if err := <-started; err != nil {
			t.Fatalf("make a network namespace with a tun device: %v", err)
		}
		t.Cleanup(func() { close(n.work) })
		w.ends[i] = n
	}
	var relays sync.WaitGroup
	t.Cleanup(relays.Wait)
	for i := range w.ends {
		from, to := w.ends[i].tun, w.ends[1-i].tun
		// The seed is fixed, but which packet meets which fate is up to the scheduler too.
		random := rand.New(rand.NewPCG(uint64(i), 1))
		relays.Go(func() { w.relay(from, to, faults, random) })
		t.Cleanup(func() { _ = from.Close() }) // ends the relay that reads it
	}
	return w
}

// run makes the namespace and then does what it is asked for. Its thread is never unlocked: it ends with the goroutine.
func (n *namespace) run(started chan<- error) {
	runtime.LockOSThread()
	started <- n.setUp()
	for f := range n.work {
		f()
	}
}

func (n *namespace) setUp() error {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("unshare: %w", err)
	}
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open tun: %w", err)
	}
	request, err := unix.NewIfreq("wire")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
		return errors.Join(fmt.Errorf("make tun device: %w", err), unix.Close(fd))
	}
	n.tun = os.NewFile(uintptr(fd), "tun")
	// A child of this thread begins in its namespace.
	for _, args := range []string{"addr add " + n.addr + "/24 dev wire", "link set wire up"} {
		if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
			return fmt.Errorf("ip %s: %w: %s", args, err, out)
		}
	}
	return nil
}

// do runs f within the namespace.
func (n *namespace) do(f func()) {
	done := make(chan struct{})
	n.work <- func() { defer close(done); f() }
	<-done
}

func (n *namespace) listen(t *testing.T) net.Listener {
	t.Helper()
	var listener net.Listener
	var err error
	n.do(func() { listener, err = net.Listen("tcp", n.addr+":0") })
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

// dial connects a socket of this namespace.
func (n *namespace) dial(addr string) (net.Conn, error) {
	var conn net.Conn
	err := errors.New("the namespace has ended")
	n.do(func() {
		// An address without a name to look up is dialled on the calling thread.
		conn, err = net.DialTCP("tcp", nil, net.TCPAddrFromAddrPort(netip.MustParseAddrPort(addr)))
	})
	return conn, err
}

// relay moves packets from one end to the other until the first is closed.
func (w *wire) relay(from, to *os.File, faults faulty, random *rand.Rand) {
	var held []byte                                         // to be sent after the packet that follows it, or after a while
	send := func(packet []byte) { _, _ = to.Write(packet) } // a full queue loses packets, as networks do
	packet := make([]byte, 1<<16)
	for {
		if err := from.SetReadDeadline(deadline(held)); err != nil {
			return
		}
		n, err := from.Read(packet)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			send(held)
			held = nil
			continue
		case err != nil:
			return
		}
		switch dice := random.Float64(); {
		case dice < faults.loss:
			w.lost.Add(1)
		case dice < faults.loss+faults.duplicate:
			w.duplicated.Add(1)
			send(packet[:n])
			send(packet[:n])
		case dice < faults.loss+faults.duplicate+faults.reorder && held == nil:
			w.swapped.Add(1)
			held = append(held, packet[:n]...)
			continue
		default:
			send(packet[:n])
		}
		if held != nil {
			send(held)
			held = nil
		}
	}
}

// deadline is until when a relay waits for a packet to send before the one it holds.
func deadline(held []byte) time.Time {
	if held == nil {
		return time.Time{}
	}
	return time.Now().Add(5 * time.Millisecond)
}
