// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The exit codes of curl that say what it thinks has happened.
const (
	curlNothing = 52 // the server said nothing
	curlSSL     = 35 // the handshake failed
	curlReceive = 56 // the server's alert came when the handshake was over for the client
	curlVerify  = 60 // the server's certificate cannot be trusted
)

// curl runs curl to its end, for which every host is loopback, and returns its exit code.
func curl(t *testing.T, arguments ...string) int {
	t.Helper()
	path, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("needs curl: apt-get install curl")
	}
	ctx, cancel := context.WithTimeout(t.Context(), eventually)
	defer cancel()
	client := exec.CommandContext(ctx, path, append([]string{
		"--silent", "--output", os.DevNull, "--noproxy", "*", "--connect-to", "::127.0.0.1:",
	}, arguments...)...)
	if err := client.Run(); err != nil {
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit)
	}
	return client.ProcessState.ExitCode()
}

// failed is what the log records of a handshake say at both ends; nil: there are none.
type failed struct {
	by, step, alert string
	requested       any
}

// curlCase is one way to fail: a server of OpenSSL, and what curl is told and says.
type curlCase struct {
	name           string
	server, client []string
	url            string
	exit           int
	want           *failed
}

// curlCases returns every way in which curl can fail. What must not be logged comes first: when the others were, it is
// known to be absent.
func curlCases(t *testing.T) []curlCase {
	t.Helper()
	const day = 24 * time.Hour
	ca, other := newIssuer(t, "ca"), newIssuer(t, "other")
	good, key := ca.issue(t, "good", -day, day)
	expired, _ := ca.issue(t, "expired", -2*day, -day)
	early, _ := ca.issue(t, "early", day, 2*day)
	stranger, strangerKey := other.issue(t, "stranger", -day, day)
	server := func(certificate string, more ...string) []string {
		return append([]string{"-key", key, "-cert", certificate}, more...)
	}
	client := func(ca string, more ...string) []string { return append([]string{"--cacert", ca}, more...) }
	mutual := server(good, "-CAfile", ca.file, "-Verify", "1", "-verify_return_error")
	const (
		local     = "https://localhost"
		elsewhere = "https://elsewhere"
		encrypted = "encrypted_alert"
	)
	var cases []curlCase
	add := func(name string, server, client []string, url string, exit int, want *failed) {
		cases = append(cases, curlCase{name, server, client, url, exit, want})
	}
	// curl compares the name when the handshake is over, and then hangs up: no packet says why.
	add("wrong host, 1.2", server(good), client(ca.file, "--tls-max", "1.2"), elsewhere, curlVerify, nil)
	add("wrong host, 1.3", server(good), client(ca.file, "--tlsv1.3"), elsewhere, curlVerify, nil)
	// OpenSSL answers plaintext by closing the connection, which becomes spans with that error.
	add("plaintext", server(good), nil, "http://localhost", curlNothing, nil)
	for _, version := range []struct {
		name      string
		options   []string
		requested any // whether the server asks for a certificate: in the clear up to 1.2
	}{{"1.2", []string{"--tls-max", "1.2"}, false}, {"1.3", []string{"--tlsv1.3"}, nil}} {
		by := func(alert string) *failed { return &failed{"client", "server_flight", alert, version.requested} }
		trusting := client(ca.file, version.options...)
		add("expired, "+version.name, server(expired), trusting, local, curlVerify, by("certificate_expired"))
		add("not yet valid, "+version.name, server(early), trusting, local, curlVerify, by("bad_certificate"))
		add("unknown authority, "+version.name, server(good), client(other.file, version.options...), local, curlVerify, by("unknown_ca"))
	}
	asked := func(alert string) *failed { return &failed{"server", "client_finished", alert, true} }
	hidden := &failed{"server", "client_finished", encrypted, nil}
	wrong := []string{"--cert", stranger, "--key", strangerKey}
	add("no client certificate, 1.2", mutual, client(ca.file, "--tls-max", "1.2"), local, curlSSL, asked("handshake_failure"))
	add("no client certificate, 1.3", mutual, client(ca.file, "--tlsv1.3"), local, curlReceive, hidden)
	add("wrong client certificate, 1.2", mutual, client(ca.file, slices.Concat(wrong, []string{"--tls-max", "1.2"})...), local, curlSSL, asked("unknown_ca"))
	add("wrong client certificate, 1.3", mutual, client(ca.file, slices.Concat(wrong, []string{"--tlsv1.3"})...), local, curlReceive, hidden)
	add("no common version", server(good, "-tls1_3"), client(ca.file, "--tls-max", "1.2"), local, curlSSL,
		&failed{"server", "client_hello", "protocol_version", nil})
	add("no common cipher", server(good, "-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384"),
		client(ca.file, "--tls-max", "1.2", "--ciphers", "ECDHE-ECDSA-AES128-GCM-SHA256"), local, curlSSL,
		&failed{"server", "client_hello", "handshake_failure", nil})
	return cases
}

func TestEveryWayInWhichHandshakesOfCurlFail(t *testing.T) {
	cases := curlCases(t)
	cfg := createDefaultConfig().(*Config)
	want := map[int64]curlCase{}
	ports := make([]int, len(cases))
	failures := 0
	for i, c := range cases {
		ports[i] = serve(t, c.server...)
		want[int64(ports[i])] = c
		if c.want != nil {
			failures++
		}
	}
	cfg.Filter.Ports.Include = ports
	sink := startLogs(t, cfg) // one for all: to load the programs takes longer than all of curl
	for i, c := range cases {
		exit := curl(t, append(c.client, c.url+":"+strconv.Itoa(ports[i]))...)
		assert.Equal(t, c.exit, exit, "what curl says of %s", c.name)
	}
	ends := map[int64]int{}
	for _, record := range handshakeLogs(t, sink, 2*failures) {
		port, _ := record["server.port"].(int64)
		c := want[port]
		require.NotNil(t, c.want, "%s: %v", c.name, record)
		ends[port]++
		assert.Equal(t, c.want.alert, record["error.type"], c.name)
		assert.Equal(t, c.want.by, record["risk.tls.failed_by"], c.name)
		assert.Equal(t, c.want.step, record["risk.tls.step"], c.name)
		assert.Equal(t, c.want.requested, record["risk.tls.client.certificate.requested"], c.name)
		assert.Equal(t, "localhost", record["server.address"], c.name)
		assert.Equal(t, c.want.alert == "encrypted_alert", record["risk.tls.alert.encrypted"] == true, c.name)
	}
	for i, c := range cases {
		if c.want != nil {
			assert.Equal(t, 2, ends[int64(ports[i])], "log records of %s", c.name)
		}
	}
}
