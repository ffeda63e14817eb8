// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.uber.org/goleak"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/procinfo"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestWhatWasObservedWinsOverWhatAProcessSaysOfItself(t *testing.T) {
	m := pcommon.NewMap()
	id := strings.Repeat("a", 64)
	Process(m, "host", &procinfo.Process{
		PID: 7, Executable: "/usr/bin/shop", Name: "shop", ServiceName: "b", ContainerID: id, Unit: "shop.service",
		Attributes: "host.name=x,process.pid=1,process.executable.name=x,container.id=x,service.name=a,k8s.pod.uid=p,k=1,k=2,bad%ff=%ff",
	})
	assert.Equal(t, map[string]any{
		"host.name": "host", "process.pid": int64(7), "process.executable.name": "shop", "container.id": id,
		"service.name": "b", "k8s.pod.uid": "p", "systemd.unit.name": "shop.service", "k": "2", "bad\uFFFD": "\uFFFD",
	}, m.AsRaw())
}

func TestAnUnknownProcessIsOnlyOnAHost(t *testing.T) {
	m := pcommon.NewMap()
	Process(m, "host", &procinfo.Process{})
	assert.Equal(t, map[string]any{"host.name": "host"}, m.AsRaw())
}
