// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// bell is what the reader sleeps on: the kernel rings it when much waits, and so does who wants it to stop.
type bell struct {
	epoll int
	stop  int // an eventfd
}

// newBell returns one for the ring behind a file descriptor.
func newBell(ring int) (*bell, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("create epoll: %w", err)
	}
	stop, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("create eventfd: %w", err), unix.Close(epoll))
	}
	b := &bell{epoll: epoll, stop: stop}
	for _, fd := range []int{ring, stop} {
		if err := unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}); err != nil {
			return nil, errors.Join(fmt.Errorf("watch file descriptor: %w", err), b.close())
		}
	}
	return b, nil
}

// woken says what ended a wait.
type woken uint8

const (
	byTime woken = iota
	byData
	byStop
)

// wait sleeps until the bell rings, or something is in the ring already, about until the deadline at the latest.
func (b *bell) wait(deadline time.Time) (woken, error) {
	var events [2]unix.EpollEvent
	for {
		n, err := unix.EpollWait(b.epoll, events[:], milliseconds(time.Until(deadline)))
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return byTime, fmt.Errorf("wait for events: %w", err)
		case n == 0:
			return byTime, nil
		}
		for _, e := range events[:n] {
			if int(e.Fd) == b.stop {
				return byStop, nil
			}
		}
		return byData, nil
	}
}

// milliseconds rounds a wait up: less than one is not none, which would keep a processor busy.
func milliseconds(wait time.Duration) int {
	return int((max(0, wait) + time.Millisecond - 1) / time.Millisecond)
}

// ring rings it to stop.
func (b *bell) ring() error {
	if _, err := unix.Write(b.stop, binary.NativeEndian.AppendUint64(nil, 1)); err != nil {
		return fmt.Errorf("write to eventfd: %w", err)
	}
	return nil
}

func (b *bell) close() error { return errors.Join(unix.Close(b.epoll), unix.Close(b.stop)) }
