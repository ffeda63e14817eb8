// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receiverhelper"
	"go.uber.org/zap"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/bpfobj"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/metadata"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/metrics"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/probe"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/procinfo"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/ring"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/tcpstats"
)

// ebpfReceiver owns the programs in the kernel and the goroutines that pass on what they see: one reads the ring, and each
// signal that somebody consumes has one of its own (senders_linux.go), so that a slow consumer of one does not delay the
// others before the ring is full. It serves all signals of one component id: the first Start starts it, the first
// Shutdown ends it, the others do nothing.
type ebpfReceiver struct {
	cfg      *Config
	settings receiver.Settings
	next     consumers // set before the first Start
	report   *receiverhelper.ObsReport
	forget   func()
	started  sync.Once
	startErr error
	stopped  sync.Once

	telemetry *telemetry
	cgroups   *procinfo.Cgroups
	objects   *bpfobj.Objects
	probe     *probe.Probe
	ring      *ring.Reader
	flow      *flow
	thinning  *thinning       // nil: nothing may be left out
	sweeper   *bpfobj.Sweeper // nil: idle connections keep their state
	running   sync.WaitGroup
	cancel    context.CancelFunc // of what the next consumer is doing
}

func newReceiver(settings receiver.Settings, cfg *Config, forget func()) (*ebpfReceiver, error) {
	report, err := receiverhelper.NewObsReport(receiverhelper.ObsReportSettings{
		ReceiverID: settings.ID, Transport: "ebpf", ReceiverCreateSettings: settings,
	})
	if err != nil {
		return nil, fmt.Errorf("create receiver report: %w", err)
	}
	return &ebpfReceiver{cfg: cfg, settings: settings, report: report, forget: forget}, nil
}

// Start loads and attaches the programs. On an error nothing is left in the kernel.
func (r *ebpfReceiver) Start(ctx context.Context, host component.Host) error {
	r.started.Do(func() { r.startErr = r.start(ctx, host) })
	return r.startErr
}

func (r *ebpfReceiver) start(ctx context.Context, host component.Host) error {
	if err := r.open(ctx); err != nil {
		return fmt.Errorf("start receiver %s: %w", r.settings.ID, errors.Join(err, r.release()))
	}
	sending, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r.cancel = cancel
	r.running.Go(func() {
		if err := r.ring.Run(r.flow); err != nil {
			componentstatus.ReportStatus(host, componentstatus.NewPermanentErrorEvent(err))
		}
		r.flow.drain()
	})
	r.send(sending)
	if r.thinning != nil {
		r.running.Go(func() { r.thinning.run(sending, r.flow.drained) })
	}
	if r.sweeper != nil {
		r.running.Go(func() { r.sweep(sending) })
	}
	return nil
}

// open makes what Start needs, in the order in which it depends on each other.
func (r *ebpfReceiver) open(ctx context.Context) error {
	capabilities, err := probe.EffectiveCapabilities()
	if err != nil {
		return err
	}
	if err := probe.Check(capabilities); err != nil {
		return err
	}
	if lacking := capabilities.LackingForOwners(); len(lacking) > 0 {
		r.settings.Logger.Warn("processes of other users stay unknown", zap.String("missing", strings.Join(lacking, ", ")))
	}
	paths, err := r.openCgroups()
	if err != nil {
		return err
	}
	if r.telemetry, err = newTelemetry(r.settings.TelemetrySettings); err != nil {
		return err
	}
	if r.objects, err = bpfobj.Load(r.cfg.programSettings(r.next)); err != nil {
		return err
	}
	r.sweeper = r.newSweeper()
	if r.ring, err = ring.NewReader(r.objects.Ring(), r.cfg.PollInterval); err != nil {
		return err
	}
	var older *probe.Adopted
	adopt := func() (err error) {
		older, err = r.adopt(ctx)
		return err
	}
	if r.probe, err = probe.Attach(r.objects, paths, adopt); err != nil {
		return err
	}
	if r.cfg.DropCapabilities {
		if err := probe.DropCapabilities(); err != nil {
			return err
		}
	}
	return r.build(older)
}

