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
	keyPodUID         = string(semconv.K8SPodUIDKey)

	// keyUnit is not in the conventions; the Collector's systemd receiver calls it so.
	keyUnit = "systemd.unit.name"
)

// Process writes the attributes of p, on the host of that name, to the empty m.
func Process(m pcommon.Map, hostName string, p *procinfo.Process) {
	Service(m, hostName, p)
	if p.Known() {
		m.PutInt(keyProcessPID, int64(p.PID))
	}
}

// Service writes the attributes of what p is an instance of: those of [Process] without the process id. Metrics are
// about that, so that a restart, a pool of workers or a short-lived client makes no series of its own.
func Service(m pcommon.Map, hostName string, p *procinfo.Process) {
	m.EnsureCapacity(8)
	for key, value := range p.Attributes.All() {
		m.PutStr(validText(key), validText(value)) // named twice, the last one counts
	}
	// What was observed wins over what the process says of itself.
	m.PutStr(keyHostName, hostName)
	if p.ServiceName != "" {
		m.PutStr(keyServiceName, validText(p.ServiceName))
	}
	if p.Executable != "" {
		m.PutStr(keyExecutableName, validText(p.Name))
	}
	if p.ContainerID != "" {
		m.PutStr(keyContainerID, p.ContainerID)
	}
	if p.PodUID != "" {
		m.PutStr(keyPodUID, p.PodUID)
	}
	if p.Unit != "" {
		m.PutStr(keyUnit, validText(p.Unit))
	}
}

// validText returns text as UTF-8, which OTLP asks for.
func validText(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }
