// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/otelcol-risk/otelcol-risk/tests/demo/client"
	"github.com/otelcol-risk/otelcol-risk/tests/demo/instrument"
	"github.com/otelcol-risk/otelcol-risk/tests/demo/shop"
	"github.com/otelcol-risk/otelcol-risk/tests/demo/tally"
	"github.com/otelcol-risk/otelcol-risk/tests/demo/worker"
)

// workCommand makes this executable one of the programs that are watched: either a service of the shop or the crowd.
const workCommand = "work"

// crowd is the name of the program that visits the shop.
const crowd = "crowd"

// job is what one program is told by its arguments.
type job struct {
	name     string
	listen   string        // a service's own address
	addr     string        // addresses of other services: name=host:port,…
	duration time.Duration // how long the crowd will stay
	otlp     string        // where to send spans; empty means that the program makes none
}

func (j *job) args() []string {
	return []string{
		workCommand, "-name", j.name, "-listen", j.listen, "-addr", j.addr,
		"-duration", j.duration.String(), "-otlp", j.otlp,
	}
}

func work(args []string) error {
	var j job
	flags := flag.NewFlagSet(workCommand, flag.ContinueOnError)
	flags.StringVar(&j.name, "name", "", "which program")
	flags.StringVar(&j.listen, "listen", "", "address to listen on")
	flags.StringVar(&j.addr, "addr", "", "addresses of other services")
	flags.DurationVar(&j.duration, "duration", 0, "length of the visit")
	flags.StringVar(&j.otlp, "otlp", "", "address of the collector")
	if err := flags.Parse(args); err != nil {
		return err
	}
	return worker.Serve(context.Background(), os.Stdin, os.Stdout, j.run)
}

// run is a [worker.Role].
func (j *job) run(ctx context.Context, ready func(string) error) (tally.Tally, error) {
	var counter tally.Counter
	// Without a collector to send to, nothing is wrapped: the programs are as plain as any.
	handle := func(h http.Handler) http.Handler { return h }
	send := func(t http.RoundTripper) http.RoundTripper { return t }
	if j.otlp != "" {
		recorder := instrument.New(j.name, j.otlp, &counter)
		handle, send = recorder.Handler, recorder.Transport
		recording, stop := context.WithCancel(context.WithoutCancel(ctx))
		var running sync.WaitGroup
		running.Go(func() { recorder.Run(recording) })
		// The tally is complete only after the last spans were sent.
		err := j.play(ctx, ready, &counter, handle, send)
		stop()
		running.Wait()
		return counter.Tally(), err
	}
	err := j.play(ctx, ready, &counter, handle, send)
	return counter.Tally(), err
}

func (j *job) play(
	ctx context.Context, ready func(string) error, counter *tally.Counter,
	handle func(http.Handler) http.Handler, send func(http.RoundTripper) http.RoundTripper,
) error {
	if j.name == crowd {
		visitors := client.Crowd{Storefront: addresses(j.addr)[shop.Storefront], Duration: j.duration, Counter: counter, Wrap: send}
		if err := ready(""); err != nil {
			return err
		}
		visitors.Run(ctx)
		return nil
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	handler, err := shop.Handler(j.name, shop.Dependencies{
		Client: &tally.Client{HTTP: &http.Client{Transport: send(transport)}, Counter: counter},
		Addr:   addresses(j.addr),
	})
	if err != nil {
		return err
	}
	return serve(ctx, j.listen, ready, counter.Handler(handle(handler)))
}

// serve answers requests until ctx ends, and then those that were begun.
func serve(ctx context.Context, addr string, ready func(string) error, handler http.Handler) error {
	listener, err := net.Listen("tcp4", addr)
	if err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	server := http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	if err := ready(listener.Addr().String()); err != nil {
		return errors.Join(err, server.Close(), ignoreClosed(<-ended))
	}
	select {
	case err := <-ended:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
		err := server.Shutdown(context.WithoutCancel(ctx))
		return errors.Join(err, ignoreClosed(<-ended))
	}
}

func ignoreClosed(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// addresses reads name=host:port,…; formatAddresses writes it.
func addresses(list string) map[string]string {
	addrs := map[string]string{}
	for entry := range strings.SplitSeq(list, ",") {
		if name, addr, ok := strings.Cut(entry, "="); ok {
			addrs[name] = addr
		}
	}
	return addrs
}

func formatAddresses(addrs map[string]string) string {
	entries := make([]string, 0, len(addrs))
	for name, addr := range addrs {
		entries = append(entries, name+"="+addr)
	}
	slices.Sort(entries)
	return strings.Join(entries, ",")
}
