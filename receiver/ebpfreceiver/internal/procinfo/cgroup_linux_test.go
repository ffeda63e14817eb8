// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package procinfo

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// cgroupRoot returns where cgroup v2 is mounted.
func cgroupRoot(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: run as root")
	}
	for _, root := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		var stat unix.Statfs_t
		if unix.Statfs(root, &stat) == nil && stat.Type == unix.CGROUP2_SUPER_MAGIC {
			return root
		}
	}
	t.Skip("needs cgroup v2: mount -t cgroup2 none /sys/fs/cgroup/unified")
	return ""
}

// makeCgroup makes a cgroup for the test and returns its id.
func makeCgroup(t *testing.T, path string) uint64 {
	t.Helper()
	require.NoError(t, os.MkdirAll(path, 0o755))
	var stat unix.Stat_t
	require.NoError(t, unix.Stat(path, &stat))
	return stat.Ino
}

func TestACgroupIsFoundByItsID(t *testing.T) {
	root := cgroupRoot(t)
	top := filepath.Base(t.TempDir()) + "-otelcol-risk"
	path := filepath.Join(root, top, "docker-"+id+".scope")
	inode := makeCgroup(t, path)
	remove := func() {
		_ = os.Remove(path)
		_ = os.Remove(filepath.Dir(path))
	}
	defer remove()
	cgroups, err := OpenCgroups(root)
	require.NoError(t, err)
	defer func() { assert.NoError(t, cgroups.Close()) }()

	assert.Equal(t, "/"+top+"/docker-"+id+".scope", cgroups.Path(inode))
	assert.Equal(t, id, placeOfPath(cgroups.Path(inode)).container)
	var stat unix.Stat_t
	require.NoError(t, unix.Stat(root, &stat))
	assert.Equal(t, "/", cgroups.Path(stat.Ino))
	remove()
	assert.Empty(t, cgroups.Path(inode), "it is gone")
}

func TestAProcessIsPlacedByTheCgroupItIsIn(t *testing.T) {
	root := cgroupRoot(t)
	for name, test := range map[string]struct {
		path []string
		want place
	}{
		"Docker":   {[]string{"docker", id}, place{container: id}},
		"a pod":    {[]string{"kubepods", "pod" + uid, id}, place{container: id, pod: uid}},
		"systemd":  {[]string{"system.slice", "shop.service"}, place{unit: "shop.service"}},
		"no place": {[]string{"x"}, place{}},
	} {
		t.Run(name, func(t *testing.T) {
			// The names of the parts are not ours alone: only what this test made is removed.
			path := root
			for _, part := range test.path {
				path = filepath.Join(path, part)
				if os.Mkdir(path, 0o755) == nil {
					made := path
					t.Cleanup(func() { assert.NoError(t, os.Remove(made)) })
				}
			}
			dir, err := os.Open(path)
			require.NoError(t, err)
			defer func() { _ = dir.Close() }()
			child := exec.Command("sleep", "60")
			child.SysProcAttr = &unix.SysProcAttr{UseCgroupFD: true, CgroupFD: int(dir.Fd())}
			require.NoError(t, child.Start())
			defer func() { _ = child.Process.Kill(); _ = child.Wait() }()

			cgroups, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(child.Process.Pid), "cgroup"))
			require.NoError(t, err)
			// Only cgroup v2's line: this machine's v1 hierarchies, if any, are somebody else's.
			for line := range strings.Lines(string(cgroups)) {
				if strings.HasPrefix(line, "0::") {
					assert.Equal(t, test.want, placeOf([]byte(line)))
				}
			}
			assert.Equal(t, "sleep", New(Settings{MaxProcesses: 1}).Resolve(owner(uint32(child.Process.Pid), "sleep", monotonicClock()())).Name)
		})
	}
}
