// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/metadata"
	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/rule"
)

func defaultConfig(tb testing.TB) *Config {
	tb.Helper()
	cfg, ok := createDefaultConfig().(*Config)
	require.True(tb, ok)
	cfg.Learned.Enabled = false // what most tests look at is rules, to the last digit
	return cfg
}

func TestDefaultsAreValid(t *testing.T) {
	require.NoError(t, defaultConfig(t).Validate())
}

func TestExampleIsRead(t *testing.T) {
	cfg := loadConfig(t, "example.yaml")
	require.NoError(t, cfg.Validate())
	want := defaultConfig(t)
	want.Features = []FeatureConfig{
		{Name: "ip_requests_1m", Type: "rate", Entity: "ip", Window: time.Minute},
		{
			Name: "ip_login_failures_5m", Type: "count", Entity: "ip", Window: 5 * time.Minute,
			When: `span.attributes["url.path"] == "/login" and span.attributes["http.response.status_code"] == 401`,
		},
		{Name: "ip_users_10m", Type: "distinct", Entity: "ip", Of: "user", Window: 10 * time.Minute},
		{
			Name: "device_declined_10m", Type: "count", Entity: "device", Window: 10 * time.Minute,
			When: `span.attributes["http.response.status_code"] == 402`,
		},
		{Name: "device_cards_1h", Type: "distinct", Entity: "device", Of: "payment.card.fingerprint", Window: time.Hour},
	}
	want.Rules = []RuleConfig{
		{Name: "password_guessing", Group: "credentials", Condition: `Feature("ip_login_failures_5m") > 10`, Weight: 0.8},
		{Name: "many_users_on_one_ip", Group: "credentials", Condition: `Feature("ip_users_10m") > 5`, Weight: 0.5},
		{Name: "card_testing", Group: "payment", Condition: `Feature("device_cards_1h") > 3 and Feature("device_declined_10m") >= 3`, Weight: 0.9},
		{Name: "flood", Condition: `Feature("ip_requests_1m") > 20`, Weight: 0.4},
		{Name: "scanner_path", Condition: `IsMatch(span.attributes["url.path"], "^/(\\.env|\\.git|wp-admin)")`, Weight: 0.5},
		{Name: "server_error", Condition: `span.attributes["http.response.status_code"] >= 500`, Weight: 0.1},
	}
	want.Sampling = SamplingConfig{KeepAbove: 0.6, Percentage: 10, RememberTraces: 16384}
	assert.Equal(t, want, cfg)
}

func TestEntitiesAreAddedToTheDefaults(t *testing.T) {
	cfg := defaultConfig(t)
	conf := confmap.NewFromStringMap(map[string]any{"entities": map[string]any{
		"tenant": []any{"tenant.id"}, "ip": []any{"x"}, "user": []any{}, "network": map[string]any{"ipv4_prefix": 16},
		"browser": map[string]any{"all_of": []any{"user_agent.original", "client.address"}},
	}})
	require.NoError(t, conf.Unmarshal(cfg))
	defaults := defaultConfig(t).Entities
	assert.Equal(t, map[string]EntityConfig{
		"tenant":  {From: []string{"tenant.id"}},
		"ip":      {From: []string{"x"}, IPv4Prefix: 32, IPv6Prefix: 64},
		"user":    {From: []string{}},
		"network": {From: defaults["network"].From, IPv4Prefix: 16, IPv6Prefix: 48},
		"browser": {AllOf: []string{"user_agent.original", "client.address"}},
		"device":  defaults["device"], "route": defaults["route"], "service": defaults["service"],
	}, cfg.Entities)

	cfg.Features = []FeatureConfig{{Name: "f", Type: "count", Entity: "user", Window: time.Minute}}
	require.ErrorContains(t, cfg.Validate(), `"user" is not one of the entities ["browser" "device" "ip" "network" "route" "service" "tenant"]`, "an empty list turns an entity off")
}

func TestUnknownKeysAreRefused(t *testing.T) {
	conf := confmap.NewFromStringMap(map[string]any{"sampling": map[string]any{"percent": 10}})
	require.ErrorContains(t, conf.Unmarshal(defaultConfig(t)), "percent")
}

