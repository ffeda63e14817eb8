// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package feature

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

func TestParseSource(t *testing.T) {
	for text, want := range map[string]Source{
		"client.address":              {Key: "client.address"},
		"server:network.peer.address": {Kind: ptrace.SpanKindServer, Key: "network.peer.address"},
		"client:server.address":       {Kind: ptrace.SpanKindClient, Key: "server.address"},
		"producer:a":                  {Kind: ptrace.SpanKindProducer, Key: "a"},
		"consumer:a":                  {Kind: ptrace.SpanKindConsumer, Key: "a"},
		"internal:a":                  {Kind: ptrace.SpanKindInternal, Key: "a"},
		"server:a:b":                  {Kind: ptrace.SpanKindServer, Key: "a:b"},
	} {
		got, err := ParseSource(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
}

func TestParseSourceFaults(t *testing.T) {
	for text, want := range map[string]string{
		"":        "attribute key is empty",
		"server:": "attribute key is empty",
		"sever:a": `span kind "sever" is not one of`,
		":a":      `span kind "" is not one of`,
	} {
		_, err := ParseSource(text)
		require.ErrorContains(t, err, want, text)
	}
}

// FuzzParseSource: whatever is accepted has a key, and reads the same when it is written again.
func FuzzParseSource(f *testing.F) {
	for _, text := range []string{"client.address", "server:a", ":", "client:", "x:y", "internal:a:b"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		source, err := ParseSource(text)
		if err != nil {
			require.Zero(t, source)
			return
		}
		require.NotEmpty(t, source.Key)
		written := source.Key
		if source.Kind != ptrace.SpanKindUnspecified {
			written = strings.ToLower(source.Kind.String()) + ":" + source.Key
		}
		require.Equal(t, text, written)
	})
}
