// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package discard

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T) *Broker {
	t.Helper()
	b, err := Start(3, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func TestProducerOfAnotherHandIsServed(t *testing.T) {
	for _, test := range []struct {
		name string
		acks kgo.Acks
		more []kgo.Opt
	}{
		{"idempotent, newest versions", kgo.AllISRAcks(), nil},
		{"leader alone", kgo.LeaderAck(), []kgo.Opt{kgo.DisableIdempotentWrite()}},
		{"no acknowledgement", kgo.NoAck(), []kgo.Opt{kgo.DisableIdempotentWrite()}},
		{"compressed", kgo.AllISRAcks(), []kgo.Opt{kgo.ProducerBatchCompression(kgo.ZstdCompression())}},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := start(t)
			const count = 5000
			produce(t, b, "a", count, append(test.more, kgo.RequiredAcks(test.acks))...)
			// Without acknowledgements the client is done before the broker is.
			if totals := b.await(t, "a", count); totals.Records != count || totals.Refused != 0 || totals.Bytes == 0 {
				t.Errorf("totals are %+v, want %d records", totals, count)
			}
			if totals := b.Take("a"); totals != (Totals{}) {
				t.Errorf("a topic that was taken still has %+v", totals)
			}
		})
	}
}

// await returns the totals of a topic once it has that many records, or what there is after ten seconds.
func (b *Broker) await(t *testing.T, topic string, records int64) Totals {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var sum Totals
	for sum.Records < records && ctx.Err() == nil {
		more := b.Take(topic)
		sum.Batches += more.Batches
		sum.Records += more.Records
		sum.Bytes += more.Bytes
		sum.Refused += more.Refused
	}
	return sum
}

func produce(t *testing.T, b *Broker, topic string, count int, options ...kgo.Opt) {
	t.Helper()
	client, err := kgo.NewClient(append(options, kgo.SeedBrokers(b.Addr()), kgo.DefaultProduceTopic(topic))...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for range count {
		client.Produce(t.Context(), kgo.StringRecord(strings.Repeat("x", 100)), func(_ *kgo.Record, err error) {
			if err != nil {
				t.Error(err)
			}
		})
	}
	if err := client.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestSequencesMustFollowOneAnother(t *testing.T) {
	p := newPartitions()
	first := batch{producerID: 7, epoch: 1, records: 5}
	steps := []struct {
		name  string
		batch batch
		want  int16
	}{
		{"a new producer begins anywhere but at zero", batch{producerID: 7, epoch: 1, sequence: 3, records: 5}, kerr.OutOfOrderSequenceNumber.Code},
		{"begins", first, 0},
		{"repeats", first, kerr.OutOfOrderSequenceNumber.Code},
		{"goes on", batch{producerID: 7, epoch: 1, sequence: 5, records: 1}, 0},
		{"leaves a gap", batch{producerID: 7, epoch: 1, sequence: 7, records: 1}, kerr.OutOfOrderSequenceNumber.Code},
		{"next epoch begins at zero", batch{producerID: 7, epoch: 2, records: 1}, 0},
		{"another producer", batch{producerID: 8, records: 2}, 0},
		{"nobody's", batch{producerID: noProducer, epoch: -1, sequence: -1, records: 2}, 0},
	}
	var accepted int64
	for _, step := range steps {
		offset, code := p.append("t", 0, encode(step.batch, 10))
		if code != step.want {
			t.Fatalf("%s: code %d, want %d", step.name, code, step.want)
		}
		if code == 0 {
			if offset != accepted {
				t.Errorf("%s: offset %d, want %d", step.name, offset, accepted)
			}
			accepted += int64(step.batch.records)
		}
	}
	totals := p.take("t")
	if totals.Records != accepted || totals.Refused != 3 || !strings.Contains(totals.Fault, "sequence 3, want 0") {
		t.Errorf("totals are %+v", totals)
	}
}

func TestSequencesStartAgainAfterTheLargest(t *testing.T) {
	for _, test := range []struct{ sequence, records, want int32 }{
		{0, 1, 1},
		{math.MaxInt32, 1, 0},
		{math.MaxInt32 - 1, 1, math.MaxInt32},
		{math.MaxInt32 - 2, 10, 7},
	} {
		if found := following(test.sequence, test.records); found != test.want {
			t.Errorf("after %d records from %d comes %d, want %d", test.records, test.sequence, found, test.want)
		}
	}
}

func TestRubbishIsRefusedWithTheCodeOfABroker(t *testing.T) {
	b := start(t)
	request := kmsg.NewPtrProduceRequest()
	request.Acks = -1
	topic := kmsg.NewProduceRequestTopic()
	topic.Topic = "t"
	part := kmsg.NewProduceRequestTopicPartition()
	part.Records = bytes.Repeat([]byte{1}, 200)
	topic.Partitions = append(topic.Partitions, part)
	request.Topics = append(request.Topics, topic)
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	response, err := client.Broker(nodeID).RetriableRequest(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	code := response.(*kmsg.ProduceResponse).Topics[0].Partitions[0].ErrorCode
	if code != kerr.CorruptMessage.Code || b.Take("t").Refused != 1 {
		t.Errorf("code %d, want %d", code, kerr.CorruptMessage.Code)
	}
}

func TestConnectionEndsOnAFrameThatIsNoRequest(t *testing.T) {
	for _, test := range []struct {
		name  string
		frame []byte
	}{
		{"too large", binary.BigEndian.AppendUint32(nil, maxRequest+1)},
		{"unknown key", append(binary.BigEndian.AppendUint32(nil, 10), 0x7f, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff)},
		{"header cut off", append(binary.BigEndian.AppendUint32(nil, 3), 0, 0, 0)},
		{"empty", make([]byte, 4)},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := start(t)
			conn, err := net.Dial("tcp4", b.Addr())
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := conn.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
					t.Error(err)
				}
			}()
			if _, err := conn.Write(test.frame); err != nil {
				t.Fatal(err)
			}
			if n, err := conn.Read(make([]byte, 1)); n != 0 || err == nil {
				t.Errorf("read %d bytes, %v, want the end of the connection", n, err)
			}
		})
	}
}

