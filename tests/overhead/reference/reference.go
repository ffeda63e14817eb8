// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package reference watches HTTP/1 the usual way, with tracepoints on system calls, so that there is something to compare
// the receiver with. It only counts its records.
package reference

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/ringbuf"
	"github.com/cilium/ebpf/rlimit"
)

//go:generate go tool -modfile=../../../tools/go.mod bpf2go -cc clang-19 -strip llvm-strip-19 -target bpfel reference bpf/reference.bpf.c -- -Wall -Wextra -Werror -mcpu=v3

// Reference is the attached programs. Close it once.
type Reference struct {
	objects referenceObjects
	links   []link.Link
	reader  *ringbuf.Reader
	done    chan struct{}
}

// Attach loads and attaches the programs and reads what they write.
func Attach() (*Reference, error) {
	if err := rlimit.RemoveMemlock(); err != nil {
		return nil, fmt.Errorf("raise RLIMIT_MEMLOCK: %w", err)
	}
	r := &Reference{done: make(chan struct{})}
	if err := loadReferenceObjects(&r.objects, nil); err != nil {
		return nil, fmt.Errorf("load reference: %+w", err)
	}
	o := &r.objects
	for name, program := range map[string]*ebpf.Program{
		"sys_enter_read": o.EnterRead, "sys_exit_read": o.ExitRead, "sys_enter_write": o.EnterWrite, "sys_exit_write": o.ExitWrite,
		"sys_enter_recvfrom": o.EnterRecvfrom, "sys_exit_recvfrom": o.ExitRecvfrom,
		"sys_enter_sendto": o.EnterSendto, "sys_exit_sendto": o.ExitSendto,
		"sys_enter_readv": o.EnterReadv, "sys_exit_readv": o.ExitReadv,
		"sys_enter_writev": o.EnterWritev, "sys_exit_writev": o.ExitWritev,
	} {
		l, err := link.Tracepoint("syscalls", name, program, nil)
		if err != nil {
			return nil, fmt.Errorf("attach to %s: %w", name, err)
		}
		r.links = append(r.links, l)
	}
	reader, err := ringbuf.NewReader(o.Ring)
	if err != nil {
		return nil, fmt.Errorf("open ring buffer: %w", err)
	}
	r.reader = reader
	go r.read()
	return r, nil
}

// read drops what is written.
func (r *Reference) read() {
	defer close(r.done)
	var record ringbuf.Record
	for {
		r.reader.SetDeadline(time.Now().Add(50 * time.Millisecond))
		if err := r.reader.ReadInto(&record); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return
		}
	}
}

// Close detaches and unloads.
func (r *Reference) Close() error {
	var errs []error
	for _, l := range r.links {
		errs = append(errs, l.Close())
	}
	errs = append(errs, r.reader.Close())
	<-r.done
	return errors.Join(append(errs, r.objects.Close())...)
}
