// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package tls

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const limit = 1 << 14

// authority signs certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pool        *x509.CertPool
}

func newAuthority(tb testing.TB, name string) *authority {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(tb, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(tb, err)
	a := &authority{key: key, pool: x509.NewCertPool()}
	a.certificate, err = x509.ParseCertificate(der)
	require.NoError(tb, err)
	a.pool.AddCert(a.certificate)
	return a
}

// issue makes a certificate that is valid from now on for a while, or has been until a while ago if that is negative.
func (a *authority) issue(tb testing.TB, name string, valid time.Duration) tls.Certificate {
	tb.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(0xabc), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(valid),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, a.key.Public(), a.key)
	require.NoError(tb, err)
	return tls.Certificate{Certificate: [][]byte{der, a.certificate.Raw}, PrivateKey: a.key}
}

// piece is what one end wrote at once.
type piece struct {
	client bool
	bytes  []byte
}

// transcript is what both ends wrote, in order.
type transcript struct {
	mu     sync.Mutex // guards pieces
	pieces []piece
}

// end is one end of a connection that writes down what it sends.
type end struct {
	net.Conn
	transcript *transcript
	client     bool
}

func (e *end) Write(b []byte) (int, error) {
	e.transcript.mu.Lock()
	e.transcript.pieces = append(e.transcript.pieces, piece{e.client, bytes.Clone(b)})
	e.transcript.mu.Unlock()
	return e.Conn.Write(b)
}

// converse makes a connection, has both ends shake hands, lets the server say a word, and returns what they wrote.
func converse(tb testing.TB, client, server *tls.Config) []piece {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(tb, err)
	defer func() { _ = listener.Close() }()
	t := &transcript{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		s := tls.Server(&end{conn, t, false}, server)
		if s.Handshake() == nil {
			_, _ = io.WriteString(s, "welcome")
		}
		_, _ = io.Copy(io.Discard, conn) // a RST would overtake what was sent
	}()
	conn, err := net.Dial("tcp", listener.Addr().String())
	require.NoError(tb, err)
	c := tls.Client(&end{conn, t, true}, client)
	if c.Handshake() == nil {
		_, _ = io.ReadFull(c, make([]byte, len("welcome")))
	}
	require.NoError(tb, conn.Close())
	<-done
	return t.pieces
}

// observe feeds a transcript to an Observer, one time unit a piece.
func observe(pieces []piece) *Observer {
	o := NewObserver(limit, false)
	for i, p := range pieces {
		o.Feed(p.client, int64(i+1), p.bytes)
	}
	return o
}

// peers returns configurations of two ends that trust each other.
func peers(tb testing.TB, version uint16) (client, server *tls.Config, ca *authority) {
	tb.Helper()
	ca = newAuthority(tb, "test CA")
	server = &tls.Config{
		Certificates: []tls.Certificate{ca.issue(tb, "shop.example", time.Hour)}, MaxVersion: version,
		NextProtos: []string{"h2"}, ClientCAs: ca.pool, MinVersion: tls.VersionTLS10,
	}
	client = &tls.Config{
		RootCAs: ca.pool, ServerName: "shop.example", NextProtos: []string{"h2", "http/1.1"}, MinVersion: tls.VersionTLS10,
	}
	return client, server, ca
}

func TestAHandshakeIsRead(t *testing.T) {
	for version, want := range map[uint16]string{tls.VersionTLS12: "1.2", tls.VersionTLS13: "1.3"} {
		client, server, _ := peers(t, version)
		o := observe(converse(t, client, server))
		assert.Equal(t, Done, o.Step)
		assert.Equal(t, None, o.Failure)
		assert.Equal(t, "shop.example", o.Client.ServerName)
		assert.Equal(t, []string{"h2", "http/1.1"}, o.Client.Protocols)
		assert.Equal(t, uint16(tls.VersionTLS13), o.Client.Versions[0])
		assert.Equal(t, want, VersionName(o.Server.Version))
		assert.Contains(t, CipherName(o.Server.Cipher), "TLS_")
		assert.False(t, o.Resumed)
		assert.False(t, o.CertificateRequested)
		assert.EqualValues(t, 1, o.Start)
		assert.Greater(t, o.End, o.Start)
		if version == tls.VersionTLS13 {
			assert.Nil(t, o.ServerChain, "it is encrypted")
			assert.True(t, o.Encrypted())
			continue
		}
		assert.Equal(t, "h2", o.Server.Protocol)
		require.NotNil(t, o.ServerChain)
		assert.Equal(t, "CN=shop.example", o.ServerChain.Subject)
		assert.Equal(t, "CN=test CA", o.ServerChain.Issuer)
		assert.Equal(t, "abc", o.ServerChain.SerialNumber)
		assert.Equal(t, 2, o.ServerChain.Length)
		assert.True(t, o.ServerChain.NotAfter.After(time.Now()))
	}
}

func TestASecondClientHelloIsPartOfTheHandshake(t *testing.T) {
	client, server, _ := peers(t, tls.VersionTLS13)
	server.CurvePreferences = []tls.CurveID{tls.CurveP521}
	o := observe(converse(t, client, server))
	assert.Equal(t, Done, o.Step)
	assert.False(t, o.Server.Retry, "the last ServerHello counts")
}

func TestAResumedSessionHasNoCertificate(t *testing.T) {
	client, server, _ := peers(t, tls.VersionTLS12)
	client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	converse(t, client, server)
	o := observe(converse(t, client, server))
	assert.Equal(t, Done, o.Step)
	assert.True(t, o.Resumed)
	assert.Nil(t, o.ServerChain)
}

