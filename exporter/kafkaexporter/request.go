// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafkaexporter

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/exporter/exporterhelper/xexporterhelper"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/encode"
	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/producer"
)

// request is what the sending queue holds: records that are encoded already, so that their size is known, storing them
// costs a copy instead of a marshalling, and a repeated attempt finds the batches of the first.
type request struct {
	// records are those without a batch so far.
	records []encode.Record
	items   int
	bytes   int

	// Filled in by attempts; see kafkaExporter.push.
	ticket  *producer.Ticket
	owner   *owner          // of the ticket's batches
	buffers []*[]byte       // the memory of the ticket's batches
	held    []encode.Record // records whose memory is the ticket's batches
	lot     *lot            // of other small requests, which has this one's records
	refused []error         // what became of records that will not be delivered
}

var _ xexporterhelper.Request = (*request)(nil)

func newRequest(records []encode.Record, items int) *request {
	r := &request{records: records, items: items}
	for i := range records {
		r.bytes += sizeOf(&records[i])
	}
	return r
}

// ItemsCount returns the number of spans, data points, log records or samples.
func (r *request) ItemsCount() int { return r.items }

// BytesSize returns the size of keys, values and headers.
func (r *request) BytesSize() int { return r.bytes }

var errForeignRequest = errors.New("merge requests: the other one is of another kind")

// MergeSplit appends the other request's records, if there is one, and cuts the result into requests of at most maxSize
// items or bytes; 0 means no limit. A record is never cut: one that exceeds the limit alone becomes a request alone.
func (r *request) MergeSplit(_ context.Context, maxSize int, sizer exporterhelper.RequestSizerType, other xexporterhelper.Request) ([]xexporterhelper.Request, error) {
	records, items := r.records, r.items
	if other != nil {
		o, ok := other.(*request)
		if !ok {
			return nil, errForeignRequest
		}
		records = append(records[:len(records):len(records)], o.records...)
		items += o.items
	}
	if maxSize <= 0 {
		return []xexporterhelper.Request{newRequest(records, items)}, nil
	}
	var parts []xexporterhelper.Request
	for len(records) > 0 {
		n, partItems := prefix(records, maxSize, sizer)
		parts = append(parts, newRequest(records[:n:n], partItems))
		records = records[n:]
	}
	if len(parts) == 0 {
		parts = append(parts, newRequest(nil, 0))
	}
	return parts, nil
}

// prefix returns how many records fit into maxSize, at least one, and how many items they have.
func prefix(records []encode.Record, maxSize int, sizer exporterhelper.RequestSizerType) (n, items int) {
	size := 0
	for i := range records {
		switch sizer {
		case exporterhelper.RequestSizerTypeBytes:
			size += sizeOf(&records[i])
		default:
			size += records[i].Items
		}
		if size > maxSize && i > 0 {
			return i, items
		}
		items += records[i].Items
	}
	return len(records), items
}

func sizeOf(r *encode.Record) int {
	size := len(r.Key) + len(r.Value)
	for i := range r.Headers {
		size += len(r.Headers[i].Name) + len(r.Headers[i].Value)
	}
	return size
}

// requestEncoding stores requests for the persistent queue.
type requestEncoding struct{}

// Marshal stores a request. The context holds nothing that delivery needs.
func (requestEncoding) Marshal(_ context.Context, r xexporterhelper.Request) ([]byte, error) {
	req, ok := r.(*request)
	if !ok {
		return nil, fmt.Errorf("store request: unknown type %T", r)
	}
	const perRecord = 5 * binary.MaxVarintLen32 // what most requests need; appendStored grows the others
	return appendStored(make([]byte, 0, req.bytes+perRecord*(len(req.records)+1)), req), nil
}

// Unmarshal reads what Marshal stored.
func (requestEncoding) Unmarshal(stored []byte) (context.Context, xexporterhelper.Request, error) {
	req, err := parseStored(stored)
	if err != nil {
		return context.Background(), nil, err
	}
	return context.Background(), req, nil
}
