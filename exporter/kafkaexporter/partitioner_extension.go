// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafkaexporter

import (
	"errors"
	"fmt"
	"reflect"
	"sync"

	"go.opentelemetry.io/collector/component"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/encode"
	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/producer"
)

// extensionPartitioner is record_partitioner::extension. Extensions for contrib's exporter offer
//
//	GetPartitioner() kgo.Partitioner // { ForTopic(topic string) interface { Partition(r *kgo.Record, n int) int; ... } }
//
// with types of franz-go, a whole Kafka client. It is called by reflection instead of compiling that client in: the method's
// own parameter says what a record looks like.
type extensionPartitioner struct {
	forTopic reflect.Value

	mu     sync.Mutex // such partitioners expect one caller at a time
	topics map[string]*topicPartitioner
}

// topicPartitioner are the methods of one topic's partitioner.
type topicPartitioner struct {
	partition, consistent reflect.Value
	record                reflect.Type
}

var errNotAPartitioner = errors.New("the extension is no partitioner of records")

// newExtensionPartitioner finds the extension and checks that its methods are those that choose calls.
func newExtensionPartitioner(id component.ID, host component.Host) (*extensionPartitioner, error) {
	extension, found := host.GetExtensions()[id]
	if !found {
		return nil, fmt.Errorf("find `record_partitioner::extension` %q: no such extension is running", id)
	}
	get := reflect.ValueOf(extension).MethodByName("GetPartitioner")
	if !get.IsValid() || get.Type().NumIn() != 0 || get.Type().NumOut() != 1 {
		return nil, fmt.Errorf("find `record_partitioner::extension` %q: %w", id, errNotAPartitioner)
	}
	e := &extensionPartitioner{forTopic: get.Call(nil)[0].MethodByName("ForTopic"), topics: make(map[string]*topicPartitioner)}
	if !e.forTopic.IsValid() || e.forTopic.Type().NumIn() != 1 || e.forTopic.Type().In(0).Kind() != reflect.String || e.forTopic.Type().NumOut() != 1 {
		return nil, fmt.Errorf("find `record_partitioner::extension` %q: %w", id, errNotAPartitioner)
	}
	if _, err := e.topic(""); err != nil {
		return nil, fmt.Errorf("find `record_partitioner::extension` %q: %w", id, err)
	}
	return e, nil
}

// topic returns the partitioner of a topic.
func (e *extensionPartitioner) topic(name string) (*topicPartitioner, error) {
	if known := e.topics[name]; known != nil {
		return known, nil
	}
	p := e.forTopic.Call([]reflect.Value{reflect.ValueOf(name)})[0]
	if p.Kind() == reflect.Interface {
		p = p.Elem()
	}
	if p.MethodByName("PartitionByBackup").IsValid() {
		return nil, errors.New("the partitioner asks for the buffers of franz-go's client, which is not used here")
	}
	t := &topicPartitioner{partition: p.MethodByName("Partition"), consistent: p.MethodByName("RequiresConsistency")}
	if !t.partition.IsValid() || !t.consistent.IsValid() {
		return nil, errNotAPartitioner
	}
	signature := t.partition.Type()
	if signature.NumIn() != 2 || signature.In(0).Kind() != reflect.Pointer || signature.In(1).Kind() != reflect.Int ||
		signature.NumOut() != 1 || signature.Out(0).Kind() != reflect.Int {
		return nil, errNotAPartitioner
	}
	t.record = signature.In(0).Elem()
	for _, field := range []string{"Topic", "Key", "Value"} {
		if _, found := t.record.FieldByName(field); !found {
			return nil, errNotAPartitioner
		}
	}
	e.topics[name] = t
	return t, nil
}

func (e *extensionPartitioner) choose(chosen []int32, records []encode.Record, leaders []int32) {
	e.mu.Lock()
	defer e.mu.Unlock()
	t, err := e.topic(records[0].Topic)
	if err != nil {
		return // what holds for one topic was checked at start; partition 0 is as good as any
	}
	led := withLeader(leaders)
	for i := range records {
		record := reflect.New(t.record)
		record.Elem().FieldByName("Topic").SetString(records[i].Topic)
		record.Elem().FieldByName("Key").SetBytes(records[i].Key)
		record.Elem().FieldByName("Value").SetBytes(records[i].Value)
		if t.consistent.Call([]reflect.Value{record})[0].Bool() {
			chosen[i] = int32(t.ask(record, len(leaders)))
		} else {
			chosen[i] = led[t.ask(record, len(led))]
		}
	}
}

// ask returns the partitioner's choice among n, or the first for a choice that is none.
func (t *topicPartitioner) ask(record reflect.Value, n int) int {
	choice := int(t.partition.Call([]reflect.Value{record, reflect.ValueOf(n)})[0].Int())
	if choice < 0 || choice >= n {
		return 0
	}
	return choice
}

// withLeader lists the partitions that have a leader, or all if none has.
func withLeader(leaders []int32) []int32 {
	led, all := make([]int32, 0, len(leaders)), make([]int32, 0, len(leaders))
	for p, leader := range leaders {
		all = append(all, int32(p))
		if leader >= 0 {
			led = append(led, int32(p))
		}
	}
	if len(led) == 0 {
		return all
	}
	return led
}

func (e *extensionPartitioner) underWay(*producer.Batch, int) {}
