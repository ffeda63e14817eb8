// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package security

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-risk/otelcol-risk/tests/harness"
	"github.com/otelcol-risk/otelcol-risk/tests/kafka/broker"
)

const (
	realm = "TEST.INVALID"
	// service is the broker's principal: the exporter asks for the host that it connects to.
	service = "kafka/127.0.0.1"
)

// kdc is MIT's Kerberos server with a principal for the broker and one for us.
type kdc struct {
	missing error // why there is none
	config  string
	// brokers and ours are files with keys.
	brokers, ours string
}

// kdcConfig is what a server needs; krb5Config what its clients do. To fill in are the address and the folder.
const (
	kdcConfig = `[kdcdefaults]
 kdc_listen = %[1]s
 kdc_tcp_listen = %[1]s
[realms]
 ` + realm + ` = {
  database_name = %[2]s/principal
  key_stash_file = %[2]s/stash
  acl_file = %[2]s/acl
  supported_enctypes = aes256-cts-hmac-sha1-96:normal
 }
[logging]
 default = FILE:%[2]s/kdc.log
 kdc = FILE:%[2]s/kdc.log
`
	krb5Config = `[libdefaults]
 default_realm = ` + realm + `
 dns_lookup_kdc = false
 dns_lookup_realm = false
 udp_preference_limit = 1
[realms]
 ` + realm + ` = {
  kdc = %s
 }
`
)

func startKDC(t *testing.T) *kdc {
	t.Helper()
	for _, program := range []string{"krb5kdc", "kadmin.local"} {
		if err := broker.Program(program, "a Kerberos server", "apt-get install krb5-kdc krb5-admin-server"); err != nil {
			return &kdc{missing: err}
		}
	}
	dir := t.TempDir()
	addrs, err := harness.FreeAddrs(1)
	require.NoError(t, err)
	k := &kdc{config: filepath.Join(dir, "krb5.conf"), brokers: filepath.Join(dir, "broker.keytab"), ours: filepath.Join(dir, "ours.keytab")}
	profile := filepath.Join(dir, "kdc.conf")
	require.NoError(t, os.WriteFile(k.config, fmt.Appendf(nil, krb5Config, addrs[0]), 0o600))
	require.NoError(t, os.WriteFile(profile, fmt.Appendf(nil, kdcConfig, addrs[0], dir), 0o600))
	env := []string{"KRB5_CONFIG=" + k.config, "KRB5_KDC_PROFILE=" + profile}
	run := func(name string, args ...string) {
		command := exec.Command(name, args...)
		command.Env = append(os.Environ(), env...)
		printed, err := command.CombinedOutput()
		require.NoError(t, err, "%s: %s", name, printed)
	}
	run("kdb5_util", "create", "-s", "-r", realm, "-P", "master")
	for _, query := range []string{
		"addprinc -pw " + simple + " " + user, "addprinc -randkey " + service,
		"ktadd -k " + k.brokers + " " + service, "ktadd -norandkey -k " + k.ours + " " + user,
	} {
		run("kadmin.local", "-r", realm, "-q", query)
	}
	server, err := harness.StartProcess(harness.ProcessSpec{Name: "krb5kdc", Path: "krb5kdc", Args: []string{"-n", "-r", realm}, Env: env})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Kill()) })
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp4", addrs[0])
		return err == nil && conn.Close() == nil
	}, 10*time.Second, 20*time.Millisecond)
	return k
}

// describe adds a listener for tickets to a broker.
func (k *kdc) describe(spec *broker.Spec) {
	if k.missing != nil {
		return
	}
	spec.Listeners = append(spec.Listeners, broker.Listener{Name: tickets, Protocol: "SASL_PLAINTEXT"})
	spec.Java = append(spec.Java, "-Djava.security.krb5.conf="+k.config)
	spec.Properties = append(spec.Properties,
		"listener.name.tickets.sasl.enabled.mechanisms=GSSAPI",
		"listener.name.tickets.sasl.kerberos.service.name=kafka",
		fmt.Sprintf("listener.name.tickets.gssapi.sasl.jaas.config=com.sun.security.auth.module.Krb5LoginModule required "+
			"useKeyTab=true storeKey=true keyTab=%q principal=\"%s@%s\";", k.brokers, service, realm))
}

func (b *realBroker) kerberos(t *testing.T) {
	t.Parallel()
	broker.SkipOrFail(t, b.kdc.missing)
	const name = "kerberos"
	b.topic(t, name, nil)
	with := func(more settings) settings {
		all := settings{"service_name": "kafka", "realm": realm, "username": user, "config_file": b.kdc.config}
		for key, value := range more {
			all[key] = value
		}
		return to(name, settings{"auth": settings{"kerberos": all}})
	}
	brokers := []string{b.Addr(tickets)}
	require.NoError(t, start(t, brokers, with(settings{"password": simple}), nil).send(t))
	require.NoError(t, start(t, brokers, with(settings{"use_keytab": true, "keytab_file": b.kdc.ours}), nil).send(t))
	bad := start(t, brokers, with(settings{"password": wrong}), nil)
	err := bad.send(t)
	require.ErrorContains(t, err, "authenticate with GSSAPI: log in as "+user+"@"+realm)
	bad.requireSilence(t, err, wrong, simple)
	b.requireRecords(t, name, 2)
}
