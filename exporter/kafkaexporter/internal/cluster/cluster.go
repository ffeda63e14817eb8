// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package cluster finds brokers: it asks any reachable one for the leaders of the wanted topics, and for producer ids.
//
// It keeps one connection, to whichever broker answered last, and moves on to the next known one when that fails.
// When to ask, how often and what to do with the answer is decided by the caller.
//
// Concurrency: a [Cluster] is not safe for concurrent use.
package cluster

import (
	"context"
	"errors"
	"slices"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/wire"
)

// Control is a connection to one broker; [wire.Control] is the real one.
type Control interface {
	Layout(ctx context.Context, topics []string, create bool) (wire.Layout, error)
	ProducerID(ctx context.Context) (id int64, epoch int16, err error)
	MaxMessageBytes(ctx context.Context, topic string) (int, error)
	Close() error
}

// Cluster is the way to whichever broker is reachable.
type Cluster struct {
	dial    func(ctx context.Context, address string) (Control, error)
	seeds   []string
	known   []string // addresses from the last layout
	control Control
	next    int // position in the list of candidates of the next attempt
}

// New returns a cluster that connects through dial, at first to one of seeds.
func New(seeds []string, dial func(ctx context.Context, address string) (Control, error)) *Cluster {
	return &Cluster{dial: dial, seeds: seeds}
}

// Layout returns the brokers and the leaders of topics. It tries every known broker once.
func (c *Cluster) Layout(ctx context.Context, topics []string, create bool) (wire.Layout, error) {
	var layout wire.Layout
	err := c.ask(ctx, func(control Control) (err error) {
		layout, err = control.Layout(ctx, topics, create)
		return err
	})
	if err != nil {
		return wire.Layout{}, err
	}
	c.known = c.known[:0]
	for _, address := range layout.Brokers {
		c.known = append(c.known, address)
	}
	slices.Sort(c.known)
	return layout, nil
}

// ProducerID returns a new producer id and its epoch. It tries every known broker once.
func (c *Cluster) ProducerID(ctx context.Context) (id int64, epoch int16, err error) {
	err = c.ask(ctx, func(control Control) (err error) {
		id, epoch, err = control.ProducerID(ctx)
		return err
	})
	return id, epoch, err
}

// MaxMessageBytes returns the largest batch that a topic takes, in bytes. It tries every known broker once.
func (c *Cluster) MaxMessageBytes(ctx context.Context, topic string) (most int, err error) {
	err = c.ask(ctx, func(control Control) (err error) {
		most, err = control.MaxMessageBytes(ctx, topic)
		return err
	})
	return most, err
}

// Close ends the connection, if there is one.
func (c *Cluster) Close() error {
	if c.control == nil {
		return nil
	}
	err := c.control.Close()
	c.control = nil
	return err
}

// ask runs question on the present connection, or else on a new one to each candidate in turn, until one succeeds.
func (c *Cluster) ask(ctx context.Context, question func(Control) error) error {
	var errs []error
	if c.control != nil {
		err := question(c.control)
		if err == nil {
			return nil
		}
		// The connection may just have been idle for too long; its broker gets another chance below.
		errs = append(errs, err, c.Close())
		if ctx.Err() != nil {
			c.next++ // it had all the time that there was
		}
	}
	candidates := c.candidates()
	for range candidates {
		if ctx.Err() != nil {
			break
		}
		address := candidates[c.next%len(candidates)]
		err := c.askNew(ctx, address, question)
		if err == nil {
			return nil
		}
		c.next++
		errs = append(errs, err)
	}
	return errors.Join(append(errs, ctx.Err())...)
}

func (c *Cluster) askNew(ctx context.Context, address string, question func(Control) error) error {
	control, err := c.dial(ctx, address)
	if err != nil {
		return err
	}
	if err := question(control); err != nil {
		return errors.Join(err, control.Close())
	}
	c.control = control
	return nil
}

// candidates returns the brokers of the last layout and then the seeds, which stay the way back in when all brokers
// have moved to other addresses.
func (c *Cluster) candidates() []string {
	all := slices.Clone(c.known)
	for _, seed := range c.seeds {
		if !slices.Contains(all, seed) {
			all = append(all, seed)
		}
	}
	return all
}
