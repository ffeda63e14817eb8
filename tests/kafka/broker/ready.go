// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// probeEvery is how often a starting broker is asked whether it is ready.
const probeEvery = 100 * time.Millisecond

// requestLimit bounds one administrative request.
const requestLimit = 10 * time.Second

// awaitReady asks for metadata until the answer lists the broker, that is, until the node has registered with its
// controller and would accept a topic. It gives up when ctx ends and says what the last answer was.
func (b *Broker) awaitReady(ctx context.Context) error {
	ticker := time.NewTicker(probeEvery)
	defer ticker.Stop()
	for {
		err := b.probe(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for broker at %q: %w, last answer: %w", b.addrs, context.Cause(ctx), err)
		case <-ticker.C:
		}
	}
}

// probe asks once.
func (b *Broker) probe(ctx context.Context) error {
	request := kmsg.NewPtrMetadataRequest()
	request.Topics = []kmsg.MetadataRequestTopic{} // none: only the brokers are of interest
	response, err := ask(ctx, b.addrs, request, 2*time.Second)
	if err != nil {
		return err
	}
	brokers := response.(*kmsg.MetadataResponse).Brokers
	if !slices.ContainsFunc(brokers, func(found kmsg.MetadataResponseBroker) bool { return found.NodeID == b.id || !b.Own() }) {
		return errors.New("the broker is not registered yet")
	}
	return nil
}

// CreateTopic creates a topic with the given number of partitions and as many replicas as is usual there.
func (b *Broker) CreateTopic(ctx context.Context, name string, partitions int32) error {
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, partitions, -1
	request := kmsg.NewPtrCreateTopicsRequest()
	request.Topics = append(request.Topics, topic)
	response, err := ask(ctx, b.addrs, request, requestLimit)
	if err != nil {
		return fmt.Errorf("create topic %q: %w", name, err)
	}
	for _, answer := range response.(*kmsg.CreateTopicsResponse).Topics {
		if err := kerr.ErrorForCode(answer.ErrorCode); err != nil {
			return fmt.Errorf("create topic %q: %w", answer.Topic, err)
		}
	}
	return nil
}

// DeleteTopic deletes a topic, which matters on a broker that outlives the test.
func (b *Broker) DeleteTopic(ctx context.Context, name string) error {
	topic := kmsg.NewDeleteTopicsRequestTopic()
	topic.Topic = kmsg.StringPtr(name)
	request := kmsg.NewPtrDeleteTopicsRequest()
	request.Topics = append(request.Topics, topic)
	request.TopicNames = append(request.TopicNames, name) // the same for versions below 6
	response, err := ask(ctx, b.addrs, request, requestLimit)
	if err != nil {
		return fmt.Errorf("delete topic %q: %w", name, err)
	}
	for _, answer := range response.(*kmsg.DeleteTopicsResponse).Topics {
		if err := kerr.ErrorForCode(answer.ErrorCode); err != nil {
			return fmt.Errorf("delete topic %q: %w", name, err)
		}
	}
	return nil
}

// ask sends one request over a connection of its own and returns the answer.
func ask(ctx context.Context, addrs []string, request kmsg.Request, limit time.Duration) (kmsg.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(addrs...), kgo.RequestRetries(0))
	if err != nil {
		return nil, fmt.Errorf("create client for %q: %w", addrs, err)
	}
	defer client.Close()
	response, err := client.Request(ctx, request)
	if err != nil {
		return nil, fmt.Errorf("ask broker at %q: %w", addrs, err)
	}
	return response, nil
}
