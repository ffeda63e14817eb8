// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package riskstate

import (
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configtls"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otelcol-risk/otelcol-risk/extension/riskstate/internal/metadata"
	"github.com/otelcol-risk/otelcol-risk/extension/riskstate/internal/redistest"
)

// TestFleetCountsOverTLS: two of a fleet count through a server that asks for certificates; who does not know its
// authority, or brings none, is degraded.
func TestFleetCountsOverTLS(t *testing.T) {
	cert, key := certificate(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	redistest.Start(t, "--tls-port", port, "--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", cert)

	config := func(tls configtls.Config) *Config {
		cfg := fleetConfig(address)
		cfg.Redis.Get().TLS = configoptional.Some(configtls.ClientConfig{Config: tls})
		return cfg
	}
	trusted := configtls.Config{CAFile: cert, CertFile: cert, KeyFile: key}
	a, b := started(t, config(trusted)), started(t, config(trusted))
	inA, inB := shareTally(t, a), shareTally(t, b)
	inA.add(5)
	redistest.Eventually(t, "a's total", func() bool { return inA.fleetTotal() == 5 })
	inB.add(4)
	redistest.Eventually(t, "the fleet's total", func() bool { return inB.fleetTotal() == 9 })
	redistest.Eventually(t, "all is well", func() bool { return !a.Degraded() && !b.Degraded() })

	// Whether the server's alert is read or the end of the connection comes first, TLS 1.3 leaves open.
	for _, tls := range []configtls.Config{{CertFile: cert, KeyFile: key}, {CAFile: cert}} {
		core, logs := observer.New(zap.WarnLevel)
		set := extensiontest.NewNopSettings(metadata.Type)
		set.Logger = zap.New(core)
		c, err := newState(set, config(tls))
		require.NoError(t, err)
		require.NoError(t, c.Start(t.Context(), componenttest.NewNopHost()))
		redistest.Eventually(t, "not of the fleet", func() bool {
			return c.Degraded() && logs.FilterMessageSnippet("cannot reach Redis").Len() > 0
		})
		if tls.CAFile == "" {
			assert.Contains(t, fmt.Sprint(logs.All()[0].ContextMap()["error"]), "unknown authority")
		}
		require.NoError(t, c.Shutdown(t.Context()))
	}
}

// certificate makes a certificate of 127.0.0.1 that is its own authority.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	folder := t.TempDir()
	cert, key = filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("needs openssl: apt-get install openssl")
	}
	out, err := exec.CommandContext(t.Context(), openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
		"-nodes", "-days", "2", "-subj", "/CN=redis", "-addext", "subjectAltName=IP:127.0.0.1", "-out", cert, "-keyout", key).CombinedOutput()
	require.NoError(t, err, string(out))
	return cert, key
}
