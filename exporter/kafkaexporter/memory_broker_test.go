// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafkaexporter

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/wire"
)

// memoryBroker is a broker of one topic without a socket. It takes every batch, forgets it, and allocates nothing for that.
type memoryBroker struct {
	topic      string
	partitions int
	asked      func(topics []string) // hears whose layout is asked for, if not nil
	leaders    func() []int32        // takes the place of partitions that are all led by node 1, if not nil
}

var errNoSocket = errors.New("there is no socket")

// DialContext takes the place of the network's.
func (b *memoryBroker) DialContext(context.Context, string, string) (net.Conn, error) {
	return &memoryConn{topic: b.topic, answers: make(chan []byte, 2*wire.Depth), free: make(chan []byte, 2*wire.Depth), closed: make(chan struct{})}, nil
}

func (b *memoryBroker) Layout(_ context.Context, topics []string, _ bool) (wire.Layout, error) {
	if b.asked != nil {
		b.asked(topics)
	}
	leaders := make([]int32, b.partitions)
	for i := range leaders {
		leaders[i] = 1
	}
	if b.leaders != nil {
		leaders = b.leaders()
	}
	return wire.Layout{Brokers: map[int32]string{1: "memory:1"}, Topics: map[string]wire.Topic{b.topic: {Leaders: leaders}}}, nil
}

func (*memoryBroker) ProducerID(context.Context) (int64, int16, error)     { return 7, 0, nil }
func (*memoryBroker) MaxMessageBytes(context.Context, string) (int, error) { return 1 << 20, nil }
func (*memoryBroker) Close() error                                         { return nil }
func (*memoryConn) LocalAddr() net.Addr                                    { return nil }
func (*memoryConn) RemoteAddr() net.Addr                                   { return nil }
func (*memoryConn) SetDeadline(time.Time) error                            { return nil }
func (*memoryConn) SetReadDeadline(time.Time) error                        { return nil }
func (*memoryConn) SetWriteDeadline(time.Time) error                       { return nil }

// memoryConn is a connection to a memoryBroker. It counts on a produce request being written in pieces: what stands in front
// of a batch, which ends with the partition and the batch's size, and the batch.
type memoryConn struct {
	topic      string
	request    []byte // what was written of a request, without the batches
	rest       int    // bytes of the request to come
	batch      bool   // what comes next is a batch
	partitions []uint32

	answers, free chan []byte
	reading       []byte // what is left of an answer
	closed        chan struct{}
	closing       sync.Once
}

func (c *memoryConn) Write(p []byte) (int, error) {
	if c.rest == 0 {
		c.request, c.partitions, c.batch = c.request[:0], c.partitions[:0], false
		c.rest = 4 + int(binary.BigEndian.Uint32(p))
	}
	c.rest -= len(p)
	if !c.batch {
		c.request = append(c.request, p...)
	}
	produce := binary.BigEndian.Uint16(c.request[4:]) == 0
	if produce && !c.batch {
		c.partitions = append(c.partitions, binary.BigEndian.Uint32(p[len(p)-8:]))
	}
	c.batch = produce && !c.batch
	if c.rest > 0 {
		return len(p), nil
	}
	select {
	case c.answers <- c.answer(produce):
		return len(p), nil
	case <-c.closed:
		return 0, errNoSocket
	}
}

// answer answers a produce request of version 8, or the question for versions.
func (c *memoryConn) answer(produce bool) []byte {
	var b []byte
	select {
	case b = <-c.free:
	default:
	}
	order := binary.BigEndian
	b = append(append(b[:0], 0, 0, 0, 0), c.request[8:12]...)
	if produce {
		b = order.AppendUint32(b, 1)
		b = append(order.AppendUint16(b, uint16(len(c.topic))), c.topic...)
		b = order.AppendUint32(b, uint32(len(c.partitions)))
		for _, partition := range c.partitions {
			b = order.AppendUint32(b, partition)
			b = append(b, make([]byte, 2+3*8)...) // success, offsets and time
			b = order.AppendUint32(b, 0)          // no records at fault
			b = order.AppendUint16(b, 0xffff)     // no message
		}
		b = order.AppendUint32(b, 0) // no pause
	} else {
		b = append(b, 0, 0, 0, 0, 0, 1, 0, 0, 0, 3, 0, 8) // produce requests of versions 3 to 8
	}
	order.PutUint32(b, uint32(len(b)-4))
	return b
}

func (c *memoryConn) Read(p []byte) (int, error) {
	if len(c.reading) == 0 {
		select {
		case c.reading = <-c.answers:
		case <-c.closed:
			return 0, io.EOF
		}
	}
	n := copy(p, c.reading)
	if whole := c.reading; n == len(whole) {
		c.reading = nil
		select {
		case c.free <- whole:
		default:
		}
		return n, nil
	}
	c.reading = c.reading[n:]
	return n, nil
}

func (c *memoryConn) Close() error {
	c.closing.Do(func() { close(c.closed) })
	return nil
}
