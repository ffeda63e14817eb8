// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package distro

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/otelcol-risk/otelcol-risk/exporter/kafkaexporter"
)

func TestShippedConfigsAreValid(t *testing.T) {
	for _, path := range configs(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			args := []string{"validate"}
			for _, part := range withBase(path) {
				args = append(args, "--config", part)
			}
			if _, err := collector(t.Context(), t, args...); err != nil {
				t.Error(err)
			}
		})
	}
}

// withBase returns the configurations to start with: gateway-fleet.yaml only says what it adds to gateway.yaml.
func withBase(path string) []string {
	if filepath.Base(path) == "gateway-fleet.yaml" {
		return []string{filepath.Join(filepath.Dir(path), "gateway.yaml"), path}
	}
	return []string{path}
}

// TestValidateFindsFaults shows that the test above can fail.
func TestValidateFindsFaults(t *testing.T) {
	tests := map[string]struct {
		config string // of distro/config
		set    string
		want   string
	}{
		"a key that nobody knows":         {"agent.yaml", "receivers::ebpf::ring_bufer_size=1", "ring_bufer_size"},
		"a value out of range":            {"agent.yaml", "receivers::ebpf::poll_interval=0s", "poll_interval"},
		"a risk rule that does not parse": {"gateway.yaml", "processors::risk::rules=[{name: a, weight: 0.5, condition: 'no such thing'}]", "condition"},
		"a codec that Kafka lacks":        {"gateway.yaml", "exporters::kafka::producer::compression=brotli", "brotli"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(root, "distro", "config", tt.config)
			output, err := collector(t.Context(), t, "validate", "--config", path, "--config", "yaml:"+tt.set[:strings.Index(tt.set, "=")]+": "+tt.set[strings.Index(tt.set, "=")+1:])
			if err == nil {
				t.Fatalf("validate accepts %s", tt.set)
			}
			if !strings.Contains(output, tt.want) {
				t.Errorf("the message does not name %q:\n%s", tt.want, output)
			}
		})
	}
}

// TestTheGatewayAnswersBeforeClientsGiveUp: the last attempt begins within max_elapsed_time, and takes a timeout.
func TestTheGatewayAnswersBeforeClientsGiveUp(t *testing.T) {
	const patience = 10 * time.Second // of OTLP clients, usually
	text, err := os.ReadFile(filepath.Join(root, "distro", "config", "gateway.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`max_elapsed_time: (\S+)`).FindSubmatch(text)
	if found == nil || regexp.MustCompile(`(?m)^ +timeout:`).Match(text) {
		t.Fatal("the configuration has no max_elapsed_time, or a timeout of its own")
	}
	elapsed, err := time.ParseDuration(string(found[1]))
	if err != nil {
		t.Fatal(err)
	}
	exporter, ok := kafkaexporter.NewFactory().CreateDefaultConfig().(*kafkaexporter.Config)
	if !ok {
		t.Fatal("the exporter has another configuration")
	}
	if last := elapsed + exporter.TimeoutSettings.Timeout; last >= patience {
		t.Errorf("the last attempt may end after %v, clients give up after %v", last, patience)
	}
}

// endpoint finds what a configuration listens on or connects to.
var endpoint = regexp.MustCompile(`(?m)^\s*(?:endpoint|host):\s*(\S+)`)

// TestShippedConfigsListenOnThisHostOnly guards against the example that everybody copies.
func TestShippedConfigsListenOnThisHostOnly(t *testing.T) {
	local := regexp.MustCompile(`^(\$\{env:[A-Z_]+:-)?(localhost|127\.0\.0\.1)(:\d+)?\}?$`)
	for _, path := range configs(t) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "0.0.0.0") {
			t.Errorf("%s opens a port to everybody", path)
		}
		for _, match := range endpoint.FindAllStringSubmatch(string(text), -1) {
			// A name without a default is set by the program that starts the collector.
			if value := strings.Trim(match[1], `"'`); !local.MatchString(value) && !regexp.MustCompile(`^\$\{env:[A-Z_]+\}$`).MatchString(value) {
				t.Errorf("%s: endpoint %q is not on this host", path, value)
			}
		}
	}
}
