// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// authority signs the certificates of a test.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{}
	a.certificate, a.key = a.sign(t, &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	})
	return a
}

// sign makes a key and its certificate, valid for an hour; the first of an authority signs itself.
func (a *authority) sign(t *testing.T, template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Minute), time.Now().Add(time.Hour)
	parent, signer := template, key
	if a.key != nil {
		parent, signer = a.certificate, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	require.NoError(t, err)
	certificate, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return certificate, key
}

// pair makes a certificate for 127.0.0.1 that serves either end.
func (a *authority) pair(t *testing.T, serial int64) tls.Certificate {
	t.Helper()
	certificate, key := a.sign(t, &x509.Certificate{
		SerialNumber: big.NewInt(serial), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	})
	return tls.Certificate{Certificate: [][]byte{certificate.Raw}, PrivateKey: key}
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return pool
}

// files writes what the exporter's tls section names.
func (a *authority) files(t *testing.T, pair tls.Certificate) map[string]any {
	t.Helper()
	dir := t.TempDir()
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
		return path
	}
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	require.NoError(t, err)
	return map[string]any{
		"ca_file":   write("ca.pem", "CERTIFICATE", a.certificate.Raw),
		"cert_file": write("cert.pem", "CERTIFICATE", pair.Certificate[0]),
		"key_file":  write("key.pem", "PRIVATE KEY", key),
	}
}

// startSecureCluster starts a broker that asks its clients for a certificate of a.
func startSecureCluster(t *testing.T, a *authority) *kfake.Cluster {
	t.Helper()
	return startCluster(t, kfake.NumBrokers(1), kfake.SeedTopics(2, topic), kfake.TLS(&tls.Config{
		Certificates: []tls.Certificate{a.pair(t, 2)}, ClientCAs: a.pool(),
		ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS12,
	}))
}

func TestEverySpanIsInTheTopicOnceThroughMutualTLS(t *testing.T) {
	const requests = 40
	a := newAuthority(t)
	cluster, client := startSecureCluster(t, a), a.pair(t, 3)
	exp := startExporter(t, settings(cluster.ListenAddrs(), map[string]any{"tls": a.files(t, client)}))
	sendAll(t, exp, requests)
	requireExactlyOnce(t, cluster.ListenAddrs(), requests, kgo.DialTLSConfig(&tls.Config{
		Certificates: []tls.Certificate{client}, RootCAs: a.pool(), MinVersion: tls.VersionTLS12,
	}))
}

func TestAFailedHandshakeSaysWhy(t *testing.T) {
	a, other := newAuthority(t), newAuthority(t)
	for name, test := range map[string]struct {
		tls  map[string]any
		want string
	}{
		"a broker that the authority does not know": {other.files(t, a.pair(t, 4)), "certificate signed by unknown authority"},
		"a client that the broker does not know":    {a.files(t, other.pair(t, 5)), "tls: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := startSecureCluster(t, a)
			exp := startExporter(t, settings(cluster.ListenAddrs(), map[string]any{
				"tls": test.tls, "retry_on_failure": map[string]any{"enabled": false},
			}))
			require.ErrorContains(t, exp.ConsumeTraces(t.Context(), request(0)), test.want)
		})
	}
}
