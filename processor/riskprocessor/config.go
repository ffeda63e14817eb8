// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

import (
	"time"

	"go.opentelemetry.io/collector/component"
)

// Mode says what the processor does with a score.
type Mode string

const (
	// ModeScoreAndSample scores every span, keeps the risky ones and samples the rest.
	ModeScoreAndSample Mode = "score_and_sample"
	// ModeScore scores every span and drops none; the tracestate is left alone.
	ModeScore Mode = "score"
)

// Config is the configuration of the risk processor.
type Config struct {
	// Mode is `score_and_sample` or `score`. Empty is an error; the default is `score_and_sample`.
	Mode Mode `mapstructure:"mode"`

	// Entities maps the name of an entity to the attribute keys that identify it, most trusted first. The first key that
	// has a value wins; each key is looked for on the span, then on the resource. A key written `server:<key>` (or
	// client:, producer:, consumer:, internal:) is read only for spans of that kind. Names given in a configuration are
	// added to the default ip, user and device; an empty list turns an entity off.
	Entities map[string][]string `mapstructure:"entities"`

	// Features are the numbers kept per entity. Empty means that rules can look at the span alone.
	Features []FeatureConfig `mapstructure:"features"`

	// Rules turn spans and features into risk. Without rules every span scores 0.
	Rules []RuleConfig `mapstructure:"rules"`

	// Levels names ranges of the score.
	Levels LevelsConfig `mapstructure:"levels"`

	// Sampling decides which spans leave. It is ignored, but still checked, in mode `score`.
	Sampling SamplingConfig `mapstructure:"sampling"`

	// Limits bounds the memory.
	Limits LimitsConfig `mapstructure:"limits"`

	_ struct{} // fields are set by name only
}

// FeatureConfig describes one number that is kept per entity over a sliding window.
type FeatureConfig struct {
	// Name is how rules call the feature: Feature("name"). Lower case letters, digits and underscores; required.
	Name string `mapstructure:"name"`

	// Type is `rate` (spans a second), `count` (spans in the window) or `distinct` (different values in the window).
	Type string `mapstructure:"type"`

	// Entity is the entity whose spans are counted. Required.
	Entity string `mapstructure:"entity"`

	// Of is what a distinct feature counts: the name of an entity, else an attribute key (span, then resource). Required
	// for distinct, not allowed for the others.
	Of string `mapstructure:"of"`

	// When is an OTTL condition on the span: only spans that meet it are counted. It cannot use features. Empty counts
	// every span of the entity.
	When string `mapstructure:"when"`

	// Window is the length of the sliding window, 1s to 24h. Required.
	Window time.Duration `mapstructure:"window"`

	_ struct{}
}

// RuleConfig describes one rule.
type RuleConfig struct {
	// Name is written to risk.reasons when the rule fires. Letters, digits, dot, dash and underscore; required, unique.
	Name string `mapstructure:"name"`

	// Condition is the OTTL condition, in the span context, with Feature("name") for features. Required.
	Condition string `mapstructure:"condition"`

	// Weight is the risk, in (0, 1], of a span for which only this rule fires. Required.
	Weight float64 `mapstructure:"weight"`

	// Group names rules that look at the same thing: of a group only the highest weight that fired counts. Empty puts
	// the rule in a group of its own.
	Group string `mapstructure:"group"`

	_ struct{}
}

// LevelsConfig holds the lowest score of each level above `low`. They must rise.
type LevelsConfig struct {
	// Medium is the lowest score called `medium`. Default 0.3.
	Medium float64 `mapstructure:"medium"`
	// High is the lowest score called `high`. Default 0.6.
	High float64 `mapstructure:"high"`
	// Critical is the lowest score called `critical`. Default 0.85.
	Critical float64 `mapstructure:"critical"`

	_ struct{}
}

// SamplingConfig decides which spans leave the processor.
type SamplingConfig struct {
	// KeepAbove is the score, 0 to 1, at and above which a span is always kept, with all spans of its trace in the same
	// batch. 0 keeps everything. Default 0.6.
	KeepAbove float64 `mapstructure:"keep_above"`

	// Percentage is the share, 0 to 100, of all other spans that is kept, chosen by trace id. 0 keeps none of them, which
	// makes it impossible to estimate totals afterwards. Default 100, that is: nothing is dropped unless asked for.
	Percentage float64 `mapstructure:"percentage"`

	_ struct{}
}

// LimitsConfig bounds the memory.
type LimitsConfig struct {
	// MaxEntities is the number of entities that each feature can hold, rounded up to a power of two, from 1024 to
	// 16777216. A rate or count feature takes 20 bytes for each, a distinct feature 252 bytes. Default 65536.
	MaxEntities int `mapstructure:"max_entities"`

	_ struct{}
}

var _ component.Config = (*Config)(nil)

// createDefaultConfig is the one place where defaults are set.
func createDefaultConfig() component.Config {
	return &Config{
		Mode: ModeScoreAndSample,
		Entities: map[string][]string{
			// The peer of a server span is the client; the peer of a client span is somebody else's server.
			"ip":   {"client.address", "server:network.peer.address"},
			"user": {"enduser.id", "user.id"},
			// user_agent.original is no fallback: millions of people share one, and a count of it would blame them all.
			"device": {"device.id"},
		},
		Levels:   LevelsConfig{Medium: 0.3, High: 0.6, Critical: 0.85},
		Sampling: SamplingConfig{KeepAbove: 0.6, Percentage: 100},
		Limits:   LimitsConfig{MaxEntities: 65536},
	}
}
