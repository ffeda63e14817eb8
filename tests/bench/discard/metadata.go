// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package discard

import (
	"crypto/sha256"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// nodeID is the id of the only node.
const nodeID = 1

// metadata says that this broker leads every partition of every topic that is asked for.
func (b *Broker) metadata(request *kmsg.MetadataRequest) kmsg.Response {
	response := request.ResponseKind().(*kmsg.MetadataResponse)
	node := kmsg.NewMetadataResponseBroker()
	node.NodeID, node.Host, node.Port = nodeID, b.host, b.port
	response.Brokers = append(response.Brokers, node)
	response.ControllerID = nodeID
	response.ClusterID = kmsg.StringPtr("discard")
	for _, asked := range request.Topics {
		if asked.Topic == nil {
			continue // by id: versions of produce that would need ids are not offered
		}
		topic := kmsg.NewMetadataResponseTopic()
		topic.Topic = asked.Topic
		topic.TopicID = topicID(*asked.Topic)
		for index := range b.partitionCount {
			topic.Partitions = append(topic.Partitions, leads(index))
		}
		response.Topics = append(response.Topics, topic)
	}
	return response
}

func leads(index int32) kmsg.MetadataResponseTopicPartition {
	part := kmsg.NewMetadataResponseTopicPartition()
	part.Partition = index
	part.Leader = nodeID
	part.LeaderEpoch = 1
	part.Replicas = []int32{nodeID}
	part.ISR = []int32{nodeID}
	return part
}

// topicID derives an id from the name, so that a topic keeps its id.
func topicID(name string) (id [16]byte) {
	sum := sha256.Sum256([]byte(name))
	copy(id[:], sum[:])
	return id
}
