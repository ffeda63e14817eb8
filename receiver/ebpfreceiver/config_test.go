// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"
)

// load reads testdata/name over the defaults, as the Collector does, and validates the result.
func load(t *testing.T, name string) (*Config, error) {
	t.Helper()
	conf, err := confmaptest.LoadConf(filepath.Join("testdata", name))
	require.NoError(t, err)
	cfg := createDefaultConfig().(*Config)
	if err := conf.Unmarshal(cfg); err != nil {
		return nil, err
	}
	return cfg, confmap.Validate(cfg)
}

func TestConfigValid(t *testing.T) {
	tests := map[string]func(*Config){
		"default.yaml": func(*Config) {},
		"full.yaml": func(c *Config) {
			c.CgroupRoot = "/sys/fs/cgroup"
			c.CaptureSelf = true
			c.DropCapabilities = true
			c.Filter.Ports = PortFilter{Include: []int{80, 8080}, Exclude: []int{22}}
			c.Filter.CIDRs = CIDRFilter{
				Include: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")},
				Exclude: []netip.Prefix{netip.MustParsePrefix("10.1.2.3/32")},
			}
			c.Filter.Executables = ExecutableFilter{Include: []string{"nginx", "/opt/*/bin/*"}, Exclude: []string{"curl"}}
			c.Filter.Cgroups = []string{"system.slice", "/sys/fs/cgroup/user.slice"}
			c.RingBufferSize = 16777216
			c.WakeupSize = 65536
			c.PollInterval = 20 * time.Millisecond
			c.MaxOpenExchanges = 1000
			c.ExchangeTimeout = 30 * time.Second
			c.MaxProcesses = 100
			c.DetectMessages = 4
			c.IdleAfter = 10 * time.Second
			c.CPUBudget, c.RestConnections = 0.1, false
			c.Batch = BatchConfig{MaxSpans: 512, Timeout: time.Second}
			c.Streams = StreamsConfig{TLS: true, MaxHeaders: 8192, MaxMemory: 1 << 20}
			c.Metrics = MetricsConfig{
				CollectionInterval: 10 * time.Second, Histogram: "exponential", MaxSeries: 500, MaxIdle: time.Hour,
			}
			c.Causes = false
			c.Privacy = PrivacyConfig{
				RequestHeaders: []string{"X-Request-ID"}, ResponseHeaders: []string{"server"},
				QueryParameters: []string{"page"}, Redact: []string{"[0-9]{12,}"},
			}
			c.TCP = TCPConfig{MaxRows: 100}
			c.Logs = LogsConfig{MaxDelay: time.Millisecond, MaxPending: 100}
		},
		"zero.yaml": func(c *Config) {
			c.WakeupSize, c.IdleAfter = 0, 0
			c.Batch.Timeout = 0
		},
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			want := createDefaultConfig().(*Config)
			change(want)
			got, err := load(t, name)
			require.NoError(t, err)
			assert.Equal(t, want, got)
		})
	}
}

func TestConfigInvalidNamesEveryFaultAtOnce(t *testing.T) {
	tests := map[string][]string{
		"invalid_zero.yaml": {
			"`max_headers` must be between 4096 and 1048576, found 0",
			"`max_memory` must be at least 1048576, found 0",
			"`ring_buffer_size` must be a power of two and a multiple of the page size",
			"`poll_interval` must be positive, found 0s",
			"`max_open_exchanges` must be positive, found 0",
			"`exchange_timeout` must be positive, found 0s",
			"`max_processes` must be positive, found 0",
			"`detect_messages` must be between 1 and 255, found 0",
			"batch: `max_spans` must be positive, found 0",
			"metrics: `histogram` must be \"explicit\" or \"exponential\", found \"\"",
			"`max_series` must be between 2 and 65536, found 0",
			"`collection_interval` must be positive, found 0s",
			"logs: `max_pending` must be positive, found 0",
		},
		"invalid_negative.yaml": {
			"found -4096",
			"`wakeup_size` must not be negative, found -1",
			"`poll_interval` must be positive, found -1s",
			"`detect_messages` must be between 1 and 255, found 256",
			"`cpu_budget` must be between 0 and 1, found -1",
			"`idle_after` must be 0 or at least 1s, found -1s",
			"batch: `timeout` must not be negative, found -1s",
			"metrics: `max_idle` must not be negative, found -1s",
			"logs: `max_delay` must not be negative, found -1s",
			"tcp: `max_rows` must be between 0 and 65536, found -1",
		},
		"invalid_ring_odd.yaml":    {"found 12288"},
		"invalid_ring_large.yaml":  {"`ring_buffer_size` must be at most 1073741824, found 2147483648"},
		"invalid_wakeup.yaml":      {"`wakeup_size` must be smaller than `ring_buffer_size` 65536, found 65536"},
		"invalid_root.yaml":        {"`cgroup_root` must be an absolute path, found \"sys/fs/cgroup\""},
		"invalid_port.yaml":        {"filter::ports: `include` must list ports between 1 and 65535, found 0", "`exclude` must"},
		"invalid_port_large.yaml":  {"`include` must list ports between 1 and 65535, found 70000"},
		"invalid_cidr_syntax.yaml": {"10.0.0.0"},
		"invalid_cidr.yaml": {
			"`include` must list prefixes without host bits, found \"10.0.0.1/8\" (the network is \"10.0.0.0/8\")",
			"`exclude` must name IPv4 addresses as such",
			"`exclude` must not list an empty prefix",
		},
		"invalid_executables.yaml": {
			"`include` must list globs, found \"ngi[nx\": syntax error in pattern",
			"`include` must not list an empty pattern",
			"`exclude` must list base names or absolute paths, found \"bin/sh\"",
		},
		"invalid_cgroups.yaml": {
			"`cgroups` must not list an empty path",
			"`cgroups` must list paths below the cgroup root, found \"../other\"",
			"`cgroups` must not overlap, found \"system.slice\" and \"system.slice/nginx.service\"",
		},
		"invalid_cgroups_root.yaml": {
			"`cgroups` must not overlap, found \"system.slice\" and \"/sys/fs/cgroup/system.slice/a\"",
			"`filter::cgroups` must list paths below the cgroup root \"/sys/fs/cgroup\", found \"/system.slice\"",
		},
		"invalid_privacy.yaml": {
			"`request_headers` must not list \"Authorization\", which carries credentials",
			"`request_headers` must list names of header fields, found \"a b\"",
			"`response_headers` must not list \"set-cookie\", which carries credentials",
			"`query_parameters` must list names of parameters, found \"a=b\"",
			"`redact` must list regular expressions, found \"(\"",
			"`redact` must not list what matches an empty text, found \".*\"",
		},
		"invalid_key.yaml": {"ring_bufer_size"},
	}
	for name, wants := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, name)
			require.Error(t, err)
			for _, want := range wants {
				assert.ErrorContains(t, err, want)
			}
		})
	}
}

