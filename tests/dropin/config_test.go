// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package dropin

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	contrib "github.com/open-telemetry/opentelemetry-collector-contrib/exporter/kafkaexporter"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/exporter"

	ours "github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter"
)

const (
	contribExporter = "github.com/open-telemetry/opentelemetry-collector-contrib/exporter/kafkaexporter"
	contribSettings = "github.com/open-telemetry/opentelemetry-collector-contrib/pkg/kafka/configkafka"
)

// source returns the folder of a module's source.
func source(t *testing.T, module string) string {
	t.Helper()
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(dir))
}

// sections returns what stands below each kafka exporter of a file of contrib's.
func sections(t *testing.T, path string, under ...string) map[string]map[string]any {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return parse(t, string(text), under...)
}

func parse(t *testing.T, text string, under ...string) map[string]map[string]any {
	t.Helper()
	retrieved, err := confmap.NewRetrievedFromYAML([]byte(text))
	require.NoError(t, err)
	conf, err := retrieved.AsConf()
	require.NoError(t, err)
	for _, key := range under {
		conf, err = conf.Sub(key)
		require.NoError(t, err)
	}
	found := map[string]map[string]any{}
	for name, section := range conf.ToStringMap() {
		settings, _ := section.(map[string]any)
		found[name] = settings
	}
	return found
}

// load returns the configuration as it is in force, with every default, and what Validate says.
func load(t *testing.T, factory exporter.Factory, settings map[string]any) (inForce map[string]any, loading, validation error) {
	t.Helper()
	cfg := factory.CreateDefaultConfig()
	if err := confmap.NewFromStringMap(settings).Unmarshal(cfg); err != nil {
		return nil, err, nil
	}
	conf := confmap.New()
	require.NoError(t, conf.Marshal(cfg))
	return flatten("", conf.ToStringMap(), map[string]any{}), nil, confmap.Validate(cfg)
}

// flatten turns nested maps into one with keys like a::b.
func flatten(prefix string, nested, flat map[string]any) map[string]any {
	for key, value := range nested {
		if below, isMap := value.(map[string]any); isMap && len(below) > 0 {
			flatten(prefix+key+"::", below, flat)
			continue
		}
		flat[prefix+key] = value
	}
	return flat
}

// allowed are the differences that the README lists. Passwords differ in that ours cannot be printed.
func allowed(key string, given map[string]any) bool {
	if strings.HasSuffix(key, "::password") {
		return true
	}
	producer, _ := given["producer"].(map[string]any)
	_, acks := producer["required_acks"]
	return key == "producer::required_acks" && !acks
}

// requireSameSettings fails unless ours has everything that theirs has.
func requireSameSettings(t *testing.T, given, theirs, ours map[string]any) {
	t.Helper()
	for _, key := range slices.Sorted(maps.Keys(theirs)) {
		value, known := ours[key]
		if !known && (theirs[key] == nil || fmt.Sprint(theirs[key]) == "map[]") {
			continue // an absent section is written as nothing or as null
		}
		if assert.True(t, known, "setting %s is missing", key) && !allowed(key, given) {
			assert.EqualValues(t, fmt.Sprint(theirs[key]), fmt.Sprint(value), "setting %s", key)
		}
	}
}

// TestEverySettingOfContribsTestsLoadsAndMeansTheSame reads the files that contrib's own tests read.
func TestEverySettingOfContribsTestsLoadsAndMeansTheSame(t *testing.T) {
	cases := map[string]map[string]any{"defaults": {}}
	add := func(file string, wrap func(map[string]any) map[string]any) {
		for name, settings := range sections(t, file) {
			cases[filepath.Base(file)+" "+name] = wrap(settings)
		}
	}
	same := func(settings map[string]any) map[string]any { return settings }
	exporterFiles, err := filepath.Glob(filepath.Join(source(t, contribExporter), "testdata", "*.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, exporterFiles)
	for _, file := range exporterFiles {
		add(file, same)
	}
	add(filepath.Join(source(t, contribSettings), "testdata", "client_config.yaml"), same)
	add(filepath.Join(source(t, contribSettings), "testdata", "producer_config.yaml"), func(settings map[string]any) map[string]any {
		return map[string]any{"producer": settings}
	})
	loaded := 0
	for name, given := range cases {
		t.Run(name, func(t *testing.T) {
			theirs, loading, validation := load(t, contrib.NewFactory(), given)
			mine, myLoading, myValidation := load(t, ours.NewFactory(), given)
			if loading != nil || validation != nil {
				t.Log(loading, validation)
				assert.True(t, myLoading != nil || myValidation != nil || lenient(name), "contrib's exporter refuses it, ours does not")
				return
			}
			require.NoError(t, myLoading)
			require.NoError(t, myValidation)
			requireSameSettings(t, given, theirs, mine)
			loaded++
		})
	}
	assert.Greater(t, loaded, 20)
}

// lenient are the configurations that contrib's exporter refuses for a reason that ours does not have: it takes topics,
// keys and headers from the client's metadata before batching loses it.
func lenient(name string) bool {
	return strings.HasPrefix(name, "config-batch-partition-validation-failed.yaml") ||
		strings.HasPrefix(name, "config-topic-from-metadata-failed.yaml")
}

// TestContribsDocumentedExamplesLoad reads the YAML of contrib's README.
func TestContribsDocumentedExamplesLoad(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(source(t, contribExporter), "README.md"))
	require.NoError(t, err)
	examples := 0
	for i, block := range strings.Split(string(text), "```yaml\n") {
		block, _, _ = strings.Cut(block, "```")
		if i == 0 || !strings.Contains(block, "exporters:") {
			continue
		}
		for name, given := range parse(t, block, "exporters") {
			_, loading, validation := load(t, ours.NewFactory(), given)
			assert.NoError(t, loading, "example %d, %s", i, name)
			assert.NoError(t, validation, "example %d, %s", i, name)
			examples++
		}
	}
	assert.Equal(t, 3, examples)
}
