// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskstate

import (
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configgrpc"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configtls"
)

// Config is the configuration of the extension. The zero value of each section switches it off: state is then shared by
// the pipelines of this process, and ends with it.
type Config struct {
	// Storage is the ID of a storage extension, for example file_storage/risk, that snapshots are kept in. Empty keeps
	// none.
	Storage *component.ID `mapstructure:"storage"`

	// SnapshotInterval is the time between snapshots, of which the last one is taken at shutdown. 0 takes only that one.
	// Default 1m.
	SnapshotInterval time.Duration `mapstructure:"snapshot_interval"`

	// Redis is the server that a fleet of collectors adds its numbers up in. Absent, each collector scores for itself.
	Redis configoptional.Optional[RedisConfig] `mapstructure:"redis"`

	// Scoring answers questions for a score.
	Scoring ScoringConfig `mapstructure:"scoring"`

	// CounterStore bounds what contrib's samplers keep in memory here when there is no Redis.
	CounterStore CounterStoreConfig `mapstructure:"counter_store"`

	_ struct{} // fields are set by name only
}

// RedisConfig says where Redis or Valkey is and how it is used.
type RedisConfig struct {
	// Mode is `single`, `sentinel` or `cluster`. Default `single`.
	Mode string `mapstructure:"mode"`

	// Addresses are those of the server (single), of sentinels, or of some of a cluster's nodes, as host:port. Required.
	Addresses []string `mapstructure:"addresses"`

	// MasterSet is the name that sentinels know the master by. Required for sentinel, not allowed otherwise.
	MasterSet string `mapstructure:"master_set"`

	// Username and Password log in to the server. Empty sends neither.
	Username string              `mapstructure:"username"`
	Password configopaque.String `mapstructure:"password"`

	// SentinelUsername and SentinelPassword log in to sentinels. Empty sends neither.
	SentinelUsername string              `mapstructure:"sentinel_username"`
	SentinelPassword configopaque.String `mapstructure:"sentinel_password"`

	// DB is the number of the database; 0 in a cluster.
	DB int `mapstructure:"db"`

	// TLS connects with TLS. Absent connects without.
	TLS configoptional.Optional[configtls.ClientConfig] `mapstructure:"tls"`

	// KeyPrefix begins every key. Collectors with the same prefix are a fleet. Required; default `otelcol-risk:`.
	KeyPrefix string `mapstructure:"key_prefix"`

	// FlushInterval is the time between flushes: totals are that much behind. Default 200ms.
	FlushInterval time.Duration `mapstructure:"flush_interval"`

	// Timeout is the deadline of a request. Default 80ms.
	Timeout time.Duration `mapstructure:"timeout"`

	// ConnectTimeout is the deadline of a connection, TLS and login included. Default 1s.
	ConnectTimeout time.Duration `mapstructure:"connect_timeout"`

	// HeartbeatInterval is the time between signs of life, by which a Redis that is away is noticed when there is nothing
	// to publish. A collector silent for three of them, and three seconds, is not counted as one of the fleet. Default
	// 200ms.
	HeartbeatInterval time.Duration `mapstructure:"heartbeat_interval"`

	// PublishMin is what a collector must have counted for a key within a step alone before it publishes the key. It
	// bounds the number of keys in Redis, and is what one collector may have that the others do not know of. 0 and 1
	// publish everything. Default 3.
	PublishMin int64 `mapstructure:"publish_min"`

	// MaxKeys is the number of keys published in one flush; the others wait. Default 16384.
	MaxKeys int `mapstructure:"max_keys"`

	// BatchKeys is the number of keys in a request, during which Redis serves nobody else (about a microsecond each).
	// Default 512.
	BatchKeys int `mapstructure:"batch_keys"`

	// Breaker leaves Redis alone after failures.
	Breaker BreakerConfig `mapstructure:"breaker"`

	_ struct{}
}

// BreakerConfig says when Redis is left alone, and for how long.
type BreakerConfig struct {
	// Failures in a row that open the breaker. Default 3.
	Failures int `mapstructure:"failures"`
	// Wait is how long it stays open the first time; each further failure doubles it. Default 1s.
	Wait time.Duration `mapstructure:"wait"`
	// MaxWait is the longest. It bounds the time until totals are right again once Redis is back. Default 10s.
	MaxWait time.Duration `mapstructure:"max_wait"`

	_ struct{}
}

// ScoringConfig says how questions for a score can be asked. Without HTTP and GRPC nothing listens.
type ScoringConfig struct {
	// HTTP answers POST /v1/score, with the settings of every Collector server: tls, auth, and so on. Its
	// max_request_body_size is 64 KiB by default.
	HTTP configoptional.Optional[confighttp.ServerConfig] `mapstructure:"http"`
	// GRPC answers otelcolrisk.score.v1.Risk/Score, with the settings of every Collector server. Its
	// max_recv_msg_size_mib is 1 by default.
	GRPC configoptional.Optional[configgrpc.ServerConfig] `mapstructure:"grpc"`
	// MaxEntities and MaxAttributes bound a question. Defaults 16 and 128.
	MaxEntities   int `mapstructure:"max_entities"`
	MaxAttributes int `mapstructure:"max_attributes"`

	_ struct{}
}

// CounterStoreConfig bounds the counters that contrib's samplers share.
type CounterStoreConfig struct {
	// MaxKeys is the number of keys kept in memory over all samplers. Further ones are an error to who adds them.
	// Default 100000.
	MaxKeys int `mapstructure:"max_keys"`
	// Expiry is how long Redis keeps the counts of an interval. Default 10m.
	Expiry time.Duration `mapstructure:"expiry"`

	_ struct{}
}

// Modes of Redis.
const (
	modeSingle   = "single"
	modeSentinel = "sentinel"
	modeCluster  = "cluster"
)

var _ component.Config = (*Config)(nil)

// createDefaultConfig is the one place where defaults are set.
func createDefaultConfig() component.Config {
	httpServer := confighttp.NewDefaultServerConfig()
	httpServer.NetAddr.Endpoint = "localhost:4319"
	httpServer.MaxRequestBodySize = 64 << 10
	grpcServer := configgrpc.NewDefaultServerConfig()
	grpcServer.NetAddr.Endpoint = "localhost:4320"
	grpcServer.MaxRecvMsgSizeMiB = 1
	return &Config{
		SnapshotInterval: time.Minute,
		Redis: configoptional.Default(RedisConfig{
			Mode:              modeSingle,
			KeyPrefix:         "otelcol-risk:",
			FlushInterval:     200 * time.Millisecond,
			Timeout:           80 * time.Millisecond,
			ConnectTimeout:    time.Second,
			HeartbeatInterval: 200 * time.Millisecond,
			PublishMin:        3,
			MaxKeys:           16384,
			BatchKeys:         512,
			Breaker:           BreakerConfig{Failures: 3, Wait: time.Second, MaxWait: 10 * time.Second},
		}),
		Scoring: ScoringConfig{
			HTTP:          configoptional.Default(httpServer),
			GRPC:          configoptional.Default(grpcServer),
			MaxEntities:   16,
			MaxAttributes: 128,
		},
		CounterStore: CounterStoreConfig{MaxKeys: 100_000, Expiry: 10 * time.Minute},
	}
}
