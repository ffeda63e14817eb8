// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package security

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.uber.org/zap"

	"github.com/otelcol-risk/otelcol-risk/tests/kafka/broker"
)

const (
	// simple is a password without characters that have a meaning in Kafka's settings.
	simple = "battery-staple"
	// session is how long the broker lets a client stay that has proven who it is.
	session = 1500 * time.Millisecond
	// most is the size of the largest batch that the topic "small" takes.
	most = 4000
)

// The broker's listeners; it has one for plain text without a password, too.
const (
	secured = "SECURED" // TLS, and any of four mechanisms
	mutual  = "MUTUAL"  // TLS, and a certificate of the client
	timed   = "TIMED"   // sessions end
	tickets = "TICKETS" // Kerberos
	former  = "FORMER"  // PLAIN, and nothing newer
)

// properties are the broker's settings for all listeners but that of Kerberos. To fill in are the files of the broker's own
// certificate and of those that it trusts, the name and the password, and the length of a session.
const properties = `ssl.keystore.type=PEM
ssl.keystore.location=%[1]s
ssl.truststore.type=PEM
ssl.truststore.location=%[2]s
auto.create.topics.enable=false
listener.name.mutual.ssl.client.auth=required
listener.name.secured.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER
listener.name.secured.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_%[3]s="%[4]s";
listener.name.secured.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.secured.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.secured.oauthbearer.sasl.jaas.config=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";
listener.name.former.sasl.enabled.mechanisms=PLAIN
listener.name.former.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_%[3]s="%[4]s";
listener.name.timed.sasl.enabled.mechanisms=SCRAM-SHA-256
listener.name.timed.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.timed.connections.max.reauth.ms=%[5]d`

// realBroker is Apache Kafka with a listener for each way to prove who one is.
type realBroker struct {
	*broker.Broker
	client    *kadm.Client
	authority string // file with the broker's certificate
	known     tls.Certificate
	kdc       *kdc // nil where there is none
}

func startRealBroker(t *testing.T) *realBroker {
	t.Helper()
	b := &realBroker{kdc: startKDC(t), known: certificate(t, 11)}
	dir := t.TempDir()
	server := certificate(t, 10)
	write(t, dir, server)
	read := func(name string) []byte {
		content, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		return content
	}
	chain := read("cert.pem")
	save := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, content, 0o600))
		return path
	}
	keystore := save("keystore.pem", append(read("key.pem"), chain...))
	b.authority = save("authority.pem", chain)
	write(t, dir, b.known)
	truststore := save("truststore.pem", read("cert.pem"))

	spec := broker.Spec{
		Listeners: []broker.Listener{
			{Name: secured, Protocol: "SASL_SSL"},
			{Name: mutual, Protocol: "SSL"},
			{Name: timed, Protocol: "SASL_PLAINTEXT"},
			{Name: former, Protocol: "SASL_PLAINTEXT"},
		},
		Properties: []string{fmt.Sprintf(properties, keystore, truststore, user, simple, session.Milliseconds())},
	}
	for _, mechanism := range []string{"SCRAM-SHA-256", "SCRAM-SHA-512"} {
		spec.Format = append(spec.Format, "--add-scram", fmt.Sprintf("%s=[name=%s,password=%s]", mechanism, user, simple))
	}
	b.kdc.describe(&spec)
	cluster, err := broker.StartCluster(t.Context(), spec)
	broker.SkipOrFail(t, err)
	t.Cleanup(func() { require.NoError(t, cluster.Stop()) })
	b.Broker = cluster.Brokers[0]
	client, err := kgo.NewClient(kgo.SeedBrokers(b.Addrs()...))
	require.NoError(t, err)
	t.Cleanup(client.Close)
	b.client = kadm.NewClient(client)
	return b
}

// topic creates a topic with one partition.
func (b *realBroker) topic(t *testing.T, name string, settings map[string]*string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err := b.client.CreateTopic(ctx, 1, 1, settings, name)
	require.NoError(t, err)
}

