// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package bpfobj

import (
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/features"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// Sweeper takes away the state that the kernel keeps of idle connections. Close it before the [Objects] that it is of. Not
// safe for concurrent use.
type Sweeper struct {
	program *ebpf.Program
	note    *ebpf.Variable
	link    *link.Iter
	sweeps  uint8
}

// ErrCannotSweep is returned where the kernel has not what sweeping needs.
var ErrCannotSweep = errors.New("needs Linux 5.11 with BTF of itself")

// checkSweep returns [ErrCannotSweep] where that is known beforehand.
func checkSweep() error {
	version, err := features.LinuxVersionCode()
	if err != nil {
		return fmt.Errorf("read version of the kernel: %w", err)
	}
	if _, err := os.Stat("/sys/kernel/btf/vmlinux"); err != nil || version < 5<<16|11<<8 {
		return errors.Join(ErrCannotSweep, err)
	}
	return nil
}

// NewSweeper loads the program that sweeps. It needs more of the kernel than [Load] does; see [ErrCannotSweep]. On an error
// nothing stays loaded, and connections keep their state.
func (o *Objects) NewSweeper() (*Sweeper, error) {
	if err := checkSweep(); err != nil {
		return nil, err
	}
	spec, err := loadSweep()
	if err != nil {
		return nil, fmt.Errorf("read BPF object: %w", err)
	}
	var loaded struct {
		Sweep *ebpf.Program  `ebpf:"sweep"`
		Note  *ebpf.Variable `ebpf:"sweep_note"`
	}
	if err := spec.LoadAndAssign(&loaded, &ebpf.CollectionOptions{MapReplacements: o.shared(spec)}); err != nil {
		return nil, fmt.Errorf("load BPF program: %w", err)
	}
	iter, err := link.AttachIter(link.IterOptions{Program: loaded.Sweep})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("attach BPF program: %w", err), loaded.Sweep.Close())
	}
	return &Sweeper{program: loaded.Sweep, note: loaded.Note, link: iter}, nil
}

// shared returns the maps of o that spec names, too, and makes spec say their sizes, which depend on the settings.
func (o *Objects) shared(spec *ebpf.CollectionSpec) map[string]*ebpf.Map {
	all := map[string]*ebpf.Map{}
	maps := reflect.ValueOf(o.maps)
	for i := range maps.NumField() {
		name := maps.Type().Field(i).Tag.Get("ebpf")
		shared, _ := maps.Field(i).Interface().(*ebpf.Map)
		if own := spec.Maps[name]; own != nil && name[0] != '.' {
			own.MaxEntries, own.ValueSize, own.Contents = shared.MaxEntries(), shared.ValueSize(), nil
			all[name] = shared
		}
	}
	return all
}

// Sweep looks at the sockets that the processes of this PID namespace have open, and takes away the state of connections of
// HTTP/1 that have been quiet since an earlier call and whose last exchange is over. It needs CAP_BPF at most.
func (s *Sweeper) Sweep() (err error) {
	s.sweeps++
	if err := s.note.Set(1 + s.sweeps%2); err != nil { // IDLE_NOTED, IDLE_NOTED_TOO
		return fmt.Errorf("begin a sweep: %w", err)
	}
	run, err := s.link.Open()
	if err != nil {
		return fmt.Errorf("begin a sweep: %w", err)
	}
	defer func() { err = errors.Join(err, run.Close()) }()
	for none := make([]byte, 1); ; { // it says nothing: to read is to run it
		_, err := run.Read(none)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && !errors.Is(err, unix.EAGAIN): // which is what the kernel says after a million files
			return fmt.Errorf("sweep: %w", err)
		}
	}
}

// Close unloads the program.
func (s *Sweeper) Close() error { return errors.Join(s.link.Close(), s.program.Close()) }
