// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package operation

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kversion"
)

// selfSigned makes a certificate for 127.0.0.1.
func selfSigned(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
}

// TestErrorsNameTheCause: what an operator reads first must say what is wrong, and with what.
func TestErrorsNameTheCause(t *testing.T) {
	old := kversion.V0_10_2()
	for name, test := range map[string]struct {
		options  []kfake.Opt
		settings settings
		want     []string
	}{
		"unknown topic": {
			nil,
			settings{"logs": map[string]any{"topic": "nowhere"}, "producer": map[string]any{"allow_auto_topic_creation": false}},
			[]string{`topic "nowhere"`, "unknown_topic_or_partition"},
		},
		"TLS to a plain port": {
			nil,
			settings{"tls": map[string]any{"insecure_skip_verify": true}},
			[]string{"connect to broker \"127.0.0.1:", "shake hands for TLS"},
		},
		"plain text to a TLS port": {
			[]kfake.Opt{kfake.TLS(selfSigned(t))},
			nil,
			[]string{"127.0.0.1:", "hung up on the first word, as a peer does that expects TLS"},
		},
		"a broker that is too old": {
			[]kfake.Opt{kfake.MaxVersions(old)},
			nil,
			[]string{"broker is too old: it does not take produce requests of version 3"},
		},
		"nobody there": {
			nil,
			settings{"brokers": []string{"127.0.0.1:1"}},
			[]string{`connect to broker "127.0.0.1:1"`, "connection refused"},
		},
		"a name that does not exist": {
			nil,
			settings{"brokers": []string{"kafka.invalid"}},
			[]string{`connect to broker "kafka.invalid:9092"`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := startCluster(t, test.options...)
			e, _ := start(t, cluster.ListenAddrs(), test.settings, newHost())
			err := e.ConsumeLogs(t.Context(), lines(1))
			for _, want := range test.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
}