// build makes the user-space part.
func (r *ebpfReceiver) build(older *probe.Adopted) error {
	host, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("read host name: %w", err)
	}
	about := origin{host: host, scope: metadata.ScopeName, version: r.settings.BuildInfo.Version}
	of := &owners{
		older:     older,
		processes: procinfo.New(procinfo.Settings{MaxProcesses: r.cfg.MaxProcesses, CgroupPath: r.cgroups.Path}),
	}
	to := newSinks(r.cfg, r.next, about)
	to.sources = r.sources(of, to)
	r.flow = newFlow(r.cfg, r.settings.Logger, r.telemetry, of, to)
	r.thinning = newThinning(r.cfg, r.next.traces != nil, r.objects, r.flow, r.ring, r.settings.Logger)
	return r.telemetry.observe(sources{
		kernel:    r.objects.Counters,
		assembler: &r.flow.assembler.Counts,
		streams:   &r.flow.streams.Counts,
		thinned:   &r.flow.thinned,
		records:   r.ring.Records,
		processes: of.processes.Stats,
		causes:    r.flow.causes,
		sinks:     r.flow.sinks,
		thinning:  r.thinning,
	})
}

// sources returns what brings to the store what the kernel counts.
func (r *ebpfReceiver) sources(of *owners, to *sinks) (all []metrics.Source) {
	if to.store == nil {
		return nil
	}
	if r.cfg.TCP.MaxRows > 0 {
		all = append(all, tcpstats.New(tcpstats.Settings{
			MaxIdle: r.cfg.Metrics.MaxIdle, Admits: r.cfg.Filter.Executables.Admits,
		}, r.objects, of.processes, to.store))
	}
	return append(all, &durations{objects: r.objects, owners: of, filter: &r.cfg.Filter.Executables, http: to.http})
}

// openCgroups opens the hierarchy and returns the paths to attach to.
func (r *ebpfReceiver) openCgroups() (paths []string, err error) {
	root := r.cfg.CgroupRoot
	if root == "" {
		if root, err = probe.CgroupRoot(); err != nil {
			return nil, err
		}
	}
	if r.cgroups, err = procinfo.OpenCgroups(root); err != nil {
		return nil, err
	}
	return r.cfg.Filter.CgroupPaths(root)
}

// adopt tells the programs who owns the sockets that exist already, and to leave this process's alone.
func (r *ebpfReceiver) adopt(ctx context.Context) (*probe.Adopted, error) {
	ignore := 0
	if !r.cfg.CaptureSelf {
		self, err := probe.Self(r.objects)
		if err != nil {
			return nil, err
		}
		if err := r.objects.IgnoreProcess(self); err != nil {
			return nil, err
		}
		ignore = os.Getpid()
	}
	if all, err := probe.SeesAllProcesses(); err != nil || !all {
		r.settings.Logger.Warn("processes stay unknown: not in the host's PID namespace", zap.Error(err))
		return nil, nil
	}
	adopted, err := probe.Adopt(ctx, r.objects, ignore)
	if err != nil {
		return nil, err
	}
	if adopted.Refused > 0 {
		r.settings.Logger.Warn("owners of some older sockets stay unknown",
			zap.Int("known", adopted.Sockets), zap.Int("unknown", adopted.Refused))
	}
	return adopted, nil
}

// Shutdown detaches the programs, passes on what was seen until then, and unloads. If ctx ends first, what the next
// consumers have not taken yet is refused, and counted as such.
func (r *ebpfReceiver) Shutdown(ctx context.Context) (err error) {
	r.stopped.Do(func() { err = r.stop(ctx) })
	return err
}

func (r *ebpfReceiver) stop(ctx context.Context) error {
	defer r.forget()
	if r.cancel == nil {
		return nil // never started
	}
	defer r.cancel()
	stop := context.AfterFunc(ctx, r.cancel)
	defer stop()
	detached := r.probe.Close()
	stopped := r.ring.Stop()
	r.running.Wait()
	return errors.Join(detached, stopped, r.release())
}

// release frees what open made, the last first.
func (r *ebpfReceiver) release() error {
	var errs []error
	if r.probe != nil {
		errs = append(errs, r.probe.Close())
	}
	if r.telemetry != nil {
		r.telemetry.builder.Shutdown()
	}
	if r.ring != nil {
		errs = append(errs, r.ring.Close())
	}
	if r.sweeper != nil {
		errs = append(errs, r.sweeper.Close())
	}
	if r.objects != nil {
		errs = append(errs, r.objects.Close())
	}
	if r.cgroups != nil {
		errs = append(errs, r.cgroups.Close())
	}
	r.probe, r.telemetry, r.ring, r.sweeper, r.objects, r.cgroups, r.cancel = nil, nil, nil, nil, nil, nil, nil
	return errors.Join(errs...)
}
