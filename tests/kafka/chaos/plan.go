// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/otelcol-risk/otelcol-risk/tests/kafka/broker"
)

const (
	topic      = "chaos"
	partitions = 6
	// between is how many requests must have been confirmed between two faults.
	between = 50
	// pairEvery says which kills end two brokers at once.
	pairEvery = 5
	// recovery bounds the time until a cluster is whole again.
	recovery = 3 * time.Minute
)

// plan is what to do.
type plan struct {
	release         broker.Release
	kills, restarts int
	rate            int // requests a second
	log             io.Writer
}

// run does it and counts.
func (p plan) run(ctx context.Context) (found outcome, err error) {
	begun := time.Now()
	c, err := broker.StartCluster(ctx, broker.Spec{Release: p.release, Nodes: 3})
	if err != nil {
		return outcome{}, err
	}
	defer func() { err = errors.Join(err, c.Stop()) }()
	if err := c.Brokers[0].CreateTopic(ctx, topic, partitions); err != nil {
		return outcome{}, err
	}
	if err := c.AwaitInSync(ctx, topic); err != nil {
		return outcome{}, err
	}
	l, err := startLoad(ctx, c.Addrs(), topic, p.rate)
	if err != nil {
		return outcome{}, err
	}
	fault := p.harm(ctx, c, l)
	if err := errors.Join(fault, l.end()); err != nil {
		return outcome{}, err
	}
	found = outcome{
		Kafka: string(p.release), Kills: p.kills, Restarts: p.restarts, Sent: int(l.next.Load()) * spansEach,
		Refused: int(l.refused.Load()), LongestMillis: l.longest.Load(),
	}
	if found.Retried, err = l.retried(); err != nil {
		return outcome{}, err
	}
	if err := p.read(ctx, c, &found); err != nil {
		return outcome{}, err
	}
	found.Seconds = int(time.Since(begun).Seconds())
	return found, nil
}

// harm restarts brokers one after the other, and then kills them.
func (p plan) harm(ctx context.Context, c *broker.Cluster, l *load) error {
	for i := range p.restarts {
		b := c.Brokers[i%len(c.Brokers)]
		if err := p.disturb(ctx, c, l, "restarted", (*broker.Broker).Shutdown, b); err != nil {
			return err
		}
	}
	for i := 0; i < p.kills; {
		victims := []*broker.Broker{c.Brokers[i%len(c.Brokers)]}
		if i%pairEvery == pairEvery-2 && i+1 < p.kills {
			victims = append(victims, c.Brokers[(i+1)%len(c.Brokers)])
		}
		i += len(victims)
		if err := p.disturb(ctx, c, l, fmt.Sprintf("killed (%d)", i), (*broker.Broker).Kill, victims...); err != nil {
			return err
		}
	}
	return l.awaitMore(ctx, between)
}

// disturb waits until the exporter sends, ends brokers at the same moment, starts them again, and waits until all replicas
// are in sync.
func (p plan) disturb(ctx context.Context, c *broker.Cluster, l *load, what string, end func(*broker.Broker) error, victims ...*broker.Broker) error {
	ctx, cancel := context.WithTimeout(ctx, recovery)
	defer cancel()
	if err := l.awaitMore(ctx, between); err != nil {
		return err
	}
	begun := time.Now()
	if err := each(victims, end); err != nil {
		return err
	}
	if err := each(victims, func(b *broker.Broker) error { return b.Restart(ctx) }); err != nil {
		return err
	}
	if err := c.AwaitInSync(ctx, topic); err != nil {
		return err
	}
	_, err := fmt.Fprintf(p.log, "%s %d broker(s): whole again after %.1f s, %d requests confirmed so far\n",
		what, len(victims), time.Since(begun).Seconds(), l.confirmed.Load())
	return err
}

// each does something to several brokers at once.
func each(brokers []*broker.Broker, do func(*broker.Broker) error) error {
	done := make(chan error, len(brokers))
	for _, b := range brokers {
		go func() { done <- do(b) }()
	}
	var err error
	for range brokers {
		err = errors.Join(err, <-done)
	}
	return err
}

// read has both readers count.
func (p plan) read(ctx context.Context, c *broker.Cluster, found *outcome) error {
	records, err := c.Records(ctx, topic)
	if err != nil {
		return err
	}
	kcat, err := readWithKcat(ctx, c, topic, found.Sent)
	if err != nil {
		return err
	}
	console, err := readWithConsole(ctx, c, topic, records, found.Sent)
	if err != nil {
		return err
	}
	found.take(kcat, console)
	return nil
}
