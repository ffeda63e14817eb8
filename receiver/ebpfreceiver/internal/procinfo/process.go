// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package procinfo

import "bytes"

// Process is what is known about the owner of a socket. What is not known is empty.
type Process struct {
	// Executable is the full path of the program, in the process's own mount namespace. Empty if the process ended
	// before it could be read, if reading it is not permitted, or for a kernel thread.
	Executable string
	// Name is the base name of Executable, else the task name, which the kernel cuts after 15 bytes.
	Name string
	// ServiceName is OTEL_SERVICE_NAME, else service.name of OTEL_RESOURCE_ATTRIBUTES, else what an interpreter runs,
	// else Name.
	ServiceName string
	// Attributes are the resource attributes that the process names itself, service.name among them.
	Attributes Attributes
	// ContainerID is the 64 hex digits by which the container runtime knows the container; empty outside of one.
	ContainerID string
	// PodUID is the UID of the Kubernetes pod; empty outside of one, and for static pods.
	PodUID string
	// Unit is the systemd unit; that of the innermost systemd, if a container or a user has its own.
	Unit string
	// PID is the process id in the PID namespace of the /proc that was read; 0 if the owner is not known.
	PID uint32
	// Begun is when the process began, in nanoseconds since boot (CLOCK_BOOTTIME), rounded down to a clock tick; 0 if
	// the process had ended.
	Begun uint64
}

// Known says whether the owner of the socket is known at all.
func (p *Process) Known() bool { return p.PID != 0 }

// ended returns what is left of a process that has ended: its id, its task's name and where its socket is.
func ended(pid uint32, comm [16]byte, where place) *Process {
	name := taskName(comm)
	return &Process{
		PID: pid, Name: name, ServiceName: name, ContainerID: where.container, PodUID: where.pod, Unit: where.unit,
	}
}

// taskName returns the text of a task name as the kernel hands it over.
func taskName(comm [16]byte) string {
	if i := bytes.IndexByte(comm[:], 0); i >= 0 {
		return string(comm[:i])
	}
	return string(comm[:])
}
