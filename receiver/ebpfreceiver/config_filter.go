// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"path"
	"path/filepath"
	"strings"
)

// FilterConfig says which connections are captured: those that every part of it admits. An empty part admits all.
type FilterConfig struct {
	// Ports selects by the server's TCP port: the local port where requests arrive, the peer's where they leave.
	Ports PortFilter `mapstructure:"ports"`

	// CIDRs selects by the address of the connection's other end, the peer.
	CIDRs CIDRFilter `mapstructure:"cidrs"`

	// Executables selects by the program that owns the socket.
	Executables ExecutableFilter `mapstructure:"executables"`

	// Cgroups limits the capture to the sockets of these cgroup v2 subtrees: paths relative to the cgroup root, or
	// absolute ones below it. They must exist when the receiver starts, and none may lie within another. Empty means
	// the whole host.
	Cgroups []string `mapstructure:"cgroups"`

	_ struct{}
}

// PortFilter admits a connection that matches Include (or Include is empty) and does not match Exclude.
type PortFilter struct {
	// Include lists the server ports to capture. Empty means every port.
	Include []int `mapstructure:"include"`
	// Exclude lists the server ports not to capture, even if Include has them.
	Exclude []int `mapstructure:"exclude"`

	_ struct{}
}

// CIDRFilter admits a connection that matches Include (or Include is empty) and does not match Exclude.
type CIDRFilter struct {
	// Include lists the prefixes to capture, such as 10.0.0.0/8 or 2001:db8::/32. Empty means every address.
	Include []netip.Prefix `mapstructure:"include"`
	// Exclude lists the prefixes not to capture, even if Include has them.
	Exclude []netip.Prefix `mapstructure:"exclude"`

	_ struct{}
}

// ExecutableFilter admits a process that matches Include (or Include is empty) and does not match Exclude. A pattern
// is a glob as [path.Match] knows it. With a slash in it, it is compared with the full path of the executable;
// without, with its base name.
type ExecutableFilter struct {
	// Include lists the programs to capture. Empty means every program. A process that ended before its executable
	// could be read matches none.
	Include []string `mapstructure:"include"`
	// Exclude lists the programs not to capture, even if Include has them.
	Exclude []string `mapstructure:"exclude"`

	_ struct{}
}

// Admits says whether connections of the executable with this full path are captured. An empty path, that of a process
// that could not be read, matches no pattern. Safe for concurrent use.
func (f *ExecutableFilter) Admits(executable string) bool {
	if len(f.Include) > 0 && !matchesAny(f.Include, executable) {
		return false
	}
	return !matchesAny(f.Exclude, executable)
}

// matchesAny says whether one of patterns, all of them validated, matches executable.
func matchesAny(patterns []string, executable string) bool {
	if executable == "" {
		return false
	}
	for _, pattern := range patterns {
		name := executable
		if !strings.Contains(pattern, "/") {
			name = path.Base(executable)
		}
		if ok, err := path.Match(pattern, name); err == nil && ok {
			return true
		}
	}
	return false
}

// Validate reports every fault of f at once.
func (f *PortFilter) Validate() error {
	return errors.Join(checkPorts("include", f.Include), checkPorts("exclude", f.Exclude))
}

// checkPorts refuses what no TCP port can be. The ports are ints because a larger number would be cut down to 16 bits
// silently while the configuration is read.
func checkPorts(key string, ports []int) error {
	var errs []error
	for _, port := range ports {
		if port < 1 || port > math.MaxUint16 {
			errs = append(errs, fmt.Errorf("`%s` must list ports between 1 and 65535, found %d", key, port))
		}
	}
	return errors.Join(errs...)
}

// Validate reports every fault of f at once.
func (f *CIDRFilter) Validate() error {
	return errors.Join(checkPrefixes("include", f.Include), checkPrefixes("exclude", f.Exclude))
}

