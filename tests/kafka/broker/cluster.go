// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package broker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Cluster is some brokers of our own that know one another.
type Cluster struct {
	// Brokers must not be changed.
	Brokers []*Broker
	libs    string
}

// StartCluster runs brokers and returns when all of them answer. The caller ends them with Stop. The error is a
// MissingError when this machine lacks something.
func StartCluster(ctx context.Context, spec Spec) (*Cluster, error) {
	if err := checkJava(); err != nil {
		return nil, err
	}
	libs, err := jars(ctx, spec.release())
	if err != nil {
		return nil, err
	}
	var faults []error
	for range startTries {
		c, err := startNodes(ctx, libs, spec)
		if err == nil {
			return c, nil
		}
		faults = append(faults, err)
	}
	return nil, errors.Join(faults...)
}

// startNodes formats new stores and runs brokers on them. Nothing is left behind on an error.
func startNodes(ctx context.Context, libs string, spec Spec) (*Cluster, error) {
	c := &Cluster{libs: libs}
	for id := range spec.nodes() {
		dir, err := os.MkdirTemp("", "kafka-")
		if err != nil {
			return nil, errors.Join(fmt.Errorf("create broker directory: %w", err), c.Stop())
		}
		c.Brokers = append(c.Brokers, &Broker{id: int32(id + 1), dir: dir, libs: libs, java: append([]string{spec.heap()}, spec.Java...)})
	}
	err := configure(c.Brokers, &spec)
	if err == nil {
		id := clusterID()
		err = c.each(func(b *Broker) error { return b.format(ctx, id, spec.Format) })
	}
	if err == nil {
		err = c.each(func(b *Broker) error { return b.Restart(ctx) })
	}
	if err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, nil
}

// each does something to all brokers at once and returns when it is done to all.
func (c *Cluster) each(do func(*Broker) error) error {
	errs := make([]error, len(c.Brokers))
	var running sync.WaitGroup
	for i, b := range c.Brokers {
		running.Go(func() { errs[i] = do(b) })
	}
	running.Wait()
	return errors.Join(errs...)
}

// Stop ends all brokers and removes everything they wrote.
func (c *Cluster) Stop() error { return c.each((*Broker).Stop) }

// Addrs returns the addresses of all brokers as "host:port".
func (c *Cluster) Addrs() []string {
	var addrs []string
	for _, b := range c.Brokers {
		addrs = append(addrs, b.addrs...)
	}
	return addrs
}

// Jars returns the class path of the cluster's release, which has its tools, too.
func (c *Cluster) Jars() string { return filepath.Join(c.libs, "*") }

// AwaitInSync returns when every replica of the topic has all that its leader has.
func (c *Cluster) AwaitInSync(ctx context.Context, topic string) error {
	ticker := time.NewTicker(probeEvery)
	defer ticker.Stop()
	for {
		err := c.inSync(ctx, topic)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the replicas of topic %q: %w: %w", topic, context.Cause(ctx), err)
		case <-ticker.C:
		}
	}
}

func (c *Cluster) inSync(ctx context.Context, name string) error {
	request := kmsg.NewPtrMetadataRequest()
	topic := kmsg.NewMetadataRequestTopic()
	topic.Topic = kmsg.StringPtr(name)
	request.Topics = append(request.Topics, topic)
	response, err := ask(ctx, c.Addrs(), request, requestLimit)
	if err != nil {
		return err
	}
	for _, t := range response.(*kmsg.MetadataResponse).Topics {
		if err := kerr.ErrorForCode(t.ErrorCode); err != nil {
			return err
		}
		for _, p := range t.Partitions {
			if len(p.ISR) < len(p.Replicas) || p.Leader < 0 {
				return fmt.Errorf("partition %d has replicas %v, of which %v are in sync", p.Partition, p.Replicas, p.ISR)
			}
		}
	}
	return nil
}

// Records returns how many records a topic holds that was never compacted and has no transactions: the sum of the ends of
// its partitions.
func (c *Cluster) Records(ctx context.Context, topic string) (int64, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(c.Addrs()...))
	if err != nil {
		return 0, fmt.Errorf("count records of topic %q: %w", topic, err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, topic)
	if err = errors.Join(err, ends.Error()); err != nil {
		return 0, fmt.Errorf("count records of topic %q: %w", topic, err)
	}
	records := int64(0)
	ends.Each(func(o kadm.ListedOffset) { records += o.Offset })
	return records, nil
}
