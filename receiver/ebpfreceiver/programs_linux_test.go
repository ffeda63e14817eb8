// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/consumer/consumertest"
)

// What nobody wants to know is switched off in the kernel; what is needed for causes is what tells requests and calls.
func TestTheProgramsDoWhatSomebodyWants(t *testing.T) {
	traces, metrics, logs := consumers{traces: consumertest.NewNop()}, consumers{metrics: consumertest.NewNop()}, consumers{logs: consumertest.NewNop()}
	type wants struct{ exchanges, http2, tls, tcpRows, tcpLogs, causes bool }
	for name, test := range map[string]struct {
		next   consumers
		change func(*Config)
		want   wants
	}{
		"traces":                  {traces, func(*Config) {}, wants{exchanges: true, http2: true, causes: true}},
		"metrics":                 {metrics, func(*Config) {}, wants{http2: true, tls: true, tcpRows: true}},
		"logs":                    {logs, func(*Config) {}, wants{exchanges: true, http2: true, tls: true, tcpLogs: true, causes: true}},
		"logs of causes only":     {logs, func(c *Config) { c.TCP.Logs, c.Streams.TLS = false, false }, wants{exchanges: true, http2: true, tcpLogs: true, causes: true}},
		"logs without causes":     {logs, func(c *Config) { c.Causes = false }, wants{tls: true, tcpLogs: true}},
		"logs of handshakes only": {logs, func(c *Config) { c.Causes, c.TCP.Logs = false, false }, wants{tls: true}},
		"nothing of HTTP/2":       {traces, func(c *Config) { c.Streams.HTTP2 = false }, wants{exchanges: true, causes: true}},
		"nothing of TCP":          {metrics, func(c *Config) { c.TCP.MaxRows = 0 }, wants{http2: true, tls: true}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := createDefaultConfig().(*Config)
			test.change(cfg)
			s := cfg.programSettings(test.next)
			assert.Equal(t, test.want, wants{s.Exchanges, s.HTTP2, s.TLS, s.TCPRows > 0, s.TCPLogs, s.Causes})
		})
	}
}