// checkPrefixes refuses prefixes that would not match what their author meant.
func checkPrefixes(key string, prefixes []netip.Prefix) error {
	var errs []error
	for _, p := range prefixes {
		switch {
		case !p.IsValid(): // the empty text is read as this, without an error
			errs = append(errs, fmt.Errorf("`%s` must not list an empty prefix", key))
		case p.Addr().Is4In6():
			errs = append(errs, fmt.Errorf("`%s` must name IPv4 addresses as such, found %q", key, p))
		case p != p.Masked():
			errs = append(errs, fmt.Errorf("`%s` must list prefixes without host bits, found %q (the network is %q)", key, p, p.Masked()))
		}
	}
	return errors.Join(errs...)
}

// Validate reports every fault of f at once.
func (f *ExecutableFilter) Validate() error {
	return errors.Join(checkGlobs("include", f.Include), checkGlobs("exclude", f.Exclude))
}

// checkGlobs refuses patterns that can never match.
func checkGlobs(key string, patterns []string) error {
	var errs []error
	for _, pattern := range patterns {
		_, err := path.Match(pattern, "")
		switch {
		case pattern == "":
			errs = append(errs, fmt.Errorf("`%s` must not list an empty pattern", key))
		case err != nil:
			errs = append(errs, fmt.Errorf("`%s` must list globs, found %q: %w", key, pattern, err))
		case strings.Contains(pattern, "/") && pattern[0] != '/' && pattern[0] != '*' && pattern[0] != '[' && pattern[0] != '?':
			errs = append(errs, fmt.Errorf("`%s` must list base names or absolute paths, found %q", key, pattern))
		}
	}
	return errors.Join(errs...)
}

// Validate reports the faults of the cgroups that do not depend on where cgroup v2 is mounted; the others are found by
// [FilterConfig.CgroupPaths].
func (f *FilterConfig) Validate() error {
	var errs []error
	for i, cgroup := range f.Cgroups {
		clean := filepath.Clean(cgroup)
		switch {
		case cgroup == "":
			errs = append(errs, errors.New("`cgroups` must not list an empty path"))
			continue
		case clean == ".." || strings.HasPrefix(clean, "../"):
			errs = append(errs, fmt.Errorf("`cgroups` must list paths below the cgroup root, found %q", cgroup))
			continue
		}
		for _, other := range f.Cgroups[:i] {
			if other != "" && filepath.IsAbs(other) == filepath.IsAbs(cgroup) {
				errs = append(errs, checkNested(filepath.Clean(other), clean, other, cgroup))
			}
		}
	}
	return errors.Join(errs...)
}

// CgroupPaths returns the absolute paths of the cgroups to attach to, given where cgroup v2 is mounted: the root
// itself if none is configured. It reports every path outside of root and every pair of nested ones.
func (f *FilterConfig) CgroupPaths(root string) ([]string, error) {
	root = filepath.Clean(root)
	if len(f.Cgroups) == 0 {
		return []string{root}, nil
	}
	var errs []error
	paths := make([]string, 0, len(f.Cgroups))
	for i, cgroup := range f.Cgroups {
		full := filepath.Clean(cgroup)
		if !filepath.IsAbs(cgroup) {
			full = filepath.Join(root, cgroup)
		}
		if !within(root, full) {
			errs = append(errs, fmt.Errorf("`filter::cgroups` must list paths below the cgroup root %q, found %q", root, cgroup))
		}
		for j, other := range paths {
			// Pairs written the same way were reported by Validate.
			if filepath.IsAbs(f.Cgroups[j]) != filepath.IsAbs(cgroup) {
				errs = append(errs, checkNested(other, full, f.Cgroups[j], f.Cgroups[i]))
			}
		}
		paths = append(paths, full)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return paths, nil
}

// checkNested refuses two cgroups of which one holds the other: its sockets would be seen twice. a and b are the
// cleaned paths, nameA and nameB what was configured.
func checkNested(a, b, nameA, nameB string) error {
	if within(a, b) || within(b, a) {
		return fmt.Errorf("`cgroups` must not overlap, found %q and %q", nameA, nameB)
	}
	return nil
}

// within says whether path is dir or below it. Both are clean, and both absolute or both relative.
func within(dir, path string) bool {
	if dir == "." || dir == "/" || dir == path {
		return true
	}
	return strings.HasPrefix(path, dir+"/")
}
