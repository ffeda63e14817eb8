// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package redistest

import (
	"context"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// Sentinel is a master with one replica, watched by a sentinel that fails over after half a second.
type Sentinel struct {
	Master, Replica, Sentinel *Server
}

// MasterSet is the name that sentinels know the master by.
const MasterSet = "risk"

// StartSentinel starts the three servers and waits until the replica follows.
func StartSentinel(t testing.TB) *Sentinel {
	t.Helper()
	s := &Sentinel{Master: Start(t)}
	host, port, _ := net.SplitHostPort(s.Master.Addr())
	s.Replica = Start(t, "--replicaof", host, port, "--repl-diskless-sync-delay", "0")
	s.Sentinel = Start(t, "--sentinel")
	s.Sentinel.Do("SENTINEL", "MONITOR", MasterSet, host, port, "1")
	s.Sentinel.Do("SENTINEL", "SET", MasterSet, "down-after-milliseconds", "500")
	s.Sentinel.Do("SENTINEL", "SET", MasterSet, "failover-timeout", "2000")
	Eventually(t, "replica follows", func() bool {
		return strings.Contains(s.Replica.ask("INFO", "replication"), "master_link_status:up") &&
			strings.Contains(s.Master.ask("INFO", "replication"), "state=online") && // else it is sent nothing yet
			strings.Contains(s.Sentinel.ask("INFO", "sentinel"), "slaves=1")
	})
	return s
}

// Promoted waits until the replica has become the master.
func (s *Sentinel) Promoted(t testing.TB) {
	t.Helper()
	Eventually(t, "replica is promoted", func() bool {
		return strings.Contains(s.Replica.ask("INFO", "replication"), "role:master")
	})
}

// StartCluster starts a cluster of masters without replicas and waits until every one knows all slots.
func StartCluster(t testing.TB, masters int) []*Server {
	t.Helper()
	if _, err := exec.LookPath("redis-cli"); err != nil {
		need(t, "redis-cli")
	}
	servers := make([]*Server, masters)
	args := []string{"--cluster", "create"}
	for i := range servers {
		_, bus, _ := net.SplitHostPort(freeAddr(t))
		servers[i] = Start(t, "--cluster-enabled", "yes", "--cluster-port", bus, "--cluster-node-timeout", "1000")
		args = append(args, servers[i].Addr())
	}
	out, err := exec.CommandContext(context.Background(), "redis-cli", append(args, "--cluster-yes")...).CombinedOutput()
	if err != nil {
		t.Fatalf("create cluster: %v\n%s", err, out)
	}
	Eventually(t, "cluster is complete", func() bool {
		for _, s := range servers {
			info := s.ask("CLUSTER", "INFO")
			if !strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, "cluster_known_nodes:"+strconv.Itoa(masters)) {
				return false
			}
		}
		return true
	})
	return servers
}
