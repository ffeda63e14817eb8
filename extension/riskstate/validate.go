// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskstate

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// Validate reports all faults, each with the setting's key.
func (c *Config) Validate() error {
	return errors.Join(
		atLeast("snapshot_interval", c.SnapshotInterval, 0),
		within("scoring::max_entities", c.Scoring.MaxEntities, 1, 1024),
		within("scoring::max_attributes", c.Scoring.MaxAttributes, 1, 65536),
		atLeast("counter_store::max_keys", c.CounterStore.MaxKeys, 1),
		atLeast("counter_store::expiry", c.CounterStore.Expiry, time.Second),
	)
}

// Validate reports all faults. The Collector calls it, and adds the section's name.
func (c *RedisConfig) Validate() error {
	errs := []error{
		c.validateServer(),
		within("flush_interval", c.FlushInterval, 10*time.Millisecond, time.Minute),
		within("timeout", c.Timeout, time.Millisecond, time.Minute),
		within("connect_timeout", c.ConnectTimeout, time.Millisecond, time.Minute),
		within("heartbeat_interval", c.HeartbeatInterval, 100*time.Millisecond, time.Minute),
		atLeast("publish_min", c.PublishMin, 0),
		within("max_keys", c.MaxKeys, 1, 1<<20),
		within("batch_keys", c.BatchKeys, 1, 4096),
		atLeast("breaker::failures", c.Breaker.Failures, 1),
		atLeast("breaker::wait", c.Breaker.Wait, time.Millisecond),
		atLeast("breaker::max_wait", c.Breaker.MaxWait, c.Breaker.Wait),
	}
	if c.KeyPrefix == "" || strings.ContainsAny(c.KeyPrefix, "{}") {
		errs = append(errs, fmt.Errorf("key_prefix: must not be empty and have no braces, which tell a cluster where a key lives; found %q", c.KeyPrefix))
	}
	return errors.Join(errs...)
}

func (c *RedisConfig) validateServer() error {
	var errs []error
	fault := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	switch {
	case c.Mode != modeSingle && c.Mode != modeSentinel && c.Mode != modeCluster:
		fault("mode: must be single, sentinel or cluster, found %q", c.Mode)
	case c.Mode == modeSentinel && c.MasterSet == "":
		fault("master_set: must name the master for mode sentinel, found %q", c.MasterSet)
	case c.Mode != modeSentinel && c.MasterSet != "":
		fault("master_set: is for mode sentinel only, found %q", c.MasterSet)
	case c.Mode == modeSingle && len(c.Addresses) > 1:
		fault("addresses: must be one for mode single, found %q", c.Addresses)
	case c.Mode == modeCluster && c.DB != 0:
		fault("db: must be 0 for mode cluster, found %d", c.DB)
	}
	if len(c.Addresses) == 0 {
		fault("addresses: must have the address of a server, found none")
	}
	for i, address := range c.Addresses {
		if _, _, err := net.SplitHostPort(address); err != nil {
			fault("addresses::%d: must be host:port, found %q", i, address)
		}
	}
	return errors.Join(append(errs, atLeast("db", c.DB, 0))...)
}

func atLeast[T cmp.Ordered](key string, value, least T) error {
	if value < least {
		return fmt.Errorf("%s: must be at least %v, found %v", key, least, value)
	}
	return nil
}

func within[T cmp.Ordered](key string, value, least, most T) error {
	if value < least || value > most {
		return fmt.Errorf("%s: must be %v to %v, found %v", key, least, most, value)
	}
	return nil
}
