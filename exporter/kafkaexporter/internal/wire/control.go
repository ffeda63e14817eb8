// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/describeconfigs"
	"github.com/segmentio/kafka-go/protocol/initproducerid"
	"github.com/segmentio/kafka-go/protocol/metadata"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/kafkaerr"
)

// Layout is what a broker knows about the cluster.
type Layout struct {
	// Brokers maps node ids to addresses (host:port).
	Brokers map[int32]string
	// Topics holds an entry for each topic asked for.
	Topics map[string]Topic
}

// Topic is what a broker knows about a topic.
type Topic struct {
	// Leaders holds the node id of each partition's leader, -1 where there is none at the moment.
	Leaders []int32
	// Err says why Leaders is empty.
	Err error
}

// Control is a connection that asks one question at a time. It is not safe for concurrent use. After an error it must
// be closed.
type Control struct {
	link    *link
	address string
	// answered is true once the broker has answered a question.
	answered bool
}

// DialControl connects to a broker.
func (d *Dialer) DialControl(ctx context.Context, address string) (*Control, error) {
	l, err := d.dial(ctx, address)
	if err != nil {
		return nil, err
	}
	return &Control{link: l, address: address}, nil
}

// Close ends the connection.
func (c *Control) Close() error { return c.link.conn.Close() }

// ask fails without asking when the session has ended; whoever holds the control connects anew then.
func (c *Control) ask(ctx context.Context, request protocol.Message) (protocol.Message, error) {
	if c.link.expired(time.Now()) {
		return nil, errReauthorize
	}
	answer, err := c.link.ask(ctx, request)
	if err == nil {
		c.answered = true
		return answer, nil
	}
	if !c.answered && c.link.anonymous && errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("%w: it hung up on the first question, as a broker does that expects `auth`", err)
	}
	return nil, fmt.Errorf("%q: %w", c.address, err)
}

// Layout asks for the brokers and the leaders of topics, and with create for topics to be created that are not there.
func (c *Control) Layout(ctx context.Context, topics []string, create bool) (Layout, error) {
	if topics == nil {
		topics = []string{} // nil would ask for all topics of the cluster
	}
	answer, err := c.ask(ctx, &metadata.Request{TopicNames: topics, AllowAutoTopicCreation: create})
	if err != nil {
		return Layout{}, fmt.Errorf("ask broker for metadata: %w", err)
	}
	response, ok := answer.(*metadata.Response)
	if !ok {
		return Layout{}, errNotKafka
	}
	layout := Layout{Brokers: make(map[int32]string, len(response.Brokers)), Topics: make(map[string]Topic, len(response.Topics))}
	for _, b := range response.Brokers {
		layout.Brokers[b.NodeID] = net.JoinHostPort(b.Host, strconv.Itoa(int(b.Port)))
	}
	for i := range response.Topics {
		layout.Topics[response.Topics[i].Name] = topicOf(&response.Topics[i])
	}
	return layout, nil
}

func topicOf(t *metadata.ResponseTopic) Topic {
	if t.ErrorCode != 0 {
		return Topic{Err: fmt.Errorf("look up topic %q: %w", t.Name, &kafkaerr.Error{Code: t.ErrorCode})}
	}
	leaders := make([]int32, len(t.Partitions))
	for i := range leaders {
		leaders[i] = -1
	}
	for _, p := range t.Partitions {
		// A partition with an error has no usable leader; the index is checked because it comes from outside.
		if p.ErrorCode == 0 && p.PartitionIndex >= 0 && int(p.PartitionIndex) < len(leaders) {
			leaders[p.PartitionIndex] = p.LeaderID
		}
	}
	return Topic{Leaders: leaders}
}

// ProducerID asks for a new producer id with its epoch. Without a transactional id every broker gives one out, and
// always a new one; a higher epoch of an old one is not asked for but begun, see package producer.
func (c *Control) ProducerID(ctx context.Context) (id int64, epoch int16, err error) {
	if _, known := c.link.versions[protocol.InitProducerId]; !known {
		return 0, 0, fmt.Errorf("ask broker for a producer id: %w", errTooOld)
	}
	// Zero values would mean producer 0 in epoch 0 instead of none.
	answer, err := c.ask(ctx, &initproducerid.Request{ProducerID: -1, ProducerEpoch: -1, TransactionTimeoutMs: 60_000})
	if err != nil {
		return 0, 0, fmt.Errorf("ask broker for a producer id: %w", err)
	}
	response, ok := answer.(*initproducerid.Response)
	if !ok {
		return 0, 0, errNotKafka
	}
	if response.ErrorCode != 0 {
		return 0, 0, fmt.Errorf("ask broker for a producer id: %w", &kafkaerr.Error{Code: response.ErrorCode})
	}
	return response.ProducerID, response.ProducerEpoch, nil
}

// MaxMessageBytes asks for the topic's setting max.message.bytes: the size of the largest batch that it takes, as sent. It
// needs the right to describe the topic's settings.
func (c *Control) MaxMessageBytes(ctx context.Context, topic string) (int, error) {
	const (
		topicResource = 2
		setting       = "max.message.bytes"
	)
	if _, known := c.link.versions[protocol.DescribeConfigs]; !known {
		return 0, fmt.Errorf("ask broker for the settings of topic %q: %w", topic, errTooOld)
	}
	answer, err := c.ask(ctx, &describeconfigs.Request{Resources: []describeconfigs.RequestResource{
		{ResourceType: topicResource, ResourceName: topic, ConfigNames: []string{setting}},
	}})
	if err != nil {
		return 0, fmt.Errorf("ask broker for the settings of topic %q: %w", topic, err)
	}
	response, ok := answer.(*describeconfigs.Response)
	if !ok {
		return 0, errNotKafka
	}
	for i := range response.Resources {
		r := &response.Resources[i]
		if r.ErrorCode != 0 {
			return 0, fmt.Errorf("ask broker for the settings of topic %q: %w", topic, &kafkaerr.Error{Code: r.ErrorCode, Message: r.ErrorMessage})
		}
		for _, entry := range r.ConfigEntries {
			if most, err := strconv.Atoi(entry.ConfigValue); err == nil && entry.ConfigName == setting && most > 0 {
				return most, nil
			}
		}
	}
	return 0, fmt.Errorf("ask broker for the settings of topic %q: %s is not among them", topic, setting)
}
