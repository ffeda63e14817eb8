// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafkaexporter

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/encode"
	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/metadatatest"
)

// shifting is a broker in memory whose topic has one layout after the other.
type shifting struct {
	memoryBroker
	layout  atomic.Pointer[[]int32]
	lookUps atomic.Int32
}

func newShifting(leaders ...int32) *shifting {
	b := new(shifting)
	b.memoryBroker.leaders = func() []int32 {
		b.lookUps.Add(1)
		return *b.layout.Load()
	}
	b.layout.Store(&leaders)
	return b
}

// become changes the layout and waits until it has been heard of: the look-up after the next is asked for.
func (b *shifting) become(t *testing.T, leaders ...int32) {
	t.Helper()
	b.layout.Store(&leaders)
	before := b.lookUps.Load()
	require.Eventually(t, func() bool { return b.lookUps.Load() >= before+3 }, time.Minute, time.Millisecond)
}

// lotOf plans a lot of requests, each with such records.
func lotOf(t *testing.T, e *kafkaExporter, records ...[]encode.Record) (members []*request) {
	t.Helper()
	_, err := e.producer.Leaders(t.Context(), e.signal.Topic)
	require.NoError(t, err)
	for _, r := range records {
		req := newRequest(r, len(r))
		req.lot, _ = e.lots.join(req)
		members = append(members, req)
	}
	e.lots.pass()
	e.planLot(t.Context(), members[0].lot)
	close(members[0].lot.planned)
	return members
}

// pushAll makes an attempt for each member; what became of them is heard in any order.
func pushAll(ctx context.Context, e *kafkaExporter, members []*request) <-chan error {
	fates := make(chan error, len(members))
	for _, req := range members {
		go func() { fates <- e.push(ctx, req) }()
	}
	return fates
}

// elsewhere returns records for partitions other than the first of four.
func elsewhere(e *kafkaExporter, count int) (records []encode.Record) {
	for i := 0; len(records) < count; i++ {
		one := []encode.Record{{Topic: e.signal.Topic, Key: []byte{byte(i)}, Value: []byte("value")}}
		var chosen [1]int32
		if e.partitioner.choose(chosen[:], one, []int32{-1, -1, -1, -1}); chosen[0] > 0 {
			records = append(records, one...)
		}
	}
	return records
}

// TestNoMemberOfALotIsToldBeforeItsRecordsAreDelivered: they have to find another partition, and that has no leader yet.
func TestNoMemberOfALotIsToldBeforeItsRecordsAreDelivered(t *testing.T) {
	broker, reader := newShifting(-1, -1, -1, -1), newReader(t)
	e := startAt(t, &broker.memoryBroker, reader.NewTelemetrySettings())
	records := elsewhere(e, 20)
	members := lotOf(t, e, records[:10], records[10:])
	ctx, cancel := context.WithCancel(t.Context())
	fates := pushAll(ctx, e, members)
	broker.become(t, -1)
	cancel()
	for range members {
		require.ErrorIs(t, <-fates, context.Canceled)
	}
	broker.layout.Store(&[]int32{1})
	ctx, cancel = context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	fates = pushAll(ctx, e, members)
	for range members {
		require.NoError(t, <-fates)
	}
	assert.Zero(t, e.budget.used)
	metadatatest.AssertEqualKafkaExporterRecords(t, reader, []metricdata.DataPoint[int64]{{
		Attributes: attribute.NewSet(attribute.String("topic", e.signal.Topic), attribute.Int("partition", 0)), Value: 20,
	}}, metricdatatest.IgnoreTimestamp())
}

// TestNoMemberOfALotIsToldBeforeItsDeadLettersAreDelivered, whoever's they are.
func TestNoMemberOfALotIsToldBeforeItsDeadLettersAreDelivered(t *testing.T) {
	e := startAt(t, &memoryBroker{partitions: 1}, componenttest.NewNopTelemetrySettings())
	e.config.DeadLetterTopic, e.config.Producer.MaxMessageBytes = "dead", 100 // which the broker does not have
	record := func(size int) []encode.Record {
		return []encode.Record{{Topic: e.signal.Topic, Value: make([]byte, size)}}
	}
	members := lotOf(t, e, record(200), record(200))
	for range 2 {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		fates := pushAll(ctx, e, members)
		for range members {
			require.ErrorIs(t, <-fates, context.DeadlineExceeded)
		}
		cancel()
	}
}