// requireRecords fails unless the topic holds so many records.
func (b *realBroker) requireRecords(t *testing.T, name string, want int64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	ends, err := b.client.ListEndOffsets(ctx, name)
	require.NoError(t, err)
	end, known := ends.Lookup(name, 0)
	require.True(t, known)
	require.Equal(t, want, end.Offset)
}

// to are the settings of an exporter that writes to a topic through a listener.
func to(name string, more ...settings) settings {
	all := settings{"logs": settings{"topic": name}}
	for _, m := range more {
		maps.Copy(all, m)
	}
	return all
}

// trusting are the settings for a broker with TLS.
func (b *realBroker) trusting() settings { return settings{"tls": settings{"ca_file": b.authority}} }

// unsecured returns a token that nobody has signed, which Kafka takes unless it is told otherwise.
func unsecured(expires time.Time) string {
	encode := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	return encode(`{"alg":"none"}`) + "." +
		encode(fmt.Sprintf(`{"sub":%q,"iat":%d,"exp":%d}`, user, expires.Add(-time.Hour).Unix(), expires.Unix())) + "."
}

func TestRealKafka(t *testing.T) {
	b := startRealBroker(t)
	t.Run("listeners", func(t *testing.T) { // returns when its parallel subtests have ended, before the broker does
		t.Run("passwords", b.passwords)
		t.Run("several ways", b.severalWays)
		t.Run("tokens", b.tokens)
		t.Run("certificates", b.certificates)
		t.Run("sessions", b.sessions)
		t.Run("wrong protocol", b.wrongProtocol)
		t.Run("topics", b.topics)
		t.Run("kerberos", b.kerberos)
	})
}

func (b *realBroker) passwords(t *testing.T) {
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		t.Run(mechanism, func(t *testing.T) {
			t.Parallel()
			name := "password-" + mechanism
			b.topic(t, name, nil)
			brokers := []string{b.Addr(secured)}
			good := start(t, brokers, to(name, b.trusting(), sasl(mechanism, simple)), nil)
			require.NoError(t, good.send(t))
			good.requireSilence(t, nil, simple)

			bad := start(t, brokers, to(name, b.trusting(), sasl(mechanism, wrong)), nil)
			err := bad.send(t)
			require.ErrorContains(t, err, "authenticate with "+mechanism+": broker answered sasl_authentication_failed (58): Authentication failed")
			bad.requireSilence(t, err, wrong, simple)
			b.requireRecords(t, name, 1)
		})
	}
	t.Run("a mechanism that the broker does not know", func(t *testing.T) {
		t.Parallel()
		err := start(t, []string{b.Addr(timed)}, to("any", sasl("PLAIN", simple)), nil).send(t)
		require.ErrorContains(t, err, "agree on a mechanism for SASL: broker knows SCRAM-SHA-256, not PLAIN")
	})
}

// severalWays: the broker ends a connection on which it was asked for what it does not know, so the second way needs another.
func (b *realBroker) severalWays(t *testing.T) {
	t.Parallel()
	const name = "several-ways"
	b.topic(t, name, nil)
	ways := func(plain string) settings {
		auth := sasl("SCRAM-SHA-512", simple)["auth"].(settings)
		auth["plain_text"] = settings{"username": user, "password": plain}
		return settings{"auth": auth}
	}
	both := start(t, []string{b.Addr(secured)}, to(name, b.trusting(), ways(wrong)), nil)
	require.NoError(t, both.send(t), "a broker that knows the first way hears nothing in plain text")
	second := start(t, []string{b.Addr(former)}, to(name, ways(simple)), nil)
	require.NoError(t, second.send(t))
	b.requireRecords(t, name, 2)
}

