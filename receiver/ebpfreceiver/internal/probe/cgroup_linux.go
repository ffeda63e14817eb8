// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrNoCgroup2 is returned when no cgroup v2 hierarchy is mounted.
var ErrNoCgroup2 = errors.New("no cgroup2 mount")

// CgroupRoot returns the mount point of the cgroup v2 hierarchy of the calling process's mount namespace.
func CgroupRoot() (string, error) {
	const path = "/proc/self/mountinfo"
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("find cgroup root: %w", err)
	}
	root, err := cgroupRoot(file)
	return root, errors.Join(err, file.Close())
}

// cgroupRoot reads the format of proc_pid_mountinfo(5): the mount point is the fifth field, the file system's type the
// first behind the lone hyphen. Blanks in paths are octal escapes there.
func cgroupRoot(mountinfo io.Reader) (string, error) {
	lines := bufio.NewScanner(mountinfo)
	for lines.Scan() {
		mount, fs, found := strings.Cut(lines.Text(), " - ")
		fields := strings.Fields(mount)
		if found && len(fields) >= 5 && strings.HasPrefix(fs, "cgroup2 ") {
			return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(fields[4]), nil
		}
	}
	if err := lines.Err(); err != nil {
		return "", fmt.Errorf("read mountinfo: %w", err)
	}
	return "", fmt.Errorf("find cgroup root: %w (mount one, or set `cgroup_root`)", ErrNoCgroup2)
}

// checkCgroup refuses a path that is not within a cgroup v2 hierarchy, which the kernel would answer with EBADF only.
func checkCgroup(path string) error {
	var stat unix.Statfs_t
	if err := unix.Statfs(path, &stat); err != nil {
		return fmt.Errorf("open cgroup %q: %w", path, err)
	}
	if stat.Type != unix.CGROUP2_SUPER_MAGIC {
		return fmt.Errorf("open cgroup %q: %w there", path, ErrNoCgroup2)
	}
	return nil
}
