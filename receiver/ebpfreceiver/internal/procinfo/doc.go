// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package procinfo says which process owns a socket: from the process id, the time and the task name that the kernel
// noted when the socket was made ([protocol.Owner]) to executable, service and container, read from /proc.
//
// Process ids are used again, so a process found under an id is the owner only if it had begun before the socket was
// made. Then it is: an id belongs to one process at a time.
//
//	          owner begins      socket made         asked
//	time  ----------|----------------|----------------|---->   same process: begun <= made
//	time  ----------------|----------|---X   |--------|---->   owner ended, id reused: begun > made
//
// The owner of a socket whose process has ended is known by the kernel's task name, by what was read before it ended, and
// by the cgroup of its socket; by nothing else. So [Resolver.Resolve] is called early, too, and what it said of a socket
// once it says again. A connection that was accepted unseen is its listener's process's if that has no children; else it
// is nobody's. Processes are remembered, least recently used forgotten first; so are ids that led nowhere, for a short while, so that many
// short-lived processes cost few looks into /proc.
//
// A [Resolver] is safe for concurrent use. A [Process] never changes and may be shared and kept.
package procinfo
