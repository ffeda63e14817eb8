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

	// Entities says by name who or what records belong to. Names given in a configuration are added to the default ip,
	// network, user, device, route and service; an empty list turns an entity off. A list of attribute keys is short for
	// an entity with these keys as `from`.
	Entities map[string]EntityConfig `mapstructure:"entities"`

	// PackConfig holds the features and rules given inline.
	PackConfig `mapstructure:",squash"`

	// RulePacks are the names of packs of features and rules that come with the processor, see packs. They are added to
	// those given inline. Default none.
	RulePacks []string `mapstructure:"rule_packs"`

	// RulesFiles are YAML files with more `features`, `rules` and `lists`, added to those given inline. When one changes, the rules
	// are replaced and counts go on; when it has a fault, the rules stay as they were and the fault is reported. Default
	// none.
	RulesFiles []string `mapstructure:"rules_files"`

	// ReloadInterval is how often rules_files are looked at, at least a second. 0 never looks again. Default 10s.
	ReloadInterval time.Duration `mapstructure:"reload_interval"`

	// Shadow are rules that are tried out: scored beside the others, they change metrics and nothing else.
	Shadow ShadowConfig `mapstructure:"shadow"`

	// State is the riskstate extension that keeps counts over restarts and shares them. Empty keeps them in this
	// processor, shared by the pipelines that it is used in.
	State *component.ID `mapstructure:"state"`

	// CRS asks the OWASP Core Rule Set about requests, behind the pipeline.
	CRS CRSConfig `mapstructure:"crs"`

	// Learned finds what is unusual about a trace without being told what is usual.
	Learned LearnedConfig `mapstructure:"learned"`

	// WholeTraces holds spans back until their trace is complete, so that all of it is decided at once.
	WholeTraces WholeTracesConfig `mapstructure:"whole_traces"`

	// Levels names ranges of the score.
	Levels LevelsConfig `mapstructure:"levels"`

	// Sampling decides what leaves. It is ignored, but still checked, in mode `score`.
	Sampling SamplingConfig `mapstructure:"sampling"`

	// Limits bounds the memory.
	Limits LimitsConfig `mapstructure:"limits"`

	_ struct{} // fields are set by name only
}

// EntityConfig says how an entity is found.
type EntityConfig struct {
	// From are attribute keys, most trusted first. The first that has a value wins; each is looked for on the record, then
	// on its resource. A key written `server:<key>` (or client:, producer:, consumer:, internal:) is read only from spans
	// of that kind.
	From []string `mapstructure:"from"`

	// AllOf are keys, written as in From, whose values make the entity together: a fingerprint. One at least must have a
	// value. Not together with From.
	AllOf []string `mapstructure:"all_of"`

	// IPv4Prefix and IPv6Prefix say that the values are IP addresses, and how many bits of one count: 1 to 32 and 1 to
	// 128. 0 for one of them is the whole address, 0 for both is no address. Default 32 and 64 for ip (a customer gets
	// the whole of a /64), 24 and 48 for network.
	IPv4Prefix int `mapstructure:"ipv4_prefix"`
	IPv6Prefix int `mapstructure:"ipv6_prefix"`

	_ struct{}
}

// PackConfig are features and the rules that use them. It is the content of a rules file, too.
type PackConfig struct {
	// Lists are texts to look for, for InList(text, "name"). A list may be given again, in another file, if it is the same
	// in everything.
	Lists []ListConfig `mapstructure:"lists"`

	// Features are the numbers kept per entity. Empty means that rules can look at the record alone. A feature may be
	// given again, in another file, if it is the same in everything.
	Features []FeatureConfig `mapstructure:"features"`

	// Rules turn records and features into risk. Without rules everything scores 0.
	Rules []RuleConfig `mapstructure:"rules"`
}

// ShadowConfig are rules that are tried out.
type ShadowConfig struct {
	// PackConfig holds features and rules given inline. Features of the live rules can be used, too.
	PackConfig `mapstructure:",squash"`

	// RulePacks are packs as in the outer `rule_packs`.
	RulePacks []string `mapstructure:"rule_packs"`

	// RulesFiles are files as in the outer `rules_files`.
	RulesFiles []string `mapstructure:"rules_files"`

	_ struct{}
}

// ListConfig is a list of texts that are looked for together, in a time that does not depend on how many there are.
type ListConfig struct {
	// Name is how conditions call the list: InList(attributes["url.path"], "name"). Lower case letters, digits and
	// underscores; required.
	Name string `mapstructure:"name"`

	// Place is where in the text a value must be: `anywhere`, `beginning`, `end` or `whole`. Empty is anywhere.
	Place string `mapstructure:"place"`

	// Decode says that texts come encoded as in URLs: percent-encoding, also nested, is read as what it stands for, and `+`
	// and white space as a space. The values are written as they are meant. Default false.
	Decode bool `mapstructure:"decode"`

	// Values are what to look for. Upper and lower case of ASCII letters are the same. At least one, together at most 64 KiB.
	Values []string `mapstructure:"values"`

	_ struct{}
}

