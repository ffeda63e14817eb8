// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// holderRole is the argument that makes this program hold connections open.
const holderRole = "hold"

const (
	openConnections = 50000
	holderProcesses = 4
	idleAfter       = 15 * time.Second // of the receiver; longer than it takes to open the connections
)

// memory is the outcome, in MiB: resident memory of the receiver's process, and what the kernel keeps for it by socket.
type memory struct {
	Idle float64 `json:"idle_mib"`
	Open float64 `json:"open_mib"` // with openConnections, each of which has carried an exchange
	// Kernel is by how much more the kernel allocates while these are open, twice as many sockets, than without a receiver.
	Kernel float64 `json:"open_kernel_mib"`
	// Swept is the same once all have been idle for long enough, SweptResident what the receiver's process then takes.
	Swept         float64 `json:"idle_kernel_mib"`
	SweptResident float64 `json:"idle_resident_mib"`
	Want          float64 `json:"want_mib"` // of Open
	Churn         churn   `json:"churn"`
	Without       churn   `json:"churn_without"` // the same without the receiver
}

// measureMemory holds many connections open, then has connections come and go.
func measureMemory(ctx context.Context, _ options) (any, error) {
	server, err := startServer(ctx)
	if err != nil {
		return nil, err
	}
	defer server.stop()
	var without float64
	if err := holdOpen(ctx, server, func() { without = slabMiB() }); err != nil {
		return nil, err
	}
	a, err := startAgent(ctx, "traces,metrics", fmt.Sprintf(`{"idle_after": "%s"}`, idleAfter))
	if err != nil {
		return nil, err
	}
	pid := a.cmd.Process.Pid
	r := memory{Idle: residentMiB(pid), Want: 100}
	err = holdOpen(ctx, server, func() {
		r.Open, r.Kernel = residentMiB(pid), slabMiB()-without
		<-time.After(2*idleAfter + 5*time.Second) // noted by one sweep, swept by the next, and freed soon after
		r.SweptResident, r.Swept = residentMiB(pid), slabMiB()-without
	})
	if err != nil {
		return nil, err
	}
	if r.Churn, err = server.measureChurn(ctx, pid); err != nil {
		return nil, err
	}
	if _, err := a.stop(); err != nil {
		return nil, err
	}
	r.Without, err = server.measureChurn(ctx, 0)
	return r, err
}

// holdOpen calls measure while openConnections to the server are open. They are held by several processes, because few
// systems let one hold so many.
func holdOpen(ctx context.Context, server *webServer, measure func()) (err error) {
	var holders []*exec.Cmd
	var ends []io.Closer
	for i := range holderProcesses {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		cmd := exec.CommandContext(ctx, self, holderRole, server.addr, strconv.Itoa(i))
		cmd.Stderr = os.Stderr
		stdin, err := cmd.StdinPipe()
		if err != nil {
			return err
		}
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			return err
		}
		if err := cmd.Start(); err != nil {
			return fmt.Errorf("start holder: %w", err)
		}
		holders, ends = append(holders, cmd), append(ends, stdin)
		if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
			return fmt.Errorf("start holder: said %q: %w", line, err)
		}
	}
	measure()
	for i, cmd := range holders {
		err = errors.Join(err, ends[i].Close(), cmd.Wait())
	}
	return err
}

// hold opens its part of the connections, each of which carries an exchange, and keeps them until in ends.
func hold(ctx context.Context, addr, part string, in io.Reader, out io.Writer) error {
	number, err := strconv.ParseUint(part, 10, 7)
	if err != nil {
		return fmt.Errorf("read number of holder: %w", err)
	}
	answer := make([]byte, 4096)
	from := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(number))}} // one has too few ports for all
	for range openConnections / holderProcesses {
		conn, err := from.DialContext(ctx, "tcp", addr)
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close() }()
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // a port in TIME_WAIT would be memory of the kernel's for a minute
		}
		if _, err := io.WriteString(conn, request); err != nil {
			return err
		}
		if _, err := conn.Read(answer); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintln(out, "ready"); err != nil {
		return fmt.Errorf("say ready: %w", err)
	}
	_, err = io.Copy(io.Discard, in)
	return err
}

// residentMiB reads the resident memory of a process; 0 if it is gone.
func residentMiB(pid int) float64 {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseFloat(fields[1], 64)
	if err != nil {
		return 0
	}
	return pages * float64(os.Getpagesize()) / (1 << 20)
}

// slabMiB reads what the kernel has allocated piece by piece and cannot give back; 0 if it does not say.
func slabMiB() float64 {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	_, behind, _ := strings.Cut(string(text), "SUnreclaim:")
	fields := strings.Fields(behind)
	if len(fields) == 0 {
		return 0
	}
	kib, err := strconv.ParseFloat(fields[0], 64)
	if err != nil {
		return 0
	}
	return kib / (1 << 10)
}

// processCPU reads the CPU time of a process in seconds; 0 if it is gone. The kernel counts it in hundredths.
func processCPU(pid int) float64 {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 13 {
		return 0
	}
	user, userErr := strconv.ParseFloat(fields[11], 64)
	system, systemErr := strconv.ParseFloat(fields[12], 64)
	if userErr != nil || systemErr != nil {
		return 0
	}
	return (user + system) / 100
}
