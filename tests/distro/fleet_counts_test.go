// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package distro

import (
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/otelcol-risk/otelcol-risk/tests/harness"
)

// limits is what the test adds to the fleet's configuration: counts over a window so long that nothing
// leaves it during the test, and rules that tell it.
const limits = `
processors:
  risk:
    features:
      - {name: requests, type: count, entity: ip, window: 24h}
      - {name: users, type: distinct, of: user, entity: ip, window: 24h}
    rules:
      - {name: over_100, weight: 0.5, condition: 'Feature("requests") > 100'}
      - {name: exactly_115, weight: 0.5, condition: 'Feature("requests") > 114.5 and Feature("requests") < 115.5'}
      - {name: two_users, weight: 0.5, condition: 'Feature("users") > 1.5'}
extensions:
  riskstate:
    redis:
      publish_min: 1
`

// startFleetGateway starts a gateway of the fleet and returns where it answers.
func startFleetGateway(t *testing.T, name, redis, over string) (addr string) {
	t.Helper()
	addrs, err := harness.FreeAddrs(6)
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(root, "distro", "config")
	gateway, err := harness.StartCollector(t.Context(), harness.CollectorSpec{
		Binary: binary(t), Config: filepath.Join(config, "gateway.yaml"), Over: []string{filepath.Join(config, "gateway-fleet.yaml"), over},
		Env: []string{
			"REDIS_ADDRESS=" + redis, "SCORE_HTTP_ENDPOINT=" + addrs[0], "SCORE_GRPC_ENDPOINT=" + addrs[1],
			"OTLP_HTTP_ENDPOINT=" + addrs[2], "OTLP_GRPC_ENDPOINT=" + addrs[3], "HEALTH_CHECK_ENDPOINT=" + addrs[4],
			"METRICS_PORT=" + addrs[5][len("127.0.0.1:"):], "STATE_DIRECTORY=" + t.TempDir(),
			"KAFKA_BROKERS=127.0.0.1:1", // nothing is sent
		},
		Log: filepath.Join(t.TempDir(), name+".log"),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := gateway.Stop(30 * time.Second); err != nil {
			t.Error(err)
		}
	})
	return addrs[0]
}

// observe counts n requests of one address, of one user, at a gateway.
func observe(t *testing.T, addr, user string, n int) (last answer) {
	t.Helper()
	for range n {
		last = askScore(t, addr, `{"ip": "203.0.113.7", "user": "`+user+`", "observe": true}`)
	}
	return last
}

// TestAFleetSharesALimit: more than 100 requests of one address, of which no gateway sees 100. Redis stops and goes on.
// Who published last knows the total; which one that is, is chance.
func TestAFleetSharesALimit(t *testing.T) {
	redisAddrs, err := harness.FreeAddrs(1)
	if err != nil {
		t.Fatal(err)
	}
	over := filepath.Join(t.TempDir(), "limits.yaml")
	if err := os.WriteFile(over, []byte(limits), 0o600); err != nil {
		t.Fatal(err)
	}
	redis := startRedis(t, redisAddrs[0])
	gateways := []string{startFleetGateway(t, "a", redisAddrs[0], over), startFleetGateway(t, "b", redisAddrs[0], over)}
	degraded := func(want bool) func() bool {
		return func() bool {
			return !slices.ContainsFunc(gateways, func(addr string) bool { return askScore(t, addr, `{"ip": "192.0.2.1"}`).Degraded != want })
		}
	}
	oneSays := func(rule string) func() bool {
		return func() bool {
			return slices.ContainsFunc(gateways, func(addr string) bool {
				a := askScore(t, addr, `{"ip": "203.0.113.7"}`)
				return !a.Degraded && slices.Contains(a.Reasons, rule)
			})
		}
	}
	eventually(t, "both reach Redis", degraded(false))
	observe(t, gateways[0], "alice", 95)
	observe(t, gateways[1], "bob", 10)
	eventually(t, "more than 100 of the fleet", oneSays("over_100"))
	eventually(t, "two users of the fleet", oneSays("two_users"))

	if err := syscall.Kill(redis.Pid(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "both say that they are alone", degraded(true))
	for _, gateway := range gateways {
		if a := observe(t, gateway, "alice", 5); !a.Degraded || slices.Contains(a.Reasons, "exactly_115") {
			t.Errorf("alone, %s answers %+v", gateway, a)
		}
	}
	if err := syscall.Kill(redis.Pid(), syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	eventually(t, "both reach Redis again", degraded(false))
	eventually(t, "the exact total", oneSays("exactly_115"))
}
