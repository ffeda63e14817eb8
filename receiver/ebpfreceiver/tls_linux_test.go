// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/plog"
)

// secureShop starts a server that speaks TLS up to a version.
func secureShop(t *testing.T, version uint16) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "hello")
	}))
	server.TLS = &tls.Config{MaxVersion: version}
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

// handshakeLogs waits for n log records of failed handshakes and returns their attributes by the side that they are from.
func handshakeLogs(t *testing.T, sink *consumertest.LogsSink, n int) []map[string]any {
	t.Helper()
	var found []map[string]any
	require.Eventually(t, func() bool {
		found = nil
		for _, logs := range sink.AllLogs() {
			for _, rl := range logs.ResourceLogs().All() {
				for _, r := range rl.ScopeLogs().At(0).LogRecords().All() {
					if r.EventName() == "tls.handshake.failed" {
						assert.Equal(t, plog.SeverityNumberWarn, r.SeverityNumber())
						assert.NotEmpty(t, r.Body().Str())
						found = append(found, r.Attributes().AsRaw())
					}
				}
			}
		}
		return len(found) >= n
	}, eventually, often, "%d log records", n)
	require.Len(t, found, n)
	return found
}

func TestAFailedHandshakeIsLoggedAtBothEnds(t *testing.T) {
	for name, version := range map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13} {
		t.Run(name, func(t *testing.T) {
			server := secureShop(t, version)
			sink := startLogs(t, configFor(server))
			_, err := (&http.Client{Transport: &http.Transport{}}).Get(server.URL) // does not know the certificate's issuer
			require.Error(t, err)
			for _, record := range handshakeLogs(t, sink, 2) {
				assert.Equal(t, "client", record["risk.tls.failed_by"])
				assert.Equal(t, "server_flight", record["risk.tls.step"])
				assert.Equal(t, name, record["tls.protocol.version"])
				assert.Equal(t, false, record["tls.established"])
				assert.Equal(t, []any{"1.3", "1.2"}, record["risk.tls.versions.offered"])
				if version == tls.VersionTLS13 {
					assert.Equal(t, "encrypted_alert", record["error.type"])
					assert.Equal(t, true, record["risk.tls.alert.encrypted"])
					assert.NotContains(t, record, "risk.tls.alert")
					continue
				}
				assert.Equal(t, "bad_certificate", record["error.type"])
				assert.Equal(t, "O=Acme Co", record["tls.server.subject"])
				assert.Equal(t, false, record["risk.tls.client.certificate.requested"])
			}
		})
	}
}

func TestASuccessfulHandshakeIsMeasuredAndNotLogged(t *testing.T) {
	for name, version := range map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13} {
		t.Run(name, func(t *testing.T) {
			server := secureShop(t, version)
			cfg := configFor(server)
			cfg.Metrics.CollectionInterval = time.Hour
			sink := &consumertest.MetricsSink{}
			_, stop := startMetrics(t, cfg, sink)
			for range 3 {
				get(t, server.Client(), server.URL)
				server.Client().CloseIdleConnections()
			}
			stop()
			for _, metric := range []string{"tls.server.handshake.duration", "tls.client.handshake.duration"} {
				points := pointsOf(t, sink, metric)
				require.Len(t, points, 1, metric)
				assert.EqualValues(t, 3, points[0].Count())
				version, _ := points[0].Attributes().Get("tls.protocol.version")
				assert.Equal(t, name, version.Str())
				_, failed := points[0].Attributes().Get("error.type")
				assert.False(t, failed)
				assert.Positive(t, points[0].Sum())
			}
		})
	}
}