// faults changes one thing in the example and names what the error must say.
func faults() map[string]struct {
	change func(*Config)
	want   string
} {
	type fault = struct {
		change func(*Config)
		want   string
	}
	nan := math.NaN()
	return map[string]fault{
		"no mode":                         {func(c *Config) { c.Mode = "" }, `mode: must be score_and_sample or score, found ""`},
		"an unknown mode":                 {func(c *Config) { c.Mode = "sample" }, `mode: must be score_and_sample or score, found "sample"`},
		"an entity without a key":         {func(c *Config) { c.Entities["ip"] = EntityConfig{From: []string{"a", ""}} }, `entities::ip::from::1: "": attribute key is empty`},
		"an entity of an unknown kind":    {func(c *Config) { c.Entities["ip"] = EntityConfig{AllOf: []string{"svr:a"}} }, `entities::ip::all_of::0: "svr:a": span kind "svr" is not one of`},
		"an entity found in two ways":     {func(c *Config) { c.Entities["ip"] = EntityConfig{From: []string{"a"}, AllOf: []string{"a"}} }, `entities::ip: must have from or all_of, found both`},
		"a prefix that is too long":       {func(c *Config) { c.Entities["ip"] = EntityConfig{From: []string{"a"}, IPv4Prefix: 33} }, `entities::ip::ipv4_prefix: must be from 0 to 32, found 33`},
		"a negative prefix":               {func(c *Config) { c.Entities["ip"] = EntityConfig{From: []string{"a"}, IPv6Prefix: -1} }, `entities::ip::ipv6_prefix: must be from 0 to 128, found -1`},
		"a sum of nothing":                {func(c *Config) { c.Features[0].Type = "sum" }, `features::ip_requests_1m::of: must name what a sum feature looks at`},
		"a ratio of nothing":              {func(c *Config) { c.Features[0].Type = "ratio" }, `features::ip_requests_1m::match: must be the condition of a ratio, found ""`},
		"match without a ratio":           {func(c *Config) { c.Features[0].Match = "true" }, `features::ip_requests_1m::match: is for ratio features only, found "true"`},
		"a match that is no OTTL":         {func(c *Config) { c.Features[0].Type, c.Features[0].Match = "ratio", "x" }, `features::ip_requests_1m::match: `},
		"at_least without a ratio":        {func(c *Config) { c.Features[0].AtLeast = 2 }, `features::ip_requests_1m::at_least: is for ratio features only, and not negative, found 2`},
		"warm_up without first_seen":      {func(c *Config) { c.Features[0].WarmUp = 2 }, `features::ip_requests_1m::warm_up: is for first_seen features only, and not negative, found 2ns`},
		"an unknown signal":               {func(c *Config) { c.Features[0].Signals = []string{"metrics"} }, `features::ip_requests_1m::signals: must be traces, logs or crs, found "metrics"`},
		"a time zone that is none":        {func(c *Config) { c.Features[0].CalendarDay = "Berlin" }, `features::ip_requests_1m::calendar_day: unknown time zone Berlin`},
		"a window and a day":              {func(c *Config) { c.Features[1].CalendarDay = "UTC" }, `features::ip_login_failures_5m::window: must not be given with calendar_day, found 5m0s`},
		"a rate of a day":                 {func(c *Config) { c.Features[0].CalendarDay, c.Features[0].Window = "UTC", 0 }, `features::ip_requests_1m::calendar_day: is for count, sum, distinct and ratio features only, found "UTC"`},
		"a rules file that is not there":  {func(c *Config) { c.RulesFiles = []string{"nowhere.yaml"} }, `rules_files: open nowhere.yaml: no such file`},
		"a shadow file that is not there": {func(c *Config) { c.Shadow.RulesFiles = []string{"nowhere.yaml"} }, `shadow::rules_files: open nowhere.yaml: no such file`},
		"a shadow rule with a fault":      {func(c *Config) { c.Shadow.Rules = []RuleConfig{{Name: "a", Condition: "b", Weight: 1}} }, `shadow::rules::a::condition: `},
		"a reload that is too fast":       {func(c *Config) { c.ReloadInterval = 1 }, `reload_interval: must be 0 or at least 1s, found 1ns`},
		"too many traces":                 {func(c *Config) { c.Sampling.RememberTraces = -1 }, `sampling::remember_traces: must be from 0 to 16777216, found -1`},
		"a shutdown before its begin":     {func(c *Config) { c.WholeTraces.Enabled, c.WholeTraces.ShutdownTimeout = true, -1 }, `whole_traces::shutdown_timeout: must not be negative, found -1ns`},
		"a log path that is none":         {func(c *Config) { c.Rules[3].Condition = `log.bodi == "x"` }, `segment "bodi"`},
		"a feature without a name":        {func(c *Config) { c.Features[4].Name = "" }, `features::4::name: must consist of`},
		"a feature with a bad name":       {func(c *Config) { c.Features[0].Name = "a b" }, `features::a b::name: must consist of lower case letters, digits and underscores, found "a b"`},
		"two features of one name":        {func(c *Config) { c.Features[1].Name = "ip_requests_1m" }, `features::ip_requests_1m::name: must be unique, found "ip_requests_1m" twice`},
		"a feature without a type":        {func(c *Config) { c.Features[0].Type = "" }, `features::ip_requests_1m::type: must be rate, count, sum, distinct, ratio or first_seen, found ""`},
		"an unknown entity":               {func(c *Config) { c.Features[0].Entity = "address" }, `features::ip_requests_1m::entity: "address" is not one of the entities ["device" "ip" "network" "route" "service" "user"]`},
		"distinct of nothing":             {func(c *Config) { c.Features[2].Of = "" }, `features::ip_users_10m::of: must name what a distinct feature looks at`},
		"a rate of something":             {func(c *Config) { c.Features[0].Of = "user" }, `features::ip_requests_1m::of: is for distinct, first_seen and sum features only, found "user"`},
		"a window that is too short":      {func(c *Config) { c.Features[0].Window = time.Millisecond }, `features::ip_requests_1m::window: must be from 1s to 24h0m0s, found 1ms`},
		"a window that is too long":       {func(c *Config) { c.Features[0].Window = 25 * time.Hour }, `features::ip_requests_1m::window: must be from 1s to 24h0m0s, found 25h0m0s`},
		"when is no OTTL":                 {func(c *Config) { c.Features[0].When = "a b" }, `features::ip_requests_1m::when: `},
		"when uses a feature":             {func(c *Config) { c.Features[0].When = `Feature("ip_users_10m") > 1` }, `features::ip_requests_1m::when: `},
		"too many features":               {func(c *Config) { c.Features = make([]FeatureConfig, rule.MaxRules+1) }, `features: must be at most 256, found 257`},
		"a rule without a name":           {func(c *Config) { c.Rules[3].Name = "" }, `rules::3::name: must consist of`},
		"a rule with a bad name":          {func(c *Config) { c.Rules[3].Name = "a,b" }, `rules::a,b::name: must consist of letters, digits, dots, dashes and underscores, found "a,b"`},
		"two rules of one name":           {func(c *Config) { c.Rules[4].Name = "flood" }, `rules::flood::name: must be unique, found "flood" twice`},
		"a rule without a condition":      {func(c *Config) { c.Rules[3].Condition = "" }, `rules::flood::condition: `},
		"a condition that is no OTTL":     {func(c *Config) { c.Rules[3].Condition = "1 >" }, `rules::flood::condition: condition has invalid syntax: 1:4`},
		"a condition on no feature":       {func(c *Config) { c.Rules[3].Condition = `Feature("ip_rate") > 1` }, `feature "ip_rate" is not defined; known are device_cards_1h, device_declined_10m, ip_login_failures_5m`},
		"a condition on no path":          {func(c *Config) { c.Rules[3].Condition = `span.statuscode == 1` }, `rules::flood::condition: `},
		"a rule without a weight":         {func(c *Config) { c.Rules[3].Weight = 0 }, `rules::flood::weight: must be above 0 and at most 1, found 0`},
		"a negative weight":               {func(c *Config) { c.Rules[3].Weight = -0.1 }, `rules::flood::weight: must be above 0 and at most 1, found -0.1`},
		"a weight above 1":                {func(c *Config) { c.Rules[3].Weight = 1.1 }, `rules::flood::weight: must be above 0 and at most 1, found 1.1`},
		"a weight that is no number":      {func(c *Config) { c.Rules[3].Weight = nan }, `rules::flood::weight: must be above 0 and at most 1, found NaN`},
		"too many rules":                  {func(c *Config) { c.Rules = make([]RuleConfig, rule.MaxRules+1) }, `rules: must be at most 256, found 257`},
		"levels that do not rise":         {func(c *Config) { c.Levels.High = 0.3 }, `levels: must be 0 < medium < high < critical <= 1, found medium 0.3, high 0.3, critical 0.85`},
		"a level at 0":                    {func(c *Config) { c.Levels.Medium = 0 }, `levels: must be 0 < medium`},
		"a level above 1":                 {func(c *Config) { c.Levels.Critical = 1.5 }, `levels: must be 0 < medium`},
		"a level that is no number":       {func(c *Config) { c.Levels.High = nan }, `levels: must be 0 < medium`},
		"keep_above above 1":              {func(c *Config) { c.Sampling.KeepAbove = 60 }, `sampling::keep_above: must be from 0 to 1, found 60`},
		"keep_above that is no number":    {func(c *Config) { c.Sampling.KeepAbove = nan }, `sampling::keep_above: must be from 0 to 1, found NaN`},
		"a negative percentage":           {func(c *Config) { c.Sampling.Percentage = -1 }, `sampling::percentage: must be 0 or from 1.4e-15 to 100, found -1`},
		"a percentage above 100":          {func(c *Config) { c.Sampling.Percentage = 101 }, `sampling::percentage: must be 0 or from 1.4e-15 to 100, found 101`},
		"a percentage too small":          {func(c *Config) { c.Sampling.Percentage = 1e-16 }, `sampling::percentage: must be 0 or from 1.4e-15 to 100, found 1e-16`},
		"a percentage that is no number":  {func(c *Config) { c.Sampling.Percentage = nan }, `sampling::percentage: must be 0 or from 1.4e-15 to 100, found NaN`},
		"too few entities":                {func(c *Config) { c.Limits.MaxEntities = 0 }, `limits::max_entities: must be from 1024 to 16777216, found 0`},
		"too many entities":               {func(c *Config) { c.Limits.MaxEntities = 1 << 25 }, `limits::max_entities: must be from 1024 to 16777216, found 33554432`},
	}
}

