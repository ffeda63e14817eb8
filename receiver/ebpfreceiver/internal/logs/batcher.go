// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package logs

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/procinfo"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/resource"
)

// Settings are what all records of a [Batcher] have in common.
type Settings struct {
	// HostName is the resource attribute host.name.
	HostName string
	// ScopeName and ScopeVersion name the instrumentation scope.
	ScopeName, ScopeVersion string
	// MaxDelay is how long a record waits for others.
	MaxDelay time.Duration
	// MaxPending is how many records may wait.
	MaxPending int
}

// Batcher collects records. See the package comment.
type Batcher struct {
	settings Settings
	filled   chan struct{} // there is something to send
	closing  chan struct{} // there will be no more
	close    sync.Once

	mu      sync.Mutex
	pending plog.Logs
	count   int
	records map[*procinfo.Process]plog.LogRecordSlice

	dropped atomic.Int64
}

// New returns an empty batcher.
func New(settings Settings) *Batcher {
	b := &Batcher{settings: settings, filled: make(chan struct{}, 1), closing: make(chan struct{})}
	b.empty()
	return b
}

// Dropped counts records that found too many waiting.
func (b *Batcher) Dropped() int64 { return b.dropped.Load() }

// Add adds a record under the resource of p, which must not change; describe fills it, at once or never.
func (b *Batcher) Add(p *procinfo.Process, describe func(plog.LogRecord)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.count >= b.settings.MaxPending {
		b.dropped.Add(1)
		return
	}
	b.count++
	records, ok := b.records[p]
	if !ok {
		records = b.addResource(p)
		b.records[p] = records
	}
	describe(records.AppendEmpty())
	select {
	case b.filled <- struct{}{}:
	default: // the sender knows already
	}
}

// addResource adds a resource for p and its scope, and returns the records under it.
func (b *Batcher) addResource(p *procinfo.Process) plog.LogRecordSlice {
	added := b.pending.ResourceLogs().AppendEmpty()
	added.SetSchemaUrl(resource.SchemaURL)
	resource.Process(added.Resource().Attributes(), b.settings.HostName, p)
	scope := added.ScopeLogs().AppendEmpty()
	scope.SetSchemaUrl(resource.SchemaURL)
	scope.Scope().SetName(b.settings.ScopeName)
	scope.Scope().SetVersion(b.settings.ScopeVersion)
	return scope.LogRecords()
}

// empty begins a new batch.
func (b *Batcher) empty() {
	b.pending, b.count, b.records = plog.NewLogs(), 0, make(map[*procinfo.Process]plog.LogRecordSlice)
}

// take returns what waits.
func (b *Batcher) take() (plog.Logs, int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	taken, count := b.pending, b.count
	if count > 0 {
		b.empty()
	}
	return taken, count
}

// Run sends what was added until Close, and what waits then.
func (b *Batcher) Run(ctx context.Context, send func(context.Context, plog.Logs, int)) {
	delay := time.NewTimer(0)
	defer delay.Stop()
	for open := true; open; {
		select {
		case <-b.filled:
			delay.Reset(b.settings.MaxDelay)
			select {
			case <-delay.C:
			case <-b.closing:
			}
		case <-b.closing:
			open = false
		}
		if logs, count := b.take(); count > 0 {
			send(ctx, logs, count)
		}
	}
}

// Close makes Run return once it has sent what waits. Nothing may be added afterwards.
func (b *Batcher) Close() { b.close.Do(func() { close(b.closing) }) }
