// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kfake"
)

// Broker is a single Kafka-protocol broker in the memory of this process, listening on a free port of 127.0.0.1.
type Broker struct {
	cluster *kfake.Cluster
}

// StartBroker starts a broker that holds the given topics with as many partitions each. Topics that are not named are
// refused, as on a broker with automatic creation switched off.
func StartBroker(partitions int32, topics ...string) (*Broker, error) {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(partitions, topics...))
	if err != nil {
		return nil, fmt.Errorf("start broker: %w", err)
	}
	return &Broker{cluster: cluster}, nil
}

// Addr returns host:port of the broker.
func (b *Broker) Addr() string { return b.cluster.ListenAddrs()[0] }

// Records returns how many records a topic holds.
func (b *Broker) Records(topic string) int64 {
	var records int64
	for _, partition := range b.cluster.PartitionInfos(topic) {
		records += partition.HighWatermark
	}
	return records
}

// Cluster gives access to fault injection.
func (b *Broker) Cluster() *kfake.Cluster { return b.cluster }

// Close ends the broker and every connection to it.
func (b *Broker) Close() { b.cluster.Close() }