func TestValidateNamesTheFault(t *testing.T) {
	for name, fault := range faults() {
		t.Run(name, func(t *testing.T) {
			cfg := loadConfig(t, "example.yaml")
			fault.change(cfg)
			require.ErrorContains(t, cfg.Validate(), fault.want)
		})
	}
}

func TestValidateReportsAllFaultsAtOnce(t *testing.T) {
	cfg := loadConfig(t, "example.yaml")
	cfg.Mode = "x"
	cfg.Features[0].Type = "x"
	cfg.Features[1].When = "x"
	cfg.Rules[0].Condition = "x"
	cfg.Rules[1].Condition = "y"
	cfg.Rules[2].Weight = 7
	cfg.Levels.High = 7
	cfg.Sampling = SamplingConfig{KeepAbove: 7, Percentage: 700}
	cfg.Limits.MaxEntities = 7
	err := cfg.Validate()
	for _, want := range []string{
		"mode:", "features::ip_requests_1m::type:", "features::ip_login_failures_5m::when:", "rules::password_guessing::condition:",
		"rules::many_users_on_one_ip::condition:", "rules::card_testing::weight:", "levels:", "sampling::keep_above:",
		"sampling::percentage:", "limits::max_entities:",
	} {
		require.ErrorContains(t, err, want)
	}
	assert.Len(t, strings.Split(err.Error(), "\n"), 10, "and each of them once")
}

