// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"errors"
	"fmt"

	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/apiversions"
	"github.com/segmentio/kafka-go/protocol/describeconfigs"
	"github.com/segmentio/kafka-go/protocol/initproducerid"
	"github.com/segmentio/kafka-go/protocol/metadata"
	"github.com/segmentio/kafka-go/protocol/saslauthenticate"
	"github.com/segmentio/kafka-go/protocol/saslhandshake"
)

var errMalformed = errors.New("answer is not well-formed")

// decodeMessage reads the body of an answer (behind the correlation id) into kafka-go's type for it, but only the fields
// that this package looks at. kafka-go's own decoder makes room for as many elements as a length claims: whoever sits at
// the address of a broker could end the process with a few bytes. This one never allocates more than a small multiple of
// the body's size.
func decodeMessage(body []byte, key protocol.ApiKey, version int16) (protocol.Message, error) {
	r := reader{rest: body, size: len(body)}
	var message protocol.Message
	switch key {
	case protocol.ApiVersions: // always version 0
		message = decodeVersions(&r)
	case protocol.Metadata:
		message = decodeMetadata(&r, version)
	case protocol.InitProducerId:
		message = decodeIdentity(&r, version)
	case protocol.DescribeConfigs:
		message = decodeConfigs(&r, version)
	case protocol.SaslHandshake:
		message = decodeHandshake(&r)
	case protocol.SaslAuthenticate:
		message = decodeAuthenticate(&r, version)
	default:
		return nil, fmt.Errorf("read answer: unknown request %d", key)
	}
	if r.failed {
		return nil, fmt.Errorf("%w at byte %d of %d", errMalformed, r.at, len(body))
	}
	if len(r.rest) > 0 {
		return nil, fmt.Errorf("%w: %d bytes too many", errMalformed, len(r.rest))
	}
	return message, nil
}

func decodeVersions(r *reader) *apiversions.Response {
	a := &apiversions.Response{ErrorCode: int16(r.uint16())}
	for range r.count(6) {
		a.ApiKeys = append(a.ApiKeys, apiversions.ApiKeyResponse{
			ApiKey: int16(r.uint16()), MinVersion: int16(r.uint16()), MaxVersion: int16(r.uint16()),
		})
	}
	return a
}

func decodeMetadata(r *reader, version int16) *metadata.Response {
	a := &metadata.Response{}
	if version >= 3 {
		r.skip(4) // throttle time
	}
	for range r.count(10) {
		a.Brokers = append(a.Brokers, metadata.ResponseBroker{NodeID: int32(r.uint32()), Host: r.text(), Port: int32(r.uint32())})
		if version >= 1 {
			r.text() // rack
		}
	}
	if version >= 2 {
		r.text() // cluster id
	}
	if version >= 1 {
		r.skip(4) // controller
	}
	for range r.count(8) {
		a.Topics = append(a.Topics, decodeTopic(r, version))
	}
	if version >= 8 {
		r.skip(4) // rights
	}
	return a
}

func decodeTopic(r *reader, version int16) metadata.ResponseTopic {
	t := metadata.ResponseTopic{ErrorCode: int16(r.uint16()), Name: r.text()}
	if version >= 1 {
		r.skip(1) // internal
	}
	for range r.count(18) {
		t.Partitions = append(t.Partitions, metadata.ResponsePartition{
			ErrorCode: int16(r.uint16()), PartitionIndex: int32(r.uint32()), LeaderID: int32(r.uint32()),
		})
		if version >= 7 {
			r.skip(4) // leader epoch
		}
		r.numbers() // replicas
		r.numbers() // those in sync
		if version >= 5 {
			r.numbers() // those that are away
		}
	}
	if version >= 8 {
		r.skip(4) // rights
	}
	return t
}

func decodeIdentity(r *reader, version int16) *initproducerid.Response {
	flexible := version >= 2
	if flexible {
		r.tags() // of the header
	}
	r.skip(4) // throttle time
	a := &initproducerid.Response{ErrorCode: int16(r.uint16()), ProducerID: int64(r.uint64()), ProducerEpoch: int16(r.uint16())}
	if flexible {
		r.tags()
	}
	return a
}

func decodeConfigs(r *reader, version int16) *describeconfigs.Response {
	a := &describeconfigs.Response{}
	r.skip(4) // throttle time
	for range r.count(11) {
		resource := describeconfigs.ResponseResource{ErrorCode: int16(r.uint16()), ErrorMessage: r.text()}
		r.skip(1) // type
		resource.ResourceName = r.text()
		for range r.count(7) {
			resource.ConfigEntries = append(resource.ConfigEntries, decodeEntry(r, version))
		}
		a.Resources = append(a.Resources, resource)
	}
	return a
}

func decodeEntry(r *reader, version int16) describeconfigs.ResponseConfigEntry {
	e := describeconfigs.ResponseConfigEntry{ConfigName: r.text(), ConfigValue: r.text()}
	r.skip(3) // read only; default, or source; sensitive
	if version >= 1 {
		for range r.count(5) { // synonyms
			r.text()
			r.text()
			r.skip(1)
		}
	}
	if version >= 3 {
		r.skip(1) // type
		r.text()  // documentation
	}
	return e
}

func decodeHandshake(r *reader) *saslhandshake.Response {
	a := &saslhandshake.Response{ErrorCode: int16(r.uint16())}
	for range r.count(2) {
		a.Mechanisms = append(a.Mechanisms, r.text())
	}
	return a
}

func decodeAuthenticate(r *reader, version int16) *saslauthenticate.Response {
	a := &saslauthenticate.Response{ErrorCode: int16(r.uint16()), ErrorMessage: r.text(), AuthBytes: r.bytes()}
	if version >= 1 {
		a.SessionLifetimeMs = int64(r.uint64())
	}
	return a
}
