// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

const (
	churnRate = 10000
	churnTime = 15 * time.Second
	// churnRest is for how long nothing happens until it is read what the kernel keeps: it frees with a delay.
	churnRest = 5 * time.Second
	// churnCallers open connections, churnBatch at once before they read the first answer.
	churnCallers = 4
	churnBatch   = 16
)

// churn is what connections that come and go, each with one request, leave behind.
type churn struct {
	Most     float64   `json:"most_per_s"` // as many connections a second as possible
	Want     float64   `json:"want_per_s"`
	Rate     float64   `json:"per_s"`                  // paced at Want, for churnTime
	Resident []float64 `json:"resident_mib,omitempty"` // of the receiver, every second of these
	Kernel   float64   `json:"kernel_grew_mib"`        // from before these to after them, at rest
}

// measureChurn first opens as many connections as it can, so that budgets settle and as many ports as ever are in
// TIME_WAIT, which the kernel's memory is then compared without. A pid of 0 stands for no receiver.
func (s *webServer) measureChurn(ctx context.Context, pid int) (c churn, err error) {
	if c.Most, err = s.openAndClose(ctx, 0, warm); err != nil {
		return c, err
	}
	<-time.After(churnRest)
	before := slabMiB()
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.Want = churnRate
		c.Rate, err = s.openAndClose(ctx, churnRate, churnTime)
	}()
	for range int(churnTime / time.Second) {
		<-time.After(time.Second)
		if pid != 0 {
			c.Resident = append(c.Resident, residentMiB(pid))
		}
	}
	<-done
	<-time.After(churnRest)
	c.Kernel = slabMiB() - before
	return c, err
}

// openAndClose opens connections for one request each, at a rate or, with 0, as fast as it can, and returns how many a
// second were answered.
func (s *webServer) openAndClose(ctx context.Context, rate float64, duration time.Duration) (float64, error) {
	addr, err := netip.ParseAddrPort(s.addr)
	if err != nil {
		return 0, err
	}
	to := &unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}
	var begun atomic.Int64
	var running sync.WaitGroup
	failures := make([]error, churnCallers)
	start := time.Now()
	for caller := range churnCallers {
		running.Go(func() {
			for time.Since(start) < duration && ctx.Err() == nil && failures[caller] == nil {
				i := begun.Add(churnBatch)
				if rate > 0 {
					<-time.After(time.Until(start.Add(time.Duration(float64(i) / rate * 1e9))))
				}
				failures[caller] = batch(to)
			}
		})
	}
	running.Wait()
	return float64(begun.Load()) / time.Since(start).Seconds(), errors.Join(append(failures, ctx.Err())...)
}

// batch carries churnBatch requests over a connection each. Package net would make three times as many system calls. The
// server closes first, so it has the ports in TIME_WAIT, and ours can be used again.
func batch(to *unix.SockaddrInet4) error {
	sockets := make([]int, 0, churnBatch)
	defer func() {
		for _, fd := range sockets {
			_ = unix.Close(fd)
		}
	}()
	for range churnBatch {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("open socket: %w", err)
		}
		sockets = append(sockets, fd)
		if err := unix.Connect(fd, to); err != nil {
			return fmt.Errorf("connect: %w", err)
		}
		if _, err := unix.Write(fd, []byte("GET / HTTP/1.1\r\nHost: overhead\r\nConnection: close\r\n\r\n")); err != nil {
			return fmt.Errorf("send request: %w", err)
		}
	}
	answer := make([]byte, 4096)
	for _, fd := range sockets {
		n, _, err := unix.Recvfrom(fd, answer, unix.MSG_WAITALL) // until the server closes
		if err != nil {
			return fmt.Errorf("read answer: %w", err)
		}
		if !bytes.HasSuffix(answer[:n], []byte("hello\n")) {
			return fmt.Errorf("read answer: %q", answer[:n])
		}
	}
	return nil
}
