// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package resource writes the attributes of the resource that spans, metrics and log records of a process share, by the
// semantic conventions whose version [SchemaURL] names and docs/attributes.md lists. What is not known is absent.
//
// All functions are pure and safe for concurrent use.
package resource

import (
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/procinfo"
)

// SchemaURL is the version of the semantic conventions that the keys are from.
const SchemaURL = semconv.SchemaURL

const (
	keyHostName       = string(semconv.HostNameKey)
	keyServiceName    = string(semconv.ServiceNameKey)
	keyProcessPID     = string(semconv.ProcessPIDKey)
	keyExecutableName = string(semconv.ProcessExecutableNameKey)
	keyContainerID    = string(semconv.ContainerIDKey)
)

// Process writes the attributes of p, on the host of that name, to the empty m.
func Process(m pcommon.Map, hostName string, p *procinfo.Process) {
	m.EnsureCapacity(5)
	m.PutStr(keyHostName, hostName)
	if !p.Known() {
		return
	}
	m.PutInt(keyProcessPID, int64(p.PID))
	program(m, p)
}

// Service writes the attributes of what p is an instance of: those of [Process] without the process id. Metrics are
// about that, so that a restart, a pool of workers or a short-lived client makes no series of its own.
func Service(m pcommon.Map, hostName string, p *procinfo.Process) {
	m.EnsureCapacity(4)
	m.PutStr(keyHostName, hostName)
	program(m, p)
}

// program writes what the program is called.
func program(m pcommon.Map, p *procinfo.Process) {
	if p.ServiceName != "" {
		m.PutStr(keyServiceName, validText(p.ServiceName))
	}
	if p.Executable != "" {
		m.PutStr(keyExecutableName, validText(p.Name))
	}
	if p.ContainerID != "" {
		m.PutStr(keyContainerID, p.ContainerID)
	}
}

// validText returns text as UTF-8, which OTLP asks for.
func validText(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }
