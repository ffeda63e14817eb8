// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package procinfo

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

const (
	id    = "0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9"
	outer = "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
	uid   = "3b5cf0de-1a2b-4c3d-8e9f-0123456789ab"
)

// slice is uid as systemd's driver writes it.
var slice = strings.ReplaceAll(uid, "-", "_")

func TestPlaceOf(t *testing.T) {
	tests := map[string]struct {
		cgroups string
		want    place
	}{
		"nothing":             {"", place{}},
		"the root cgroup":     {"0::/\n", place{}},
		"a line that is none": {"garbage\n" + id, place{}},

		"Docker, v1":                 {"12:memory:/docker/" + id + "\n1:name=systemd:/docker/" + id + "\n", place{container: id}},
		"Docker, v2 with systemd":    {"0::/system.slice/docker-" + id + ".scope\n", place{container: id}},
		"Docker, hybrid":             {"0::/\n3:cpu,cpuacct:/docker/" + id + "\n", place{container: id}},
		"a container in a container": {"0::/docker/" + outer + "/docker/" + id + "\n", place{container: id}},
		"podman":                     {"0::/machine.slice/libpod-" + id + ".scope/container\n", place{container: id}},
		"podman with cgroupfs":       {"0::/libpod_parent/libpod-" + id + "\n", place{container: id}},
		"podman without root": {
			"0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" + id + ".scope/container\n",
			place{container: id},
		},
		"podman's pod": {"0::/machine.slice/machine-libpod_pod_" + outer + ".slice/libpod-" + id + ".scope\n", place{container: id}},
		"podman's monitor": {
			"0::/machine.slice/libpod-conmon-" + id + ".scope\n", place{},
		},
		"podman's quadlet": {
			"0::/system.slice/web.service/libpod-payload-" + id + "\n", place{container: id, unit: "web.service"},
		},
		"podman's quadlet without root": {
			"0::/user.slice/user-1000.slice/user@1000.service/app.slice/web.service/libpod-payload-" + id + "/init.scope\n",
			place{container: id, unit: "init.scope"},
		},
		"podman's quadlet, its monitor": {"0::/system.slice/web.service/runtime\n", place{unit: "web.service"}},
		"nerdctl":                       {"0::/system.slice/nerdctl-" + id + ".scope\n", place{container: id}},

		"containerd with cgroupfs": {"0::/kubepods/burstable/pod" + uid + "/" + id + "\n", place{container: id, pod: uid}},
		"containerd with systemd": {
			"0::/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" + slice + ".slice/cri-containerd-" + id + ".scope\n",
			place{container: id, pod: uid},
		},
		"containerd, guaranteed": {
			"0::/kubepods.slice/kubepods-pod" + slice + ".slice/cri-containerd-" + id + ".scope\n",
			place{container: id, pod: uid},
		},
		"containerd, names under cgroupfs": {
			"0::/system.slice/containerd.service/kubepods-burstable-pod" + slice + ".slice:cri-containerd:" + id + "\n",
			place{container: id, pod: uid},
		},
		"CRI-O": {
			"0::/kubepods.slice/kubepods-pod" + slice + ".slice/crio-" + id + ".scope/container\n",
			place{container: id, pod: uid},
		},
		"CRI-O's monitor": {
			"0::/kubepods.slice/kubepods-pod" + slice + ".slice/crio-conmon-" + id + ".scope\n", place{pod: uid},
		},
		"kind: a cluster in Docker": {
			"0::/system.slice/docker-" + outer + ".scope/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod" + slice +
				".slice/cri-containerd-" + id + ".scope\n",
			place{container: id, pod: uid},
		},
		"a static pod":         {"0::/kubepods/pod0123456789abcdef0123456789abcdef/" + id + "\n", place{container: id}},
		"a pod, v1":            {"4:cpu:/kubepods/pod" + uid + "/" + id + "\n0::/\n", place{container: id, pod: uid}},
		"a pod of another uid": {"0::/kubepods/pod" + uid + "x/" + id + "\n", place{container: id}},

		"a unit":                        {"0::/system.slice/nginx.service\n", place{unit: "nginx.service"}},
		"a unit below its own slice":    {"0::/system.slice/system-shop.slice/shop@1.service/worker\n", place{unit: "shop@1.service"}},
		"a unit, v1":                    {"2:cpu:/\n1:name=systemd:/system.slice/cron.service\n0::/\n", place{unit: "cron.service"}},
		"a unit in v1's others is none": {"2:cpu:/system.slice/cron.service\n", place{}},
		"an escaped unit":               {"0::/system.slice/_cgroup.service\n", place{unit: "cgroup.service"}},
		"a session":                     {"0::/user.slice/user-0.slice/session-3.scope\n", place{unit: "session-3.scope"}},
		"a user's unit": {
			"0::/user.slice/user-1000.slice/user@1000.service/app.slice/shop.service\n", place{unit: "shop.service"},
		},
		"a user's manager":         {"0::/user.slice/user-1000.slice/user@1000.service/init.scope\n", place{unit: "init.scope"}},
		"a slice only":             {"0::/system.slice\n", place{}},
		"a cgroup of no systemd":   {"0::/batch/x.service\n", place{}},
		"a service in a container": {"0::/docker/" + id + "/system.slice/cron.service\n", place{container: id, unit: "cron.service"}},

		"seen from another namespace": {"0::/../../docker-" + id + ".scope\n", place{container: id}},
		"an id that is too short":     {"0::/docker/" + id[:63] + "\n", place{}},
		"an id in capitals":           {"0::/docker/" + strings.ToUpper(id) + "\n", place{}},
		"an unknown prefix":           {"0::/x/session-" + id + ".scope\n", place{}},
		"a colon in the path":         {"0::/a:b/docker/" + id + "\n", place{container: id}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, placeOf([]byte(test.cgroups)))
		})
	}
}
