// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package bpfobj

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/event"
)

// Own notes which process owns the socket that the file descriptor refers to, unless the programs noted it already. Off
// leaves the socket alone from now on. Safe for concurrent use.
func (o *Objects) Own(fd int, owner event.Owner, off bool) error {
	value := socketOwner{CreatedNs: owner.Created, Pid: owner.PID, Comm: owner.Comm}
	if owner.Accepted {
		value.Inherited = ownerAccepted
	}
	if off {
		value.Off = 1
	}
	err := o.maps.Owners.Update(uint32(fd), &value, ebpf.UpdateNoExist)
	if err != nil && !errors.Is(err, ebpf.ErrKeyExist) {
		return fmt.Errorf("note owner of socket: %w", err)
	}
	return nil
}

// OwnerOf returns the owner that the programs noted for a socket of this process.
func (o *Objects) OwnerOf(fd int) (event.Owner, error) {
	var value socketOwner
	if err := o.maps.Owners.Lookup(uint32(fd), &value); err != nil {
		return event.Owner{}, fmt.Errorf("read owner of socket: %w", err)
	}
	return event.Owner{Created: value.CreatedNs, PID: value.Pid, Comm: value.Comm}, nil
}

// IgnoreProcess makes the programs leave alone the sockets that a process makes from now on.
func (o *Objects) IgnoreProcess(pid uint32) error {
	if err := o.variables.SelfPid.Set(pid); err != nil {
		return fmt.Errorf("write own process id: %w", err)
	}
	return nil
}