func TestFailuresAreRead(t *testing.T) {
	type change func(t *testing.T, client, server *tls.Config, ca *authority)
	expired := func(t *testing.T, _, server *tls.Config, ca *authority) {
		server.Certificates = []tls.Certificate{ca.issue(t, "shop.example", -time.Hour)}
	}
	missing := func(_ *testing.T, _, server *tls.Config, _ *authority) {
		server.ClientAuth = tls.RequireAndVerifyClientCert
	}
	for name, test := range map[string]struct {
		version uint16
		change  change
		step    Step
		client  bool
		alert   string // "": encrypted
	}{
		"expired, 1.2": {tls.VersionTLS12, expired, AfterServerFlight, true, "bad_certificate"},
		"expired, 1.3": {tls.VersionTLS13, expired, AfterServerFlight, true, ""},
		"unknown authority, 1.2": {tls.VersionTLS12, func(t *testing.T, client, _ *tls.Config, _ *authority) {
			client.RootCAs = newAuthority(t, "another CA").pool
		}, AfterServerFlight, true, "bad_certificate"},
		"no client certificate, 1.2": {tls.VersionTLS12, missing, AfterClientFinished, false, "handshake_failure"},
		"no client certificate, 1.3": {tls.VersionTLS13, missing, AfterClientFinished, false, ""},
		"no common version": {tls.VersionTLS12, func(_ *testing.T, client, _ *tls.Config, _ *authority) {
			client.MinVersion = tls.VersionTLS13
		}, AfterClientHello, false, "protocol_version"},
		"no common cipher": {tls.VersionTLS12, func(_ *testing.T, client, server *tls.Config, _ *authority) {
			client.MaxVersion = tls.VersionTLS12
			client.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}
			server.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384}
		}, AfterClientHello, false, "handshake_failure"},
		"no common protocol": {tls.VersionTLS13, func(_ *testing.T, client, _ *tls.Config, _ *authority) {
			client.NextProtos = []string{"spdy/3"}
		}, AfterClientHello, false, "no_application_protocol"},
	} {
		t.Run(name, func(t *testing.T) {
			client, server, ca := peers(t, test.version)
			test.change(t, client, server, ca)
			o := observe(converse(t, client, server))
			assert.Equal(t, Alerted, o.Failure)
			assert.Equal(t, test.step, o.Step)
			assert.Equal(t, test.client, o.FailedClient)
			assert.Equal(t, test.alert == "", o.AlertEncrypted)
			assert.Equal(t, test.alert != "", o.AlertSeen)
			if o.AlertSeen {
				assert.Equal(t, test.alert, AlertName(o.Alert))
			}
			if name == "no client certificate, 1.2" {
				assert.True(t, o.CertificateRequested)
				require.NotNil(t, o.ClientChain)
				assert.Zero(t, o.ClientChain.Length)
			}
		})
	}
}

func TestSomethingElseThanTLSFailsIt(t *testing.T) {
	client, server, _ := peers(t, tls.VersionTLS12)
	hello := converse(t, client, server)[0]
	o := observe([]piece{hello, {false, []byte("HTTP/1.0 400 Bad Request\r\n\r\n")}})
	assert.Equal(t, NotTLS, o.Failure)
	assert.False(t, o.FailedClient)
	assert.Equal(t, AfterClientHello, o.Step)
}

func TestAnEndOfTheConnectionFailsTheHandshake(t *testing.T) {
	client, server, _ := peers(t, tls.VersionTLS12)
	pieces := converse(t, client, server)
	for cut := 1; cut < 4; cut++ {
		o := observe(pieces[:cut])
		assert.True(t, o.Close(false, 99, Closed))
		assert.Equal(t, Closed, o.Failure)
		assert.EqualValues(t, 99, o.End)
	}
	o := observe(pieces)
	assert.False(t, o.Close(true, 99, ResetByPeer), "it had succeeded")
	assert.False(t, NewObserver(limit, false).Close(true, 1, Closed), "there was none")
}

func TestAClientMayCloseOnceItIsDone(t *testing.T) {
	client, server, _ := peers(t, tls.VersionTLS13)
	pieces := converse(t, client, server)
	o := NewObserver(limit, false)
	for i := 0; i < len(pieces) && o.Step < AfterClientFinished; i++ {
		o.Feed(pieces[i].client, int64(i+1), pieces[i].bytes)
	}
	require.Equal(t, AfterClientFinished, o.Step)
	byServer := *o
	assert.False(t, o.Close(true, 99, Closed))
	assert.True(t, byServer.Close(false, 99, Closed))
}

// TestLeavingAtOnceIsNoFailure: a server that sends no tickets answers close_notify by close_notify, both encrypted.
func TestLeavingAtOnceIsNoFailure(t *testing.T) {
	client, server, _ := peers(t, tls.VersionTLS13)
	o := NewObserver(limit, false)
	for i, p := range converse(t, client, server) {
		if o.Step == AfterClientFinished {
			break
		}
		o.Feed(p.client, int64(i+1), p.bytes)
	}
	require.Equal(t, AfterClientFinished, o.Step)
	notify := append([]byte{recordData, 3, 3, 0, 19}, make([]byte, 19)...)
	refused := *o
	o.Feed(true, 50, notify)
	o.Feed(false, 51, notify)
	assert.Equal(t, None, o.Failure)
	refused.Feed(false, 51, notify)
	assert.Equal(t, Alerted, refused.Failure, "the server was the first to say something short")
}

func TestEveryStepAndAlertHasAName(t *testing.T) {
	for s := AfterClientHello; s <= Done; s++ {
		assert.NotEmpty(t, s.String())
	}
	assert.Equal(t, "unknown_ca", AlertName(48))
	assert.Empty(t, AlertName(255))
	assert.Empty(t, VersionName(0x7f12))
	assert.Equal(t, "1.1", VersionName(tls.VersionTLS11))
}