func TestUnknownVersionOfApiVersionsIsAnsweredInVersionZero(t *testing.T) {
	b := start(t)
	conn, err := (&net.Dialer{}).DialContext(context.Background(), "tcp4", b.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // the test is over
	frame := []byte{0, 0, 0, 11, 0, 18, 0, 99, 0, 0, 0, 5, 0xff, 0xff, 0}
	if _, err := conn.Write(frame); err != nil {
		t.Fatal(err)
	}
	answer, err := readFrame(conn, nil)
	if err != nil {
		t.Fatal(err)
	}
	response := kmsg.NewPtrApiVersionsResponse()
	if err := response.ReadFrom(answer[4:]); err != nil {
		t.Fatal(err)
	}
	if response.ErrorCode != kerr.UnsupportedVersion.Code || len(response.ApiKeys) != len(supported) {
		t.Errorf("found %+v", response)
	}
}

// FuzzParseRequest checks that no request makes the broker panic or answer with something unreadable.
func FuzzParseRequest(f *testing.F) {
	f.Add([]byte{0, 18, 0, 3, 0, 0, 0, 5, 0xff, 0xff, 0, 1, 1, 0})
	f.Add([]byte{0, 3, 0, 9, 0, 0, 0, 5, 0, 1, 'c', 0, 0, 1, 0, 0, 0})
	f.Add([]byte{0, 0, 0, 8, 0, 0, 0, 5, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 9, 0, 0, 0, 0})
	b := &Broker{partitions: newPartitions(), partitionCount: 2, host: "127.0.0.1"}
	f.Fuzz(func(t *testing.T, frame []byte) {
		request, correlation, err := parseRequest(frame)
		if err != nil {
			if request != nil {
				t.Fatalf("error %v with a request", err)
			}
			return
		}
		response := b.handle(request)
		if response == nil {
			return
		}
		answer := appendResponse(nil, response, correlation)
		if size := binary.BigEndian.Uint32(answer); int(size) != len(answer)-4 {
			t.Fatalf("answer of %d bytes says it has %d", len(answer), size)
		}
	})
}
