// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package operation

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/collector/pdata/plog"
)

// TestLinesGoWhereExpressionsSayOfEach: each line to the topic of its level, under the key of its tenant, and one line of
// which nothing is said to the topic of the settings.
func TestLinesGoWhereExpressionsSayOfEach(t *testing.T) {
	cluster := startCluster(t, kfake.SeedTopics(2, "logs.WARN", "logs.INFO"))
	h := measuredHost(t)
	e, _ := start(t, cluster.ListenAddrs(), settings{"logs": map[string]any{
		"topic_from_ottl":       `Concat(["logs", Substring(log.severity_text, 0, 4)], ".")`,
		"message_key_from_ottl": `log.attributes["tenant"]`,
	}}, h)
	ld := lines(5)
	for i, lr := range ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().All() {
		lr.SetSeverityText([]string{"WARN", "INFO", "WARN", "INFO", ""}[i])
		lr.Attributes().PutInt("tenant", int64(i%2))
	}
	require.NoError(t, e.ConsumeLogs(t.Context(), ld))
	require.Equal(t, map[string]int{"logs.WARN 0": 2, "logs.INFO 1": 2, topic + " 0": 1}, placesOf(t, cluster, 3, "logs.WARN", "logs.INFO", topic))
	require.Equal(t, int64(1), h.sum(t, "otelcol_kafka_exporter_expression_failures"))
}

// placesOf reads so many records, and counts the lines by topic and key.
func placesOf(t *testing.T, cluster *kfake.Cluster, records int, topics ...string) map[string]int {
	t.Helper()
	consumer, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.ConsumeTopics(topics...))
	require.NoError(t, err)
	defer consumer.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	places := map[string]int{}
	for records > 0 {
		fetches := consumer.PollFetches(ctx)
		require.NoError(t, fetches.Err())
		for _, record := range fetches.Records() {
			ld, err := (&plog.ProtoUnmarshaler{}).UnmarshalLogs(record.Value)
			require.NoError(t, err)
			places[fmt.Sprint(record.Topic, " ", string(record.Key))] += ld.LogRecordCount()
			records--
		}
	}
	return places
}
