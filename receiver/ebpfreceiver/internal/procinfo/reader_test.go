// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package procinfo

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	id    = "0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9"
	outer = "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
)

func TestContainerID(t *testing.T) {
	tests := map[string]struct{ cgroups, want string }{
		"no container":                     {"0::/system.slice/nginx.service\n", ""},
		"the root cgroup":                  {"0::/\n", ""},
		"nothing":                          {"", ""},
		"a line that is none":              {"garbage\n" + id, ""},
		"Docker, v1":                       {"12:memory:/docker/" + id + "\n1:name=systemd:/docker/" + id + "\n", id},
		"Docker, v2 with systemd":          {"0::/system.slice/docker-" + id + ".scope\n", id},
		"Docker, hybrid":                   {"0::/\n3:cpu,cpuacct:/docker/" + id + "\n", id},
		"containerd with cgroupfs":         {"0::/kubepods/burstable/pod3b5c/" + id + "\n", id},
		"containerd with systemd":          {"0::/kubepods.slice/kubepods-pod3b_5c.slice/cri-containerd-" + id + ".scope\n", id},
		"containerd, names under cgroupfs": {"0::/system.slice/containerd.service/kubepods-pod3b.slice:cri-containerd:" + id + "\n", id},
		"CRI-O":                            {"0::/kubepods.slice/kubepods-pod3b.slice/crio-" + id + ".scope/container\n", id},
		"CRI-O's monitor":                  {"0::/kubepods.slice/kubepods-pod3b.slice/crio-conmon-" + id + ".scope\n", ""},
		"podman":                           {"0::/machine.slice/libpod-" + id + ".scope/container\n", id},
		"podman's monitor":                 {"0::/machine.slice/libpod-conmon-" + id + ".scope\n", ""},
		"nerdctl":                          {"0::/system.slice/nerdctl-" + id + ".scope\n", id},
		"a container in a container":       {"0::/docker/" + outer + "/docker/" + id + "\n", id},
		"a service in a container":         {"0::/docker/" + id + "/system.slice/cron.service\n", id},
		"seen from another namespace":      {"0::/../../docker-" + id + ".scope\n", id},
		"an id that is too short":          {"0::/docker/" + id[:63] + "\n", ""},
		"an id in capitals":                {"0::/docker/" + strings.ToUpper(id) + "\n", ""},
		"an unknown prefix":                {"0::/x/session-" + id + ".scope\n", ""},
		"a colon in the path":              {"0::/a:b/docker/" + id + "\n", id},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, containerID([]byte(test.cgroups)))
		})
	}
}

func TestServiceName(t *testing.T) {
	tests := map[string]struct {
		environ []string
		want    string
	}{
		"nothing set":                          {[]string{"PATH=/bin"}, ""},
		"by its own variable":                  {[]string{"A=b", "OTEL_SERVICE_NAME=shop"}, "shop"},
		"its own variable wins":                {[]string{"OTEL_RESOURCE_ATTRIBUTES=service.name=a", "OTEL_SERVICE_NAME=shop"}, "shop"},
		"an empty variable is unset":           {[]string{"OTEL_SERVICE_NAME=", "OTEL_RESOURCE_ATTRIBUTES=service.name=a"}, "a"},
		"among other attributes":               {[]string{"OTEL_RESOURCE_ATTRIBUTES=k=v, service.name = a ,x=y"}, "a"},
		"percent-encoded":                      {[]string{"OTEL_RESOURCE_ATTRIBUTES=service.name=a%20b%2Cc+d"}, "a b,c+d"},
		"the last of two wins":                 {[]string{"OTEL_RESOURCE_ATTRIBUTES=service.name=a,service.name=b"}, "b"},
		"a broken pair spoils the list":        {[]string{"OTEL_RESOURCE_ATTRIBUTES=service.name=a,b"}, ""},
		"a broken escape spoils the list":      {[]string{"OTEL_RESOURCE_ATTRIBUTES=service.name=%zz"}, ""},
		"a variable that only ends in it":      {[]string{"MY_OTEL_SERVICE_NAME=shop"}, ""},
		"an attribute that only ends in it":    {[]string{"OTEL_RESOURCE_ATTRIBUTES=my.service.name=a"}, ""},
		"a value with an equals sign is whole": {[]string{"OTEL_RESOURCE_ATTRIBUTES=service.name=a=b"}, "a=b"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, serviceName([]byte(strings.Join(test.environ, "\x00")+"\x00")))
		})
	}
}

func TestParseStat(t *testing.T) {
	const rest = " S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 12345 20 21"
	comm, begun, err := parseStat([]byte("42 (a) b (c)" + rest))
	require.NoError(t, err)
	assert.Equal(t, "a) b (c", comm)
	assert.EqualValues(t, 123_450_000_000, begun)
	for _, stat := range []string{"", "42", "42 (a", "42 )a(", "42 (a) S 1 2", "42 (a)" + strings.Replace(rest, "12345", "-1", 1)} {
		_, _, err := parseStat([]byte(stat))
		require.Error(t, err, stat)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("42 (a) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19"))
	f.Add([]byte("0::/system.slice/docker-" + id + ".scope\n"))
	f.Add([]byte("OTEL_SERVICE_NAME=a\x00OTEL_RESOURCE_ATTRIBUTES=service.name=%41,b=c\x00"))
	f.Fuzz(func(t *testing.T, input []byte) {
		if _, begun, err := parseStat(input); err == nil {
			assert.NotZero(t, begun)
		}
		if got := containerID(input); got != "" {
			assert.Len(t, got, idLen)
			assert.True(t, hexadecimal(got))
			assert.Contains(t, string(input), got)
		}
		assert.LessOrEqual(t, len(serviceName(input)), len(input))
	})
}
