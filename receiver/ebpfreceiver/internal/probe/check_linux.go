// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/features"
	"golang.org/x/sys/unix"
)

// ErrMissingCapability is returned when the process lacks a right that capturing needs.
var ErrMissingCapability = errors.New("missing capability")

// ErrMissingFeature is returned when the kernel is too old or was built without something that capturing needs.
var ErrMissingFeature = errors.New("missing kernel feature")

// Capabilities is the set of a process's effective capabilities, a bit each.
type Capabilities uint64

// capability is one right; CAP_SYS_ADMIN includes those that were split off it in Linux 5.8.
type capability struct {
	name  string
	bit   uint
	admin bool
}

// required lists the rights without which the programs cannot be loaded or attached.
func required() []capability {
	return []capability{
		{"CAP_BPF", unix.CAP_BPF, true},
		{"CAP_NET_ADMIN", unix.CAP_NET_ADMIN, false},
		{"CAP_PERFMON", unix.CAP_PERFMON, true}, // the verifier allows arithmetic on packet pointers to nobody else
	}
}

// wanted lists the rights without which owners of sockets stay unknown.
func wanted() []capability {
	return []capability{
		{"CAP_SYS_PTRACE", unix.CAP_SYS_PTRACE, false},
		{"CAP_DAC_READ_SEARCH", unix.CAP_DAC_READ_SEARCH, false},
	}
}

// EffectiveCapabilities reads the calling process's capabilities.
func EffectiveCapabilities() (Capabilities, error) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return 0, fmt.Errorf("read capabilities: %w", err)
	}
	return Capabilities(data[0].Effective) | Capabilities(data[1].Effective)<<32, nil
}

func (c Capabilities) lacking(list []capability) []string {
	var names []string
	for _, right := range list {
		has := c&(1<<right.bit) != 0 || right.admin && c&(1<<unix.CAP_SYS_ADMIN) != 0
		if !has {
			names = append(names, right.name)
		}
	}
	return names
}

// LackingForOwners names the capabilities without which the owners of other users' sockets stay unknown.
func (c Capabilities) LackingForOwners() []string { return c.lacking(wanted()) }

// Check says whether this process may capture on this kernel. Its error names every right and feature that is missing
// and unwraps to [ErrMissingCapability] or [ErrMissingFeature].
func Check(capabilities Capabilities) error {
	if lacking := capabilities.lacking(required()); len(lacking) > 0 {
		return fmt.Errorf("%w: %s (run as root or grant it)", ErrMissingCapability, strings.Join(lacking, ", "))
	}
	return errors.Join(
		need("BPF ring buffer, Linux 5.8", features.HaveMapType(ebpf.RingBuf)),
		need("socket storage, Linux 5.2", features.HaveMapType(ebpf.SkStorage)),
		need("cgroup_skb programs, Linux 4.10 with CONFIG_CGROUP_BPF", features.HaveProgramType(ebpf.CGroupSKB)),
		need("cgroup/sock programs, Linux 4.10 with CONFIG_CGROUP_BPF", features.HaveProgramType(ebpf.CGroupSock)),
		need("cgroup/connect programs, Linux 4.17", features.HaveProgramType(ebpf.CGroupSockAddr)),
		need("sockops programs, Linux 4.13", features.HaveProgramType(ebpf.SockOps)),
	)
}

// need turns the answer of a feature probe into an error that names the feature.
func need(feature string, probed error) error {
	if errors.Is(probed, ebpf.ErrNotSupported) {
		return fmt.Errorf("%w: %s", ErrMissingFeature, feature)
	}
	if probed != nil {
		return fmt.Errorf("probe kernel for %s: %w", feature, probed)
	}
	return nil
}
