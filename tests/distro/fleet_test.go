// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package distro

import (
	"bytes"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/otelcol-risk/otelcol-risk/tests/harness"
)

// startRedis starts a real Redis that keeps nothing.
func startRedis(t *testing.T, addr string) *harness.Process {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("needs redis-server: apt-get install redis-server")
	}
	_, port, _ := net.SplitHostPort(addr)
	redis, err := harness.StartProcess(harness.ProcessSpec{
		Name: "redis", Path: path, Args: []string{"--bind", "127.0.0.1", "--port", port, "--save", "", "--dir", t.TempDir()},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := redis.Stop(10 * time.Second); err != nil {
			t.Error(err)
		}
	})
	return redis
}

// answer is what the scoring API says.
type answer struct {
	Score    *float64
	Reasons  []string
	Degraded bool
}

// askScore asks once.
func askScore(t *testing.T, addr, question string) (a answer) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{}, Timeout: 20 * time.Second}
	defer client.CloseIdleConnections()
	response, err := client.Post("http://"+addr+"/v1/score", "application/json", strings.NewReader(question))
	if err != nil {
		t.Fatal(err)
	}
	var body bytes.Buffer
	_, err = body.ReadFrom(response.Body)
	_ = response.Body.Close()
	if err != nil || response.StatusCode != http.StatusOK || json.Unmarshal(body.Bytes(), &a) != nil || a.Score == nil {
		t.Fatalf("status %s, body %s, error %v", response.Status, &body, err)
	}
	return a
}

// eventually waits for a condition, for as long as a busy machine may need.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline, ticker := time.After(30*time.Second), time.NewTicker(50*time.Millisecond)
	defer ticker.Stop()
	for !condition() {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("not within 30 s: %s", what)
		}
	}
}

// sightings is what the test adds to the fleet's configuration: since when an address is known, which is in no Redis, so
// only a snapshot can tell it to the next life.
const sightings = `
processors:
  risk:
    features:
      - {name: known_for, type: first_seen, entity: ip, window: 24h}
    rules:
      - {name: known, weight: 0.5, condition: 'Feature("known_for") >= 1'}
`

// TestFleetGatewayAnswersAndRemembers starts what gateway-fleet.yaml adds to the gateway, twice.
func TestFleetGatewayAnswersAndRemembers(t *testing.T) {
	addrs, err := harness.FreeAddrs(7)
	if err != nil {
		t.Fatal(err)
	}
	startRedis(t, addrs[0])
	state := t.TempDir()
	config := filepath.Join(root, "distro", "config")
	over := filepath.Join(t.TempDir(), "sightings.yaml")
	if err := os.WriteFile(over, []byte(sightings), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, life := range []string{"first", "second"} {
		log := filepath.Join(t.TempDir(), life+".log")
		gateway, err := harness.StartCollector(t.Context(), harness.CollectorSpec{
			Binary: binary(t), Config: filepath.Join(config, "gateway.yaml"), Over: []string{filepath.Join(config, "gateway-fleet.yaml"), over},
			Env: []string{
				"REDIS_ADDRESS=" + addrs[0], "SCORE_HTTP_ENDPOINT=" + addrs[1], "SCORE_GRPC_ENDPOINT=" + addrs[2],
				"OTLP_HTTP_ENDPOINT=" + addrs[3], "OTLP_GRPC_ENDPOINT=" + addrs[4], "HEALTH_CHECK_ENDPOINT=" + addrs[5],
				"METRICS_PORT=" + addrs[6][len("127.0.0.1:"):], "STATE_DIRECTORY=" + state,
				"KAFKA_BROKERS=127.0.0.1:1", // nothing is sent
			},
			Log: log,
		})
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "answers that are not degraded", func() bool {
			return !askScore(t, addrs[1], `{"ip": "203.0.113.7", "user": "alice"}`).Degraded
		})
		if life == "first" {
			if a := observe(t, addrs[1], "alice", 1); slices.Contains(a.Reasons, "known") {
				t.Errorf("before anything came: %+v", a)
			}
		} else {
			eventually(t, "the address is known from the first life", func() bool {
				return slices.Contains(askScore(t, addrs[1], `{"ip": "203.0.113.7"}`).Reasons, "known")
			})
		}
		if err := gateway.Stop(20 * time.Second); err != nil {
			t.Fatal(err)
		}
		said, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		if restored := bytes.Contains(said, []byte("restored state")); restored != (life == "second") {
			t.Errorf("%s life: restored is %v:\n%s", life, restored, said)
		}
	}
}
