// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package procinfo

import (
	"bytes"
	"slices"
	"strings"
)

// idLen is the length of a container id of Docker, containerd, CRI-O and podman.
const idLen = 64

// containerID returns the id of the container that a process is in, by /proc/PID/cgroup: one line a hierarchy,
// `id:controllers:path`, cgroup v2's being `0::path` (cgroups(7)). The deepest part of a path that names a container
// wins: containers may run in containers. These are the names:
//
//	/docker/<id>                                             Docker with cgroupfs
//	/system.slice/docker-<id>.scope                          Docker with systemd
//	/kubepods/burstable/pod<uid>/<id>                        containerd and CRI-O with cgroupfs
//	/kubepods.slice/.../cri-containerd-<id>.scope            containerd with systemd
//	/kubepods.slice/.../crio-<id>.scope                      CRI-O with systemd
//	/system.slice/x.slice:cri-containerd:<id>                containerd with systemd's names under cgroupfs
//	/machine.slice/libpod-<id>.scope/container               podman
//
// crio-conmon-<id> and libpod-conmon-<id> hold the container's monitor, which runs outside of it.
func containerID(cgroups []byte) string {
	for line := range bytes.Lines(cgroups) {
		parts := bytes.SplitN(bytes.TrimSpace(line), []byte(":"), 3)
		if len(parts) != 3 {
			continue
		}
		names := strings.Split(string(parts[2]), "/")
		slices.Reverse(names)
		for _, name := range names {
			if id := idOf(name); id != "" {
				return id
			}
		}
	}
	return ""
}

// idOf returns the container id in the name of one cgroup, or "".
func idOf(name string) string {
	name = strings.TrimSuffix(name, ".scope")
	if i := strings.LastIndexByte(name, ':'); i >= 0 {
		name = name[i+1:]
	}
	if len(name) < idLen || !hexadecimal(name[len(name)-idLen:]) {
		return ""
	}
	switch name[:len(name)-idLen] {
	case "", "docker-", "cri-containerd-", "crio-", "libpod-", "nerdctl-":
		return name[len(name)-idLen:]
	}
	return ""
}

// hexadecimal says whether text is lower-case hex digits.
func hexadecimal(text string) bool {
	return strings.Trim(text, "0123456789abcdef") == ""
}