// FeatureConfig describes one number that is kept per entity over a window.
type FeatureConfig struct {
	// Name is how rules call the feature: Feature("name"). Lower case letters, digits and underscores; required.
	Name string `mapstructure:"name"`

	// Type is `rate` (records a second), `count` (records in the window), `sum` (of an attribute), `distinct` (different
	// values in the window), `ratio` (share of records that match) or `first_seen` (seconds since the first time).
	Type string `mapstructure:"type"`

	// Entity is the entity whose records are counted. Required.
	Entity string `mapstructure:"entity"`

	// Of is what a distinct feature counts and a sum adds up: an attribute key (record, then resource) or, not for sums,
	// the name of an entity. Required for these; for first_seen it asks for the first use of that value by the entity.
	Of string `mapstructure:"of"`

	// When is an OTTL condition: only records that meet it are counted. It cannot use features. Empty counts every record
	// of the entity.
	When string `mapstructure:"when"`

	// Match is the OTTL condition of a ratio: the share of records that meet it among those that meet When.
	Match string `mapstructure:"match"`

	// AtLeast is the number of records below which a ratio has no value. 0 is 1.
	AtLeast int `mapstructure:"at_least"`

	// Window is the length of the sliding window, 1s to 24h; for first_seen, how long a value is remembered that does not
	// come again, up to 8760h. Required, unless calendar_day is given.
	Window time.Duration `mapstructure:"window"`

	// CalendarDay makes the window the calendar day in this time zone (`UTC`, `Local`, `Europe/Berlin`). Empty slides.
	CalendarDay string `mapstructure:"calendar_day"`

	// WarmUp is how long a first_seen feature has no value after its first use, since everything is new then. 0 is not
	// at all.
	WarmUp time.Duration `mapstructure:"warm_up"`

	// Signals are the signals, of `traces` and `logs`, whose records are counted. Empty is all that the processor is
	// used for. `crs` alone counts no records, but requests in which the Core Rule Set found something.
	Signals []string `mapstructure:"signals"`

	_ struct{}
}

// RuleConfig describes one rule.
type RuleConfig struct {
	// Name is written to risk.reasons when the rule fires. Letters, digits, dot, dash and underscore; required, unique.
	Name string `mapstructure:"name"`

	// Condition is the OTTL condition, in the span or the log context, with Feature("name") for features. A condition that
	// both contexts understand holds for both signals. Required.
	Condition string `mapstructure:"condition"`

	// Weight is the risk, in (0, 1], of a record for which only this rule fires. Required.
	Weight float64 `mapstructure:"weight"`

	// Group names rules that look at the same thing: of a group only the highest weight that fired counts. Empty puts
	// the rule in a group of its own.
	Group string `mapstructure:"group"`

	_ struct{}
}

// CRSConfig is about requests that the Core Rule Set is asked about. What it finds comes too late for the record, and counts
// for who sent the request: in features whose signals are `crs`.
type CRSConfig struct {
	// Extension is the riskcrs extension. Empty asks about nothing, and costs nothing. Default none.
	Extension *component.ID `mapstructure:"extension"`

	// Condition is an OTTL condition: only the requests of records that meet it are asked about, and only if they have an
	// entity that something is counted for. It cannot use features. The default holds for signs that ordinary paths and
	// queries do not have, and for what libinjection finds in them, in the user agent and in recorded cookies and referers.
	Condition string `mapstructure:"condition"`

	// RememberEntities is the number of entities, those found last, of which is remembered what was found, for
	// risk.reasons. 0 remembers none. Default 4096.
	RememberEntities int `mapstructure:"remember_entities"`

	_ struct{}
}

// LearnedConfig is about what is learned of every operation (service and span name): durations, children, failures.
type LearnedConfig struct {
	// Enabled adds learned outliers to the score of spans, as a group of their own. Default true.
	Enabled bool `mapstructure:"enabled"`

	// MaxOperations is the number of operations that are learned, 64 to 1048576, about 3 KB each, taken as they appear.
	// Spans of others are not scored by this part, and counted. Default 4096.
	MaxOperations int `mapstructure:"max_operations"`

	_ struct{}
}

