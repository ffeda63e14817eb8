// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskprocessor

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/annotate"
	"github.com/otelcol-risk/otelcol-risk/processor/riskprocessor/internal/metadata"
)

// TestRulePacksOnLogs sends what programs log about attacks, and about everything else.
func TestRulePacksOnLogs(t *testing.T) {
	line := func(text string, severity plog.SeverityNumber) plog.Logs {
		ld := plog.NewLogs()
		rl := ld.ResourceLogs().AppendEmpty()
		rl.Resource().Attributes().PutStr("service.name", "sshd")
		record := rl.ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
		record.Body().SetStr(text)
		record.SetSeverityNumber(severity)
		record.Attributes().PutStr("client.address", "203.0.113.1")
		return ld
	}
	for name, tt := range map[string]struct {
		pack, text string
		times      int
		severity   plog.SeverityNumber
		want       []any
	}{
		"one failed login": {"credential_stuffing", "Failed password for root from 203.0.113.1 port 22 ssh2", 1, 0, []any{"credential_stuffing.failed_login"}},
		"ten of them":      {"credential_stuffing", "Failed password for root from 203.0.113.1 port 22 ssh2", 10, 0, []any{"credential_stuffing.log_guessing", "credential_stuffing.failed_login"}},
		"a login":          {"credential_stuffing", "Accepted publickey for root from 203.0.113.1 port 22 ssh2", 30, 0, nil},
		"a path":           {"scanner", `203.0.113.1 "GET /phpmyadmin/index.php HTTP/1.1" 404`, 1, 0, []any{"scanner.log_line"}},
		"a refusal":        {"scanner", "[error] client denied by server configuration: /srv/private", 1, 0, []any{"scanner.refused"}},
		"a page":           {"scanner", `203.0.113.1 "GET /index.html HTTP/1.1" 200`, 1, 0, nil},
		"errors":           {"error_burst", "cannot write", 40, plog.SeverityNumberError, []any{"error_burst.logs"}},
		"other logs":       {"error_burst", "written", 40, plog.SeverityNumberInfo, nil},
	} {
		t.Run(name, func(t *testing.T) {
			sink := new(consumertest.LogsSink)
			cfg := packConfig(t, tt.pack)
			require.NoError(t, cfg.Validate())
			p, err := NewFactory().CreateLogs(t.Context(), processortest.NewNopSettings(metadata.Type), cfg, sink)
			require.NoError(t, err)
			require.NoError(t, p.Start(t.Context(), componenttest.NewNopHost()))
			defer func() { require.NoError(t, p.Shutdown(t.Context())) }()
			for range tt.times {
				sink.Reset()
				require.NoError(t, p.ConsumeLogs(t.Context(), line(tt.text, tt.severity)))
			}
			var reasons []any
			out := sink.AllLogs()[0].ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Attributes()
			if v, ok := out.Get(annotate.KeyReasons); ok {
				reasons = v.Slice().AsRaw()
			}
			assert.Equal(t, tt.want, reasons)
		})
	}
}
