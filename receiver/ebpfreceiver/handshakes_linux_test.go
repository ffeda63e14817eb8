// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// issuer signs certificates and writes them to files.
type issuer struct {
	folder      string
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	file        string
}

func newIssuer(t *testing.T, name string) *issuer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	i := &issuer{folder: t.TempDir(), key: key}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(48 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	i.certificate, err = x509.ParseCertificate(der)
	require.NoError(t, err)
	i.file = i.write(t, name+".pem", "CERTIFICATE", der)
	return i
}

func (i *issuer) write(t *testing.T, name, kind string, der []byte) string {
	t.Helper()
	file := filepath.Join(i.folder, name)
	require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
	return file
}

// issue writes a certificate for localhost that is valid from and to these times from now, and its key.
func (i *issuer) issue(t *testing.T, name string, from, to time.Duration) (certificate, key string) {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(from), NotAfter: time.Now().Add(to),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, i.certificate, i.key.Public(), i.key)
	require.NoError(t, err)
	private, err := x509.MarshalECPrivateKey(i.key)
	require.NoError(t, err)
	return i.write(t, name+".pem", "CERTIFICATE", der), i.write(t, name+".key", "EC PRIVATE KEY", private)
}

// openssl returns the program.
func openssl(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("needs openssl: apt-get install openssl")
	}
	return path
}

// serve runs openssl s_server until the end of the test and returns its port.
func serve(t *testing.T, arguments ...string) int {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	port := listener.Addr().(*net.TCPAddr).Port
	require.NoError(t, listener.Close())
	server := exec.Command(openssl(t), append([]string{"s_server", "-accept", "127.0.0.1:" + strconv.Itoa(port), "-www"}, arguments...)...)
	require.NoError(t, server.Start())
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait() // killed
	})
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp4", "127.0.0.1:"+strconv.Itoa(port))
		return err == nil && conn.Close() == nil
	}, eventually, often)
	return port
}

// connect runs a client to its end; that it fails is what the tests are about.
func connect(t *testing.T, port int, arguments ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), eventually)
	defer cancel()
	client := exec.CommandContext(ctx, openssl(t), append([]string{"s_client", "-connect", "127.0.0.1:" + strconv.Itoa(port), "-servername", "localhost"}, arguments...)...)
	input, err := client.StdinPipe() // its end would make the client leave before it hears what the server says
	require.NoError(t, err)
	require.NoError(t, client.Start())
	_ = client.Wait()
	_ = input.Close()
}

// In TLS 1.3, OpenSSL's client sends its alert before it begins to encrypt; Go's does not (tls_linux_test.go).
func TestEveryWayInWhichHandshakesOfOpenSSLFail(t *testing.T) {
	const day = 24 * time.Hour
	openssl(t)
	ca, other := newIssuer(t, "ca"), newIssuer(t, "other")
	good, key := ca.issue(t, "good", -day, day)
	expired, _ := ca.issue(t, "expired", -2*day, -day)
	early, _ := ca.issue(t, "early", day, 2*day)
	stranger, strangerKey := other.issue(t, "stranger", -day, day)
	server := func(more ...string) []string { return append([]string{"-key", key}, more...) }
	verify := []string{"-CAfile", ca.file, "-verify_return_error"}
	client := func(more ...string) []string { return append(append([]string{}, verify...), more...) }
	mutual := server("-cert", good, "-CAfile", ca.file, "-Verify", "1", "-verify_return_error")
	encrypted := "encrypted_alert"
	for name, test := range map[string]struct {
		server, client []string
		by, step       string
		alert          string
		requested      any
	}{
		"expired, 1.2":                  {server("-cert", expired), client("-tls1_2"), "client", "server_flight", "certificate_expired", false},
		"expired, 1.3":                  {server("-cert", expired), client("-tls1_3"), "client", "server_flight", "certificate_expired", nil},
		"not yet valid, 1.2":            {server("-cert", early), client("-tls1_2"), "client", "server_flight", "bad_certificate", false},
		"not yet valid, 1.3":            {server("-cert", early), client("-tls1_3"), "client", "server_flight", "bad_certificate", nil},
		"unknown authority, 1.2":        {server("-cert", good), []string{"-CAfile", other.file, "-verify_return_error", "-tls1_2"}, "client", "server_flight", "unknown_ca", false},
		"unknown authority, 1.3":        {server("-cert", good), []string{"-CAfile", other.file, "-verify_return_error", "-tls1_3"}, "client", "server_flight", "unknown_ca", nil},
		"wrong host, 1.2":               {server("-cert", good), client("-tls1_2", "-verify_hostname", "elsewhere"), "client", "server_flight", "bad_certificate", false},
		"wrong host, 1.3":               {server("-cert", good), client("-tls1_3", "-verify_hostname", "elsewhere"), "client", "server_flight", "bad_certificate", nil},
		"no client certificate, 1.2":    {mutual, client("-tls1_2"), "server", "client_finished", "handshake_failure", true},
		"no client certificate, 1.3":    {mutual, client("-tls1_3"), "server", "client_finished", encrypted, nil},
		"wrong client certificate, 1.2": {mutual, client("-tls1_2", "-cert", stranger, "-key", strangerKey), "server", "client_finished", "unknown_ca", true},
		"wrong client certificate, 1.3": {mutual, client("-tls1_3", "-cert", stranger, "-key", strangerKey), "server", "client_finished", encrypted, nil},
		"no common version":             {server("-cert", good, "-tls1_3"), client("-tls1_2"), "server", "client_hello", "protocol_version", nil},
		"no common cipher":              {server("-cert", good, "-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384"), client("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"), "server", "client_hello", "handshake_failure", nil},
	} {
		t.Run(name, func(t *testing.T) {
			port := serve(t, test.server...)
			cfg := createDefaultConfig().(*Config)
			cfg.Filter.Ports.Include = []int{port}
			sink := startLogs(t, cfg)
			connect(t, port, test.client...)
			for _, record := range handshakeLogs(t, sink, 2) {
				assert.Equal(t, test.alert, record["error.type"])
				assert.Equal(t, test.by, record["risk.tls.failed_by"])
				assert.Equal(t, test.step, record["risk.tls.step"])
				assert.Equal(t, test.requested, record["risk.tls.client.certificate.requested"])
				assert.Equal(t, "localhost", record["server.address"])
				assert.EqualValues(t, port, record["server.port"])
				assert.Equal(t, test.alert == encrypted, record["risk.tls.alert.encrypted"] == true)
			}
		})
	}
}

