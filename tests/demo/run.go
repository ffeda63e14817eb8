// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/otelcol-risk/otelcol-risk/tests/demo/shop"
	"github.com/otelcol-risk/otelcol-risk/tests/demo/worker"
	"github.com/otelcol-risk/otelcol-risk/tests/harness"
)

const (
	topic       = "otlp_spans"
	partitions  = 3
	startWithin = 30 * time.Second
	endWithin   = 10 * time.Second
)

// demo is everything that runs. Whatever of it was started is ended by close, in the reverse order.
type demo struct {
	options
	folder    string
	addr      map[string]string // of the services, and of otlp and telemetry
	broker    *harness.Broker
	follower  *follower
	collector *harness.Collector
	programs  []program // in the order in which they were started
	died      chan error
}

// program is one of the programs that are watched.
type program struct {
	name string
	*worker.Worker
}

// run shows the demo until its time is over or ctx ends.
func run(ctx context.Context, o options) (err error) {
	d := &demo{options: o, died: make(chan error, len(shop.Services())+2)}
	defer func() { err = d.close(err) }()
	if err := d.start(ctx); err != nil {
		return err
	}
	took, err := d.show(ctx)
	if err != nil {
		return err
	}
	s, err := d.finish(context.WithoutCancel(ctx))
	if err != nil {
		return err
	}
	s.Took = took
	return errors.Join(s.Print(os.Stdout), s.Check())
}

// start brings everything up: first what takes spans, then what makes them.
func (d *demo) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	fmt.Printf("A shop and its visitors for %v, watched %s.\n", d.duration, d.explained)

	var err error
	if d.folder, err = os.MkdirTemp("", "otelcol-risk-demo-"); err != nil {
		return fmt.Errorf("create folder: %w", err)
	}
	if err := d.allot(); err != nil {
		return err
	}
	if d.broker, err = harness.StartBroker(partitions, topic); err != nil {
		return err
	}
	if err := d.startCollector(ctx); err != nil {
		return err
	}
	if d.follower, err = follow(d.broker.Addr(), os.Stdout, isTerminal(os.Stdout)); err != nil {
		return err
	}
	for _, name := range shop.Services() {
		if err := d.startProgram(ctx, name, d.addr[name]); err != nil {
			return err
		}
	}
	return d.startProgram(ctx, crowd, "")
}

// allot gives each part its address. The services need theirs before they run: the collector watches only these.
func (d *demo) allot() error {
	names := append(shop.Services(), "otlp", "telemetry")
	addrs, err := harness.FreeAddrs(len(names))
	if err != nil {
		return err
	}
	d.addr = map[string]string{}
	for i, name := range names {
		d.addr[name] = addrs[i]
	}
	return nil
}

func (d *demo) startCollector(ctx context.Context) error {
	var ports []string
	for _, name := range shop.Services() {
		ports = append(ports, port(d.addr[name]))
	}
	var err error
	d.collector, err = harness.StartCollector(ctx, harness.CollectorSpec{
		Binary: d.binary, Config: d.config, Log: filepath.Join(d.folder, "collector.log"),
		Env: []string{
			"DEMO_INPUT=" + d.input,
			"DEMO_PORTS=[" + strings.Join(ports, ", ") + "]",
			"DEMO_OTLP_ADDR=" + d.addr["otlp"],
			"DEMO_BROKER=" + d.broker.Addr(),
			"DEMO_TOPIC=" + topic,
			"DEMO_TELEMETRY_PORT=" + port(d.addr["telemetry"]),
		},
	})
	if err != nil {
		if d.input == inputEBPF {
			err = fmt.Errorf("%w\n(the demo with -input=otlp needs neither root nor eBPF)", err)
		}
		return err
	}
	d.watch(d.collector.Done(), func() error {
		return d.collector.Explain(errors.Join(errors.New("collector ended too early"), d.collector.Err()))
	})
	return nil
}

func (d *demo) startProgram(ctx context.Context, name, listen string) error {
	j := job{name: name, listen: listen, addr: formatAddresses(d.addr), duration: d.duration}
	if d.input == inputOTLP {
		j.otlp = d.addr["otlp"]
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	w, err := worker.Start(name, self, j.args(), []string{"OTEL_SERVICE_NAME=" + name})
	if err != nil {
		return err
	}
	d.programs = append(d.programs, program{name, w})
	d.watch(w.Done(), w.Err)
	_, err = w.Ready(ctx)
	return err
}

// watch reports in d.died when something ends. Nobody looks there once the demo itself has begun to end it.
func (d *demo) watch(done <-chan struct{}, why func() error) {
	go func() {
		<-done
		d.died <- why()
	}()
}

// show waits while the table is printed, until the time is over, ctx ends or something dies.
func (d *demo) show(ctx context.Context) (time.Duration, error) {
	began := time.Now()
	timer := time.NewTimer(d.duration)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case err := <-d.died:
		return 0, err
	case err := <-d.follower.failed:
		return 0, err
	}
	return time.Since(began), nil
}

// close ends whatever still runs. The collector's log is kept if there was an error.
func (d *demo) close(err error) error {
	for _, p := range d.programs {
		err = errors.Join(err, p.Kill())
	}
	if d.collector != nil {
		err = errors.Join(err, d.collector.Kill())
	}
	if d.follower != nil {
		d.follower.close()
	}
	if d.broker != nil {
		d.broker.Close()
	}
	if d.folder == "" {
		return err
	}
	if err != nil {
		return fmt.Errorf("%w\nThe collector's log is in %s", err, d.folder)
	}
	return os.RemoveAll(d.folder)
}

func port(addr string) string {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr // not an address: let whoever uses it quote it
	}
	return port
}

func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("NO_COLOR") == ""
}
