// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	saslplain "github.com/twmb/franz-go/pkg/sasl/plain"
)

// TestEverySpanIsInTheTopicOnceAfterAStorm has three brokers whose leaders move, and lets any request meet with any fault of
// the table, several at once.
func TestEverySpanIsInTheTopicOnceAfterAStorm(t *testing.T) {
	const requests, faults = 200, 40
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			shears := &scissors{late: lateness}
			cluster := startCluster(t, kfake.NumBrokers(3), kfake.ListenFn(shears.listen), kfake.SeedTopics(4, topic),
				kfake.EnableSASL(), kfake.Superuser("PLAIN", user, password))
			shears.storm(anyFault(rand.New(rand.NewPCG(seed, 5))), faults)
			produced := 0
			cluster.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
				cluster.KeepControl()
				if produced++; produced%40 == 0 {
					cluster.ShufflePartitionLeaders()
				}
				return nil, nil, false
			})
			exp := startExporter(t, securedSettings(cluster.ListenAddrs(), impatience))
			sendAll(t, exp, requests)
			require.Greater(t, shears.made(), faults/4, "this storm was a breeze")
			shears.storm(nil, 0)
			requireExactlyOnce(t, cluster.ListenAddrs(), requests, kgo.SASL(saslplain.Auth{User: user, Pass: password}.AsMechanism()))
		})
	}
}

// anyFault lets one request in six fail.
func anyFault(random *rand.Rand) func(kmsg.Key) (fault, bool) {
	return func(key kmsg.Key) (fault, bool) {
		if random.IntN(6) > 0 {
			return fault{}, false
		}
		if at := step(random.IntN(int(steps) + 1)); at != cuts && at != steps {
			return fault{at: at}, true
		}
		i := slices.IndexFunc(sentRequests, func(r sentRequest) bool { return r.key == key })
		if i < 0 {
			return fault{}, false
		}
		after := sentRequests[i].after
		return fault{wrongAnswer, after[random.IntN(len(after))].Code}, true
	}
}
