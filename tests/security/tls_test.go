// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package security

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
)

// certificate makes a self-signed certificate for 127.0.0.1 that serves either end.
func certificate(t *testing.T, serial int64) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: fmt.Sprintf("peer %d", serial)}, NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// write replaces the files of a certificate and its key.
func write(t *testing.T, dir string, c tls.Certificate) {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	require.NoError(t, err)
	for name, block := range map[string]*pem.Block{
		"cert.pem": {Type: "CERTIFICATE", Bytes: c.Certificate[0]}, "key.pem": {Type: "PRIVATE KEY", Bytes: key},
	} {
		// Renamed, so that nobody reads half a file.
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path+".new", pem.EncodeToMemory(block), 0o600))
		require.NoError(t, os.Rename(path+".new", path))
	}
}

// TestARenewedCertificateIsUsedWithoutARestart shows the broker another certificate once the files have changed.
func TestARenewedCertificateIsUsedWithoutARestart(t *testing.T) {
	server := certificate(t, 1)
	var seen atomic.Int64 // the serial number of the last client
	cluster := startCluster(t, kfake.TLS(&tls.Config{
		Certificates: []tls.Certificate{server}, ClientAuth: tls.RequireAnyClientCert, MinVersion: tls.VersionTLS12,
		VerifyConnection: func(state tls.ConnectionState) error {
			seen.Store(state.PeerCertificates[0].SerialNumber.Int64())
			return nil
		},
	}))
	dir := t.TempDir()
	authority := filepath.Join(dir, "ca.pem")
	require.NoError(t, os.WriteFile(authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate[0]}), 0o600))
	write(t, dir, certificate(t, 2))
	e := start(t, cluster.ListenAddrs(), settings{
		"conn_idle_timeout": "10ms", // so that there are new connections
		"tls": settings{
			"ca_file": authority, "cert_file": filepath.Join(dir, "cert.pem"), "key_file": filepath.Join(dir, "key.pem"),
			"reload_interval": "10ms",
		},
	}, nil)
	require.NoError(t, e.send(t))
	require.Equal(t, int64(2), seen.Load())
	write(t, dir, certificate(t, 3))
	sent := int64(1)
	require.Eventually(t, func() bool {
		// Between the two renames key and certificate do not fit; nothing is sent before both are there.
		if e.send(t) != nil {
			return false
		}
		sent++
		return seen.Load() == 3
	}, 30*time.Second, 30*time.Millisecond)
	requireRecords(t, cluster, sent)
}
