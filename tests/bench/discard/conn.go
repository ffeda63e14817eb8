// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package discard

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// maxRequest bounds a request; the peer's limit is 100 MiB.
	maxRequest = 128 << 20
	// readBuffer is large because payloads are: a request of a megabyte costs a few system calls.
	readBuffer = 256 << 10
)

// supported is what ApiVersions tells, lowest and highest version by key: what Apache Kafka 4 offers a producer, except
// that produce ends before version 13, from which on topics have ids instead of names.
var supported = []struct{ key, low, high int16 }{
	{int16(kmsg.Produce), 3, 12},
	{int16(kmsg.Metadata), 0, 12},
	{int16(kmsg.ApiVersions), 0, 4},
	{int16(kmsg.InitProducerID), 0, 4},
}

// serve answers requests in their order until the connection ends. It returns why it ended.
func (b *Broker) serve(conn net.Conn) error {
	reader := bufio.NewReaderSize(conn, readBuffer)
	answers := newAnswers(conn, b.latency)
	defer answers.end()
	var frame []byte
	for {
		var err error
		if frame, err = readFrame(reader, frame); err != nil {
			return err
		}
		request, correlation, err := parseRequest(frame)
		if err != nil {
			return err
		}
		response := b.handle(request)
		if response == nil {
			continue // a producer that wants no acknowledgement gets no answer
		}
		if err := answers.send(response, correlation); err != nil {
			return err
		}
	}
}

// readFrame reads one request, without its size, into buffer or a larger one.
func readFrame(reader io.Reader, buffer []byte) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(reader, size[:]); err != nil {
		return nil, fmt.Errorf("read size of request: %w", err)
	}
	n := binary.BigEndian.Uint32(size[:])
	if n > maxRequest {
		return nil, fmt.Errorf("%w: %d bytes", errTooLarge, n)
	}
	if uint32(cap(buffer)) < n {
		buffer = make([]byte, n)
	}
	buffer = buffer[:n]
	if _, err := io.ReadFull(reader, buffer); err != nil {
		return nil, fmt.Errorf("read request of %d bytes: %w", n, err)
	}
	return buffer, nil
}

// parseRequest reads header and body. The request refers to frame's bytes.
func parseRequest(frame []byte) (request kmsg.Request, correlation int32, err error) {
	header := kbin.Reader{Src: frame}
	key, version := header.Int16(), header.Int16()
	correlation = header.Int32()
	header.NullableString() // client id
	request = kmsg.RequestForKey(key)
	if request == nil {
		return nil, 0, fmt.Errorf("read request: unknown api key %d", key)
	}
	request.SetVersion(version)
	if request.IsFlexible() && version <= request.MaxVersion() {
		kmsg.SkipTags(&header)
	}
	if err := header.Complete(); err != nil {
		return nil, 0, fmt.Errorf("read request header: %w", err)
	}
	if key == int16(kmsg.ApiVersions) && version > supportedHigh(key) {
		return request, correlation, nil // answered with the versions that are there; the body may be anything
	}
	if err := request.ReadFrom(header.Src); err != nil {
		return nil, 0, fmt.Errorf("read request with api key %d version %d: %w", key, version, err)
	}
	return request, correlation, nil
}

func supportedHigh(key int16) int16 {
	for _, s := range supported {
		if s.key == key {
			return s.high
		}
	}
	return -1
}

// appendResponse adds size, header and body to buffer.
func appendResponse(buffer []byte, response kmsg.Response, correlation int32) []byte {
	start := len(buffer)
	buffer = kbin.AppendInt32(buffer, 0)
	buffer = kbin.AppendInt32(buffer, correlation)
	if response.IsFlexible() && response.Key() != int16(kmsg.ApiVersions) {
		buffer = append(buffer, 0) // no tags; the header of ApiVersions never has any
	}
	buffer = response.AppendTo(buffer)
	binary.BigEndian.PutUint32(buffer[start:], uint32(len(buffer)-start-4))
	return buffer
}

// handle answers one request, or returns nil if none is to be sent.
func (b *Broker) handle(request kmsg.Request) kmsg.Response {
	switch request := request.(type) {
	case *kmsg.ProduceRequest:
		return b.produce(request)
	case *kmsg.MetadataRequest:
		return b.metadata(request)
	case *kmsg.ApiVersionsRequest:
		return versions(request)
	case *kmsg.InitProducerIDRequest:
		response := request.ResponseKind().(*kmsg.InitProducerIDResponse)
		response.ProducerID = b.nextProducer.Add(1)
		return response
	default:
		return nil
	}
}

func versions(request *kmsg.ApiVersionsRequest) kmsg.Response {
	response := request.ResponseKind().(*kmsg.ApiVersionsResponse)
	if request.Version > supportedHigh(int16(kmsg.ApiVersions)) {
		response.Version = 0
		response.ErrorCode = kerr.UnsupportedVersion.Code
	}
	for _, s := range supported {
		key := kmsg.NewApiVersionsResponseApiKey()
		key.ApiKey, key.MinVersion, key.MaxVersion = s.key, s.low, s.high
		response.ApiKeys = append(response.ApiKeys, key)
	}
	return response
}

func (b *Broker) produce(request *kmsg.ProduceRequest) kmsg.Response {
	response := request.ResponseKind().(*kmsg.ProduceResponse)
	for _, topic := range request.Topics {
		answer := kmsg.NewProduceResponseTopic()
		answer.Topic = topic.Topic
		for _, part := range topic.Partitions {
			result := kmsg.NewProduceResponseTopicPartition()
			result.Partition = part.Partition
			result.BaseOffset, result.ErrorCode = b.partitions.append(topic.Topic, part.Partition, part.Records)
			answer.Partitions = append(answer.Partitions, result)
		}
		response.Topics = append(response.Topics, answer)
	}
	if request.Acks == 0 {
		return nil
	}
	return response
}