// WholeTracesConfig is about holding spans back. It is for the traces pipelines.
type WholeTracesConfig struct {
	// Enabled holds spans back. It is an error in mode `score`, which holds none. Default false.
	Enabled bool `mapstructure:"enabled"`

	// AfterRoot is how long a trace is held after its root span came, up to an hour. Default 2s.
	AfterRoot time.Duration `mapstructure:"after_root"`

	// Timeout is how long a trace is held after its first span, up to an hour, at least AfterRoot. Default 30s.
	Timeout time.Duration `mapstructure:"timeout"`

	// MaxMemoryMiB is the memory for the spans of each pipeline that are held, and that are decided and wait for the next
	// component (a quarter of it), as estimated, 1 to 1048576. When it is full, the traces that are due next are decided
	// early; spans are refused if the next component does not keep up. Default 256.
	MaxMemoryMiB int `mapstructure:"max_memory_mib"`

	// RememberTraces is the number of decided traces whose late spans follow the decision instead of being held again,
	// 1024 to 16777216, rounded up to a power of two; 28 bytes each. Default 65536.
	RememberTraces int `mapstructure:"remember_traces"`

	// ShutdownTimeout is how long a shutdown waits for the next component to take what was held; the rest is lost, and counted.
	// 0 is without end: the Collector sets no limit itself. Default 20s.
	ShutdownTimeout time.Duration `mapstructure:"shutdown_timeout"`

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

// SamplingConfig decides which records leave the processor.
type SamplingConfig struct {
	// KeepAbove is the score, 0 to 1, at and above which a record is always kept, with everything of its trace in the same
	// batch and what comes later. 0 keeps everything. Default 0.6.
	KeepAbove float64 `mapstructure:"keep_above"`

	// Percentage is the share, 0 to 100, of all others that is kept, chosen by trace id. 0 keeps none of them, which
	// makes it impossible to estimate totals afterwards. Default 100, that is: nothing is dropped unless asked for.
	Percentage float64 `mapstructure:"percentage"`

	// RememberTraces is the number of risky traces whose later spans and logs are kept, too, rounded up to a power of two;
	// 28 bytes each. 0 decides every batch by itself. Default 16384.
	RememberTraces int `mapstructure:"remember_traces"`

	// DryRun drops nothing and leaves sampling marks alone: every record gets the attribute risk.sampling, `keep` or
	// `drop`, and metrics say what would have been dropped. Default false.
	DryRun bool `mapstructure:"dry_run"`

	_ struct{}
}

// LimitsConfig bounds the memory.
type LimitsConfig struct {
	// MaxEntities is the number of entities that each feature can hold, rounded up to a power of two, from 1024 to
	// 16777216. A rate, count or first_seen feature takes 28 bytes for each, a sum or ratio 44, a distinct feature 204
	// bytes. Default 65536.
	MaxEntities int `mapstructure:"max_entities"`

	// MaxInspectedBytes is the length up to which IsSQLInjection and IsXSS look at a text, 64 to 65536. Longer ones are
	// counted. Default 2048.
	MaxInspectedBytes int `mapstructure:"max_inspected_bytes"`

	_ struct{}
}

var _ component.Config = (*Config)(nil)

// createDefaultConfig is the one place where defaults are set.
func createDefaultConfig() component.Config {
	return &Config{
		Mode: ModeScoreAndSample,
		Entities: map[string]EntityConfig{
			// The peer of a server span is the client; the peer of a client span is somebody else's server.
			"ip":      {From: []string{"client.address", "server:network.peer.address"}, IPv4Prefix: 32, IPv6Prefix: 64},
			"network": {From: []string{"client.address", "server:network.peer.address"}, IPv4Prefix: 24, IPv6Prefix: 48},
			"user":    {From: []string{"enduser.id", "user.id"}},
			// user_agent.original is no fallback: millions of people share one, and a count of it would blame them all.
			"device":  {From: []string{"device.id"}},
			"route":   {From: []string{"http.route"}},
			"service": {From: []string{"service.name"}},
		},
		ReloadInterval: 10 * time.Second,
		CRS:            CRSConfig{Condition: worthAsking, RememberEntities: 4096},
		Learned:        LearnedConfig{Enabled: true, MaxOperations: 4096},
		WholeTraces: WholeTracesConfig{
			AfterRoot: 2 * time.Second, Timeout: 30 * time.Second, MaxMemoryMiB: 256, RememberTraces: 65536, ShutdownTimeout: 20 * time.Second,
		},
		Levels:   LevelsConfig{Medium: 0.3, High: 0.6, Critical: 0.85},
		Sampling: SamplingConfig{KeepAbove: 0.6, Percentage: 100, RememberTraces: 16384},
		Limits:   LimitsConfig{MaxEntities: 65536, MaxInspectedBytes: 2048},
	}
}
