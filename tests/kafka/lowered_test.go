// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"strconv"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/otelcol-risk/otelcol-risk/tests/kafka/broker"
)

// TestEveryItemArrivesOnceWhenTheTopicTakesLessThanItDid: the exporter has learnt a limit that holds no longer.
func TestEveryItemArrivesOnceWhenTheTopicTakesLessThanItDid(t *testing.T) {
	const most, senders, requests = 1500, 4, 8
	b := useBroker(t)
	for _, codec := range []string{"none", "lz4"} {
		t.Run(codec, func(t *testing.T) {
			topic := newTopic(t, b)
			e := logs.start(t, b.Addrs(), topic, "otlp_proto", settings{
				"sending_queue": map[string]any{"enabled": false}, "producer": map[string]any{"compression": codec, "linger": "0s"},
				"partition_logs_by_resource_attributes": true,
			})
			stop := sync.OnceFunc(func() { e.stop(t) })
			defer stop()
			makers := make([]*maker, senders)
			var sent []item
			var all sync.Mutex
			send := func(m *maker) {
				payload := m.logs()
				if err := e.send(t.Context(), payload); err != nil {
					t.Errorf("send: %v", err)
				}
				all.Lock()
				defer all.Unlock()
				sent = append(sent, splitLogs(payload)...)
			}
			for i := range makers {
				makers[i] = newMaker(uint64(1000 + i))
				send(makers[i])
			}
			takeOnly(t, b, topic, most)
			var sending sync.WaitGroup
			for _, m := range makers {
				sending.Go(func() {
					for range requests {
						send(m)
					}
				})
			}
			sending.Wait()
			stop()
			var found []item
			large := 0
			for _, record := range readBack(t, b, topic) {
				items, err := logs.items("otlp_proto", record.Value)
				if err != nil {
					t.Fatal(err)
				}
				if codec == "none" && len(record.Value) > most {
					large++
				}
				found = append(found, items...)
			}
			requireExactlyOnce(t, sent, found)
			if codec == "none" && large == 0 {
				t.Fatal("nothing was ever too large: this test tests nothing")
			}
		})
	}
}

// takeOnly lowers the topic's limit.
func takeOnly(t *testing.T, b *broker.Broker, topic string, most int) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Addrs()...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	setting := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
	setting.Name, setting.Value = "max.message.bytes", kmsg.StringPtr(strconv.Itoa(most))
	resource := kmsg.NewIncrementalAlterConfigsRequestResource()
	resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceTypeTopic, topic
	resource.Configs = append(resource.Configs, setting)
	request := kmsg.NewPtrIncrementalAlterConfigsRequest()
	request.Resources = append(request.Resources, resource)
	response, err := client.Request(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	for _, answer := range response.(*kmsg.IncrementalAlterConfigsResponse).Resources {
		if answer.ErrorCode != 0 {
			t.Fatalf("lower the limit: error %d", answer.ErrorCode)
		}
	}
}