// sayHello begins a handshake on a new connection and returns how it ended. The server accepts the connection before the
// hello is sent, or not before that: the socket then has another owner in the middle of what it says.
func sayHello(t *testing.T, listener net.Listener, late bool, serve func(*net.TCPConn)) error {
	t.Helper()
	said, served := make(chan struct{}), make(chan struct{})
	accept := func() {
		conn, err := listener.Accept()
		if !assert.NoError(t, err) {
			close(served)
			return
		}
		go func() {
			defer close(served)
			<-said
			serve(conn.(*net.TCPConn))
		}()
	}
	conn, err := net.Dial("tcp", listener.Addr().String())
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	if !late {
		accept()
	}
	hello := make(chan error, 1)
	go func() {
		hello <- tls.Client(&announcing{Conn: conn, said: said}, &tls.Config{ServerName: "shop.example"}).HandshakeContext(t.Context())
	}()
	<-said
	if late {
		accept()
	}
	<-served
	return <-hello
}

// announcing closes a channel when its first bytes have been sent.
type announcing struct {
	net.Conn
	said chan struct{}
	once sync.Once
}

func (a *announcing) Write(b []byte) (int, error) {
	defer a.once.Do(func() { close(a.said) })
	return a.Conn.Write(b)
}

func TestHandshakesThatAreCutInTheMiddleSayWhereAndByWhom(t *testing.T) {
	for name, test := range map[string]struct {
		end  func(*net.TCPConn)
		want string
	}{
		"closed": {func(c *net.TCPConn) { _, _ = c.Read(make([]byte, 1<<16)); _ = c.Close() }, "connection_closed"},
		"reset":  {func(c *net.TCPConn) { _, _ = c.Read(make([]byte, 1<<16)); _ = c.SetLinger(0); _ = c.Close() }, "connection_reset"},
		"not TLS at all": {func(c *net.TCPConn) {
			_, _ = c.Read(make([]byte, 1<<16))
			_, _ = c.Write([]byte("HTTP/1.0 400 Bad Request\r\n\r\n"))
			_ = c.Close()
		}, "not_tls"},
	} {
		for accepted, late := range map[string]bool{"accepted before": false, "accepted after": true} {
			t.Run(name+", "+accepted, func(t *testing.T) {
				listener, port := plainListener(t)
				cfg := createDefaultConfig().(*Config)
				cfg.Filter.Ports.Include, cfg.CaptureSelf = []int{port}, true
				sink := startLogs(t, cfg)
				require.Error(t, sayHello(t, listener, late, test.end))
				for _, record := range handshakeLogs(t, sink, 2) {
					assert.Equal(t, test.want, record["error.type"])
					assert.Equal(t, "server", record["risk.tls.failed_by"])
					assert.Equal(t, "client_hello", record["risk.tls.step"])
					assert.Equal(t, "shop.example", record["server.address"])
				}
			})
		}
	}
}

func TestAHandshakeWhoseConnectionComesWithTheHelloIsSeenAtBothEnds(t *testing.T) {
	listener := deferring(t)
	cfg := createDefaultConfig().(*Config)
	cfg.Filter.Ports.Include, cfg.CaptureSelf = []int{listener.Addr().(*net.TCPAddr).Port}, true
	sink := startLogs(t, cfg)
	require.Error(t, sayHello(t, listener, true, func(c *net.TCPConn) {
		_, _ = c.Read(make([]byte, 1<<16))
		_ = c.Close()
	}))
	for _, record := range handshakeLogs(t, sink, 2) {
		assert.Equal(t, "connection_closed", record["error.type"])
		assert.Equal(t, "client_hello", record["risk.tls.step"])
		assert.Equal(t, "shop.example", record["server.address"])
	}
}

func TestPlaintextThatIsAnsweredByAnAlertIsAFailedHandshake(t *testing.T) {
	listener, port := plainListener(t)
	cfg := createDefaultConfig().(*Config)
	cfg.Filter.Ports.Include, cfg.CaptureSelf = []int{port}, true
	sink := startLogs(t, cfg)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if conn, err := listener.Accept(); err == nil {
			_, _ = conn.Read(make([]byte, 1<<16))
			_, _ = conn.Write([]byte("\x15\x03\x03\x00\x02\x02\x0a")) // fatal, unexpected_message
			_ = conn.Close()
		}
	}()
	_, err := http.Get("http://" + listener.Addr().String())
	require.Error(t, err)
	<-ended
	for _, record := range handshakeLogs(t, sink, 2) {
		assert.Equal(t, "not_tls", record["error.type"])
		assert.Equal(t, "client", record["risk.tls.failed_by"])
		assert.Equal(t, "unexpected_message", record["risk.tls.alert"])
		assert.NotContains(t, record, "risk.tls.step")
	}
}