func (b *realBroker) tokens(t *testing.T) {
	t.Parallel()
	const name = "tokens"
	b.topic(t, name, nil)
	with := func(expires time.Time) running {
		server := issuerOf(t, func(int) string { return unsecured(expires) })
		return start(t, []string{b.Addr(secured)}, to(name, b.trusting(), bearer()), oauth2client(t, server.URL, "client-secret"))
	}
	valid := time.Now().Add(30 * time.Minute)
	require.NoError(t, with(valid).send(t))
	expired := with(time.Now().Add(-30 * time.Minute))
	err := expired.send(t)
	require.ErrorContains(t, err, `authenticate with OAUTHBEARER: broker refuses the token: {"status":"invalid_token"`)
	expired.requireSilence(t, err, "client-secret", "eyJ")
	b.requireRecords(t, name, 1)
}

func (b *realBroker) certificates(t *testing.T) {
	t.Parallel()
	const name = "certificates"
	b.topic(t, name, nil)
	with := func(c tls.Certificate) settings {
		dir := t.TempDir()
		write(t, dir, c)
		return settings{"tls": settings{
			"ca_file": b.authority, "cert_file": filepath.Join(dir, "cert.pem"), "key_file": filepath.Join(dir, "key.pem"),
		}}
	}
	brokers := []string{b.Addr(mutual)}
	require.NoError(t, start(t, brokers, to(name, with(b.known)), nil).send(t))
	require.ErrorContains(t, start(t, brokers, to(name, with(certificate(t, 12))), nil).send(t), "remote error: tls: ")
	require.ErrorContains(t, start(t, brokers, to(name, b.trusting()), nil).send(t), "remote error: tls: ")
	b.requireRecords(t, name, 1)
}

// sessions sends until several sessions have ended. The broker would have ended them with the connection, and the exporter
// would have warned.
func (b *realBroker) sessions(t *testing.T) {
	t.Parallel()
	const name = "sessions"
	b.topic(t, name, nil)
	e := start(t, []string{b.Addr(timed)}, to(name, sasl("SCRAM-SHA-256", simple)), nil)
	require.NoError(t, e.send(t))
	e.logged.TakeAll() // the broker may just have begun, and say so
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	sent := int64(1)
	for end := time.Now().Add(3 * session); time.Now().Before(end); sent++ {
		require.NoError(t, e.send(t))
		<-ticker.C
	}
	require.Empty(t, e.logged.FilterLevelExact(zap.WarnLevel).All())
	b.requireRecords(t, name, sent)
}

func (b *realBroker) wrongProtocol(t *testing.T) {
	for name, test := range map[string]struct {
		address  string
		settings settings
		want     string
	}{
		"TLS to a plain port":      {b.Addrs()[0], b.trusting(), "shake hands for TLS"},
		"plain text to a TLS port": {b.Addr(mutual), nil, "hung up on the first word, as a peer does that expects TLS"},
		"no password":              {b.Addr(timed), nil, "hung up on the first question, as a broker does that expects `auth`"},
		"a password that nobody asks for": {
			b.Addrs()[0], sasl("PLAIN", simple), "begin SASL: broker does not want to know at this port who we are",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := start(t, []string{test.address}, to("any", test.settings), nil).send(t)
			require.ErrorContains(t, err, test.want)
			require.ErrorContains(t, err, test.address)
		})
	}
}

func (b *realBroker) topics(t *testing.T) {
	t.Run("one that does not exist", func(t *testing.T) {
		t.Parallel()
		err := start(t, b.Addrs(), to("nowhere", settings{"timeout": "500ms"}), nil).send(t)
		require.ErrorContains(t, err, `topic "nowhere"`)
		require.ErrorContains(t, err, "unknown_topic_or_partition")
	})
	t.Run("one that takes little", func(t *testing.T) {
		t.Parallel()
		limit := fmt.Sprint(most)
		b.topic(t, "small", map[string]*string{"max.message.bytes": &limit})
		e := start(t, b.Addrs(), to("small"), nil)
		require.NoError(t, e.send(t))
		ld := plog.NewLogs()
		ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty().Body().SetStr(strings.Repeat("x", 2*most))
		require.ErrorContains(t, e.ConsumeLogs(t.Context(), ld), fmt.Sprintf("do not fit into %d", most))
		b.requireRecords(t, "small", 1)
	})
}
