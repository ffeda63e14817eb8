// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"testing"

	"github.com/segmentio/kafka-go/protocol"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The versions are those that Kafka's own brokers of that release announce, but for those beyond what is ever asked for.
func TestAReleaseBoundsRequests(t *testing.T) {
	for _, test := range []struct {
		release                                    string
		produce, metadata, identity, hands, answer int16
	}{
		{"0.11.0.2", 3, 4, 0, 0, -1},
		{"v1.1", 5, 5, 0, 1, 0},
		{"2.0.0", 6, 6, 1, 1, 0},
		{"2.1.0", 7, 7, 1, 1, 0},
		{"2.3", 7, 8, 1, 1, 1},
		{"2.4.1", 8, 100, 2, 1, 1},
		{"2.6.0", 8, 100, 3, 1, 100},
		{"4.1.0", 100, 100, 100, 100, 100},
	} {
		r, err := ParseRelease(test.release)
		require.NoError(t, err)
		got := func(key protocol.ApiKey) int16 { return min(r.bound(key), 100) }
		assert.Equal(t, test.produce, got(protocol.Produce), test.release)
		assert.Equal(t, test.metadata, got(protocol.Metadata), test.release)
		assert.Equal(t, test.identity, got(protocol.InitProducerId), test.release)
		if r.before(1, 0) {
			assert.Equal(t, test.hands, got(protocol.SaslHandshake), test.release)
		}
		assert.Equal(t, test.answer, got(protocol.SaslAuthenticate), test.release)
	}
	for _, wrong := range []string{"", "none", "2", "2.x", "0.10.2.0", "-1.0", "1.2.3.4.5", "99999.0"} {
		_, err := ParseRelease(wrong)
		require.Error(t, err, wrong)
	}
}
