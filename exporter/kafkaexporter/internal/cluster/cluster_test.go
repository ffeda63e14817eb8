// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter/internal/wire"
)

// host is a broker that answers, or is silent once it is dead.
type host struct {
	dead  bool
	cease context.CancelFunc // ends the time of whoever asks a dead host
}

func (h *host) question(ctx context.Context) error {
	if !h.dead {
		return nil
	}
	h.cease()
	<-ctx.Done()
	return ctx.Err()
}

func (h *host) Layout(ctx context.Context, _ []string, _ bool) (wire.Layout, error) {
	return wire.Layout{Brokers: map[int32]string{1: "one:9092", 2: "two:9092"}}, h.question(ctx)
}

func (h *host) ProducerID(ctx context.Context) (int64, int16, error) { return 7, 0, h.question(ctx) }

func (h *host) MaxMessageBytes(ctx context.Context, _ string) (int, error) {
	return 1000, h.question(ctx)
}

func (*host) Close() error { return nil }

// TestABrokerThatTookAllTheTimeIsNotAskedNext: its host is gone, and so is the time of whoever asks it again.
func TestABrokerThatTookAllTheTimeIsNotAskedNext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	hosts := map[string]*host{"one:9092": {cease: cancel}, "two:9092": {}}
	var dialled []string
	c := New([]string{"one:9092", "two:9092"}, func(ctx context.Context, address string) (Control, error) {
		dialled = append(dialled, address)
		if hosts[address].dead {
			return nil, errors.New("no route to host")
		}
		return hosts[address], ctx.Err()
	})
	_, err := c.Layout(ctx, nil, false)
	require.NoError(t, err)
	hosts["one:9092"].dead = true
	_, err = c.MaxMessageBytes(ctx, "t")
	require.ErrorIs(t, err, context.Canceled)
	most, err := c.MaxMessageBytes(t.Context(), "t")
	require.NoError(t, err)
	assert.Equal(t, 1000, most)
	assert.Equal(t, []string{"one:9092", "two:9092"}, dialled)
}
