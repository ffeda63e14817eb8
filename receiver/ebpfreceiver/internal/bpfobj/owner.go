// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package bpfobj

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"
)

// Own notes which process owns the socket that the file descriptor refers to, unless the programs noted it already. A
// descriptor that is no TCP socket is an error. Safe for concurrent use.
func (o *Objects) Own(fd int, pid uint32, comm [16]byte, created uint64) error {
	owner := socketOwner{CreatedNs: created, Pid: pid, Comm: comm}
	err := o.maps.Owners.Update(uint32(fd), &owner, ebpf.UpdateNoExist)
	if err != nil && !errors.Is(err, ebpf.ErrKeyExist) {
		return fmt.Errorf("note owner of socket: %w", err)
	}
	return nil
}