// TestBadRuleStopsTheStart: a Collector that is given a configuration without Validate must not start either.
func TestBadRuleStopsTheStart(t *testing.T) {
	for i, condition := range []string{"name ==", `Feature("nothing") > 1`, `span.nothing == 1`} {
		cfg := loadConfig(t, "example.yaml")
		cfg.Rules[i].Condition = condition
		_, err := NewFactory().CreateTraces(t.Context(), processortest.NewNopSettings(metadata.Type), cfg, consumertest.NewNop())
		require.ErrorContains(t, err, fmt.Sprintf("rules::%s::condition", cfg.Rules[i].Name))
	}
}

func TestBorderValuesAreValid(t *testing.T) {
	cfg := loadConfig(t, "example.yaml")
	for _, change := range []func(){
		func() { cfg.Rules[0].Weight = 1 },
		func() { cfg.Levels.Critical = 1 },
		func() { cfg.Sampling = SamplingConfig{} },
		func() { cfg.Sampling = SamplingConfig{KeepAbove: 1, Percentage: 100} },
		func() { cfg.Sampling.Percentage = minPercentage },
		func() { cfg.Limits.MaxEntities = 1024 },
		func() { cfg.Features[0].Window = time.Second },
		func() { cfg.Features[0].Window = 24 * time.Hour },
		func() { cfg.Mode = ModeScore },
	} {
		change()
		require.NoError(t, cfg.Validate())
	}
}