func TestEveryTestdataFileIsTested(t *testing.T) {
	entries, err := os.ReadDir("testdata")
	require.NoError(t, err)
	source, err := os.ReadFile("config_test.go")
	require.NoError(t, err)
	for _, entry := range entries {
		if filepath.Ext(entry.Name()) == ".yaml" {
			assert.Contains(t, string(source), `"`+entry.Name()+`"`)
		}
	}
}

func TestExecutableFilterAdmits(t *testing.T) {
	tests := map[string]struct {
		filter     ExecutableFilter
		executable string
		want       bool
	}{
		"an empty filter admits all":                          {ExecutableFilter{}, "/usr/sbin/nginx", true},
		"an empty filter admits the unknown":                  {ExecutableFilter{}, "", true},
		"a base name is compared with the base name":          {ExecutableFilter{Include: []string{"ngin?"}}, "/usr/sbin/nginx", true},
		"a base name must match as a whole":                   {ExecutableFilter{Include: []string{"ngin"}}, "/usr/sbin/nginx", false},
		"a path is compared with the full path":               {ExecutableFilter{Include: []string{"/usr/*/nginx"}}, "/usr/sbin/nginx", true},
		"a star does not cross a slash":                       {ExecutableFilter{Include: []string{"/usr/*"}}, "/usr/sbin/nginx", false},
		"an include does not admit the unknown":               {ExecutableFilter{Include: []string{"*"}}, "", false},
		"an exclude does not refuse the unknown":              {ExecutableFilter{Exclude: []string{"*"}}, "", true},
		"an exclude wins over an include":                     {ExecutableFilter{Include: []string{"*"}, Exclude: []string{"curl"}}, "/usr/bin/curl", false},
		"what is not excluded is admitted":                    {ExecutableFilter{Exclude: []string{"curl"}}, "/usr/bin/wget", true},
		"a deleted executable is known by its path all along": {ExecutableFilter{Include: []string{"app"}}, "/srv/app", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, test.filter.Admits(test.executable))
		})
	}
}

func TestCgroupPaths(t *testing.T) {
	tests := map[string]struct {
		root    string
		cgroups []string
		want    []string
		wantErr string
	}{
		"none means the root":                   {"/sys/fs/cgroup/", nil, []string{"/sys/fs/cgroup"}, ""},
		"relative ones are joined":              {"/sys/fs/cgroup", []string{"a", "b/c/"}, []string{"/sys/fs/cgroup/a", "/sys/fs/cgroup/b/c"}, ""},
		"absolute ones are kept":                {"/sys/fs/cgroup", []string{"/sys/fs/cgroup/a"}, []string{"/sys/fs/cgroup/a"}, ""},
		"the root itself is allowed":            {"/sys/fs/cgroup", []string{"."}, []string{"/sys/fs/cgroup"}, ""},
		"names with a common start do not nest": {"/cg", []string{"a", "ab"}, []string{"/cg/a", "/cg/ab"}, ""},
		"one outside is refused":                {"/sys/fs/cgroup", []string{"/sys/fs/cgroup2/a"}, nil, "found \"/sys/fs/cgroup2/a\""},
		"nested ones are refused":               {"/cg", []string{"/cg/a/b", "a"}, nil, "found \"/cg/a/b\" and \"a\""},
		"one twice is refused":                  {"/cg", []string{"/cg/a", "a"}, nil, "must not overlap"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			filter := FilterConfig{Cgroups: test.cgroups}
			got, err := filter.CgroupPaths(test.root)
			if test.wantErr != "" {
				require.ErrorContains(t, err, test.wantErr)
				require.Nil(t, got)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, test.want, got)
		})
	}
}
