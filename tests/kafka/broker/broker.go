// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package broker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// Broker is a running Apache Kafka broker, one of our own or the one that KAFKA_BROKERS names.
type Broker struct {
	addrs []string
	// The following are empty for a broker that is not ours.
	id        int32
	dir       string
	libs      string
	java      []string
	listeners map[string]string // addresses by name
	child     *process
}

// startTries is how often Start looks for ports anew; a second try is needed only if somebody took a port meanwhile.
const startTries = 3

// Start runs a broker and returns when it answers requests. The caller ends it with Stop. The error is a MissingError
// when this machine lacks something.
func Start(ctx context.Context) (*Broker, error) { return StartBehind(ctx, "") }

// StartBehind is Start for a broker with a proxy before it, see Spec.Proxy.
func StartBehind(ctx context.Context, proxy string) (*Broker, error) {
	if given := os.Getenv("KAFKA_BROKERS"); given != "" {
		b := &Broker{addrs: strings.Split(given, ",")}
		return b, b.awaitReady(ctx)
	}
	c, err := StartCluster(ctx, Spec{Proxy: proxy})
	if err != nil {
		return nil, err
	}
	return c.Brokers[0], nil
}

// Addrs returns the bootstrap addresses as "host:port". The slice must not be changed.
func (b *Broker) Addrs() []string { return b.addrs }

// Behind returns the address that a proxy connects to, "" for a broker that is not ours.
func (b *Broker) Behind() string { return b.listeners[proxied] }

// Addr returns the address of one of Spec.Listeners.
func (b *Broker) Addr(listener string) string { return b.listeners[listener] }

// Own reports whether this broker is ours to kill.
func (b *Broker) Own() bool { return b.dir != "" }

// Kill ends the broker as a crash does. Its store stays, and Restart brings it back at the same address.
func (b *Broker) Kill() error {
	if b.child == nil {
		return errors.New("kill broker: it is not one of ours or does not run")
	}
	err := b.child.Kill()
	b.child = nil
	return err
}

// Shutdown ends the broker in order: its partitions get other leaders first. Its store stays, as after Kill.
func (b *Broker) Shutdown() error {
	if b.child == nil {
		return errors.New("shut down broker: it is not one of ours or does not run")
	}
	err := b.child.stop()
	b.child = nil
	return err
}

// readyLimit bounds the time until a started broker answers; 2 to 3 seconds are usual, more after a crash.
const readyLimit = 90 * time.Second

// Restart runs a broker that was killed or shut down on the store that it left and returns when it answers requests.
func (b *Broker) Restart(ctx context.Context) error {
	if b.child != nil || !b.Own() {
		return errors.New("restart broker: it runs or is not one of ours")
	}
	child, err := launch(b.dir, b.libs, b.java)
	if err != nil {
		return err
	}
	b.child = child
	ctx, cancel := context.WithTimeout(ctx, readyLimit)
	defer cancel()
	alive, cancelCause := context.WithCancelCause(ctx)
	defer cancelCause(nil)
	go func() { // ends with alive at the latest, so before Restart's caller can notice
		select {
		case <-child.Done():
			cancelCause(errors.New("the broker ended"))
		case <-alive.Done():
		}
	}()
	if err := b.awaitReady(alive); err != nil {
		b.child = nil
		return errors.Join(fmt.Errorf("%w; its log ends with: %s", err, child.log()), child.Kill())
	}
	return nil
}

// Stop ends the broker and removes everything it wrote. A broker that is not ours is left alone.
func (b *Broker) Stop() error {
	if !b.Own() {
		return nil
	}
	var err error
	if b.child != nil {
		// By force: nobody reads its store again, and a node of a cluster whose other nodes end as well finds no
		// controller to take leave of, for which it waits for minutes.
		err = b.child.Kill()
		b.child = nil
	}
	return errors.Join(err, os.RemoveAll(b.dir))
}
