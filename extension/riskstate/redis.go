// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskstate

import (
	"context"
	"fmt"
	"net"

	"github.com/redis/rueidis"

	"github.com/otelcol-risk/otelcol-risk/extension/riskstate/internal/fleet"
)

// settings translates the section for the fleet.
func (c *RedisConfig) settings(ctx context.Context) (fleet.Settings, error) {
	options := rueidis.ClientOption{
		InitAddress: c.Addresses,
		Username:    c.Username,
		Password:    string(c.Password),
		SelectDB:    c.DB,
		ClientName:  "otelcol-risk",
		Dialer:      net.Dialer{Timeout: c.ConnectTimeout, KeepAlive: c.ConnectTimeout},
		// Also the deadline of the library's own pings: a server that hangs is left, not waited for.
		ConnWriteTimeout:  max(c.ConnectTimeout, c.Timeout),
		ForceSingleClient: c.Mode == modeSingle,
		DisableRetry:      true, // the fleet sends again what it can send again
		DisableCache:      true,
	}
	if c.Mode == modeSentinel {
		options.Sentinel = rueidis.SentinelOption{
			MasterSet: c.MasterSet, Username: c.SentinelUsername, Password: string(c.SentinelPassword), ClientName: "otelcol-risk",
		}
	}
	if tls := c.TLS.Get(); tls != nil {
		config, err := tls.LoadTLSConfig(ctx)
		if err != nil {
			return fleet.Settings{}, fmt.Errorf("redis::tls: %w", err)
		}
		options.TLSConfig, options.Sentinel.TLSConfig = config, config
	}
	return fleet.Settings{
		Redis:         options,
		Prefix:        c.KeyPrefix,
		FlushInterval: c.FlushInterval,
		Heartbeat:     c.HeartbeatInterval,
		Timeout:       c.Timeout,
		PublishMin:    c.PublishMin,
		MaxKeys:       c.MaxKeys,
		BatchKeys:     c.BatchKeys,
		Failures:      c.Breaker.Failures,
		Wait:          c.Breaker.Wait,
		MaxWait:       c.Breaker.MaxWait,
	}, nil
}
