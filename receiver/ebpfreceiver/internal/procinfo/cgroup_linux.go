// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package procinfo

import (
	"encoding/binary"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// kernfsHandle is the type of file handle by which the cgroup file system finds a cgroup by its id (FILEID_KERNFS in
// include/linux/exportfs.h).
const kernfsHandle = 0xfe

// Cgroups finds cgroups by their ids. Close it once; Path is safe for concurrent use until then.
type Cgroups struct{ root *os.File }

// OpenCgroups opens the cgroup v2 hierarchy that is mounted at root.
func OpenCgroups(root string) (*Cgroups, error) {
	dir, err := os.Open(root)
	if err != nil {
		return nil, fmt.Errorf("open cgroup root: %w", err)
	}
	return &Cgroups{root: dir}, nil
}

// Path returns the path of a cgroup below the root, "/" for the root itself; "" if the cgroup is gone, or without
// CAP_DAC_READ_SEARCH.
func (c *Cgroups) Path(id uint64) string {
	handle := unix.NewFileHandle(kernfsHandle, binary.NativeEndian.AppendUint64(nil, id))
	fd, err := unix.OpenByHandleAt(int(c.root.Fd()), handle, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_DIRECTORY)
	if err != nil {
		return ""
	}
	dir := os.NewFile(uintptr(fd), "cgroup")
	path, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
	if dir.Close() != nil || err != nil {
		return ""
	}
	below, ok := strings.CutPrefix(path, strings.TrimSuffix(c.root.Name(), "/"))
	switch {
	case !ok:
		return ""
	case below == "":
		return "/"
	}
	return below
}

// Close closes the hierarchy.
func (c *Cgroups) Close() error {
	if err := c.root.Close(); err != nil {
		return fmt.Errorf("close cgroup root: %w", err)
	}
	return nil
}
