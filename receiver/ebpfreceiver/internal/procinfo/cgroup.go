// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package procinfo

import (
	"bytes"
	"strings"
)

// idLen is the length of a container id of Docker, containerd, CRI-O and podman.
const idLen = 64

// place is what the path of a cgroup says of who is in it. What it does not say is empty.
type place struct {
	container string // 64 hex digits
	pod       string // UID, with hyphens
	unit      string // of systemd, with its suffix
}

// placeOf returns where a process is, by /proc/PID/cgroup: one line a hierarchy, `id:controllers:path`, cgroup v2's
// being `0::path` (cgroups(7)). What the first line says that says anything counts; the hierarchies of v1 agree about
// containers, and systemd's units are in its own and in v2's only.
func placeOf(cgroups []byte) (p place) {
	for line := range bytes.Lines(cgroups) {
		parts := bytes.SplitN(bytes.TrimRight(line, "\n"), []byte(":"), 3)
		if len(parts) != 3 {
			continue
		}
		q := placeOfPath(string(parts[2]))
		if controllers := string(parts[1]); controllers != "" && controllers != "name=systemd" {
			q.unit = ""
		}
		p = place{first(p.container, q.container), first(p.pod, q.pod), first(p.unit, q.unit)}
	}
	return p
}

// first returns the first that is not empty.
func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// placeOfPath reads the path of one cgroup. The deepest part that names a container, a pod or a unit wins: containers may
// run in containers, and a systemd in a container or a user's manager has units of its own. These are the names:
//
//	/docker/<id>                                             Docker with cgroupfs
//	/system.slice/docker-<id>.scope                          Docker with systemd
//	/kubepods/burstable/pod<uid>/<id>                        containerd and CRI-O with cgroupfs
//	/kubepods.slice/.../kubepods-pod<uid>.slice/cri-containerd-<id>.scope   containerd with systemd
//	/kubepods.slice/.../crio-<id>.scope                      CRI-O with systemd
//	/system.slice/kubepods-pod<uid>.slice:cri-containerd:<id> containerd with systemd's names under cgroupfs
//	/machine.slice/libpod-<id>.scope/container               podman with systemd
//	/libpod_parent/libpod-<id>                               podman with cgroupfs
//	/system.slice/web.service/libpod-payload-<id>            podman in a unit of its own (quadlet), which it stays in
//	/system.slice/nginx.service, /user.slice/user-1.slice/user@1.service/app.slice/x.service   units
//
// crio-conmon-<id> and libpod-conmon-<id> hold the container's monitor, which runs outside of it.
func placeOfPath(path string) (p place) {
	slices := true // only slices so far below the systemd that is in charge
	for name := range strings.SplitSeq(path, "/") {
		if name == "" || name == ".." {
			continue
		}
		if uid := podOf(name); uid != "" {
			p.pod, p.container = uid, "" // a container of a pod is below the pod
		}
		id := idOf(name)
		switch {
		case id != "" && strings.HasPrefix(name, payload):
			p.container, slices = id, true
		case id != "":
			p.container, p.unit, slices = id, "", true
		case strings.HasPrefix(name, "user@") && strings.HasSuffix(name, ".service"):
			p.unit, slices = name, true
		case slices && strings.HasSuffix(name, ".slice"):
		case slices:
			p.unit, slices = first(unitOf(name), p.unit), false
		}
	}
	return p
}

// payload begins the name of a container's cgroup that podman made within the cgroup that it was started in, and not beside
// all others: what systemd does with the unit, it does with the container.
const payload = "libpod-payload-"

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
	case "", "docker-", "cri-containerd-", "crio-", "libpod-", payload, "nerdctl-":
		return name[len(name)-idLen:]
	}
	return ""
}

// uidLen is the length of a pod's UID, a UUID in text. The kubelet makes up other ones, of 32 digits, for the static pods
// of a node; the API knows these pods by another UID, so theirs are worth nothing.
const uidLen = 36

// podOf returns the UID of the pod in the name of one cgroup, or "". The systemd driver writes `_` for `-`.
func podOf(name string) string {
	name, _, _ = strings.Cut(name, ":")
	if slice, ok := strings.CutSuffix(name, ".slice"); ok {
		if name = slice; !strings.Contains(name, "kubepods-") {
			return ""
		}
		name = name[strings.LastIndexByte(name, '-')+1:]
	}
	uid, ok := strings.CutPrefix(name, "pod")
	if !ok || len(uid) != uidLen {
		return ""
	}
	uid = strings.ReplaceAll(uid, "_", "-")
	for i, part := range strings.Split(uid, "-") {
		if i > 4 || len(part) != [...]int{8, 4, 4, 4, 12}[i] || !hexadecimal(part) {
			return ""
		}
	}
	return uid
}

// unitOf returns the systemd unit that a cgroup below slices is of, or "". A name that could be mistaken for a file of
// the cgroup file system is escaped with a `_` in front (systemd's CONTROL_GROUP_INTERFACE).
func unitOf(name string) string {
	name = strings.TrimPrefix(name, "_")
	stem, kind := name, ""
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		stem, kind = name[:i], name[i+1:]
	}
	switch kind {
	case "service", "scope", "socket", "mount", "swap":
		if stem != "" && !strings.Contains(stem, "conmon-") {
			return name
		}
	}
	return ""
}

// hexadecimal says whether text is lower-case hex digits.
func hexadecimal(text string) bool {
	return strings.Trim(text, "0123456789abcdef") == ""
}
