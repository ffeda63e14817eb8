// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net"
)

// Versions of the produce request that this package writes: 3 is the first with record batches of version 2, 8 the
// newest whose encoding has no tagged fields.
const (
	minProduceVersion  = 3
	maxProduceVersion  = 8
	zstdProduceVersion = 7
)

// Part is one batch of a produce request.
type Part struct {
	Topic     string
	Partition int32
	// Batch is a complete record batch; see the package comment for who may touch it when.
	Batch []byte
}

// Request is one produce request. Parts of one topic must stand together, and no partition may appear twice.
type Request struct {
	Parts []Part
	// Acks is -1 (all in-sync replicas), 1 (leader) or 0 (no answer).
	Acks int16
	// TimeoutMs is how long the broker may wait for the replicas.
	TimeoutMs int32
	// Tag is for the caller; it is not sent.
	Tag any

	results []PartResult // of its answer, memory to be used again when it is sent again
}

// PartResult is what a broker answered about one partition.
type PartResult struct {
	Topic     string
	Partition int32
	// Code is the protocol's error code, 0 for success.
	Code int16
	// Message is the broker's explanation of the code, mostly empty.
	Message string
}

// Answer is a broker's answer to a produce request. Its results belong to the request, until that is sent again.
type Answer struct {
	Results []PartResult
	// ThrottleMs is how long the broker asks not to be sent anything.
	ThrottleMs int32
}

// Frame is the encoder's reusable memory. The zero value is ready to use.
type Frame struct {
	header []byte
	cuts   []int
	bufs   net.Buffers
}

// encode lays out the request as the buffers of one writev. The result is valid until the next call and shares
// the batches' memory. It returns the total size, too.
func (f *Frame) encode(r *Request, version int16, id int32, clientID string) (net.Buffers, int64) {
	f.header, f.cuts, f.bufs = append(f.header[:0], 0, 0, 0, 0), f.cuts[:0], f.bufs[:0]
	order := binary.BigEndian
	h := order.AppendUint16(f.header, 0) // produce
	h = order.AppendUint16(h, uint16(version))
	h = order.AppendUint32(h, uint32(id))
	h = appendString(h, clientID)
	h = order.AppendUint16(h, math.MaxUint16) // no transactional id
	h = order.AppendUint16(h, uint16(r.Acks))
	h = order.AppendUint32(h, uint32(r.TimeoutMs))
	h = order.AppendUint32(h, uint32(countTopics(r.Parts)))
	total := int64(0)
	for i := range r.Parts {
		p := &r.Parts[i]
		if i == 0 || r.Parts[i-1].Topic != p.Topic {
			h = appendString(h, p.Topic)
			h = order.AppendUint32(h, uint32(countOf(r.Parts[i:])))
		}
		h = order.AppendUint32(h, uint32(p.Partition))
		h = order.AppendUint32(h, uint32(len(p.Batch)))
		f.cuts = append(f.cuts, len(h))
		total += int64(len(p.Batch))
	}
	total += int64(len(h))
	order.PutUint32(h, uint32(total-4))
	f.header = h
	// Only now that the header has stopped moving may it be cut.
	start := 0
	for i, cut := range f.cuts {
		f.bufs = append(f.bufs, h[start:cut], r.Parts[i].Batch)
		start = cut
	}
	return f.bufs, total
}

func appendString(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...)
}

func countTopics(parts []Part) int {
	count := 0
	for i := range parts {
		if i == 0 || parts[i-1].Topic != parts[i].Topic {
			count++
		}
	}
	return count
}

// countOf returns how many parts at the beginning have the same topic.
func countOf(parts []Part) int {
	for i := range parts {
		if parts[i].Topic != parts[0].Topic {
			return i
		}
	}
	return len(parts)
}

var errBadAnswer = errors.New("read produce response: not well-formed")

// badAnswer says where a response stops making sense.
func badAnswer(r *reader, body []byte) error {
	at := len(body) - len(r.rest)
	if r.failed {
		at = r.at
	}
	return fmt.Errorf("%w at byte %d of %d", errBadAnswer, at, len(body))
}

// topic returns the name of a topic, which is one of those that the request named unless the broker is mistaken.
func (r *Request) topic(name []byte) string {
	for i := range r.Parts {
		if r.Parts[i].Topic == string(name) {
			return r.Parts[i].Topic
		}
	}
	return string(name)
}

// decodeAnswer reads the body of a produce response (behind the correlation id). It never allocates more than a
// small multiple of the body's size, whatever the body claims.
func decodeAnswer(body []byte, version int16, to *Request) (Answer, error) {
	r := reader{rest: body, size: len(body)}
	a := Answer{Results: to.results[:0]}
	for range r.count(6) {
		topic := to.topic(r.rawText())
		for range r.count(22) {
			result := PartResult{Topic: topic, Partition: int32(r.uint32()), Code: int16(r.uint16())}
			r.skip(16) // base offset, log append time
			if version >= 5 {
				r.skip(8) // log start offset
			}
			if version >= 8 {
				for range r.count(6) {
					r.skip(4) // index of the refused record
					if text := r.text(); result.Message == "" {
						result.Message = text
					}
				}
				if text := r.text(); text != "" {
					result.Message = text
				}
			}
			if r.failed {
				return Answer{}, badAnswer(&r, body)
			}
			a.Results = append(a.Results, result)
		}
	}
	a.ThrottleMs = int32(r.uint32())
	if r.failed || len(r.rest) != 0 {
		return Answer{}, badAnswer(&r, body)
	}
	to.results = a.Results
	return a, nil
}
