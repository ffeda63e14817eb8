// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package broker

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/otelcol-risk/otelcol-risk/tests/harness"
)

// formatLimit bounds the Java program that formats the store; it takes about a second.
const formatLimit = time.Minute

// properties is the configuration of the node. To fill in are the addresses of the broker, of the controller, of the
// listener for a proxy, and of the proxy, and the directory of the store. Clients that come through the proxy are told to
// use its address, others are told the broker's own.
//
// One replica of everything, because there is one node. A broker that was killed may register again only after its old
// session has ended, so the session is short; it is not shorter because a busy machine delays heartbeats.
const properties = `process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=%[2]s
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://%[1]s,CONTROLLER://%[2]s,PROXIED://%[3]s
advertised.listeners=PLAINTEXT://%[1]s,PROXIED://%[4]s
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT
log.dirs=%[5]s
num.partitions=4
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
`

// format writes server.properties and an empty store under dir. It returns the address for clients and the one for the
// proxy to connect to.
func format(ctx context.Context, dir, libs, proxy string) (addr, behind string, err error) {
	addrs, err := harness.FreeAddrs(3) // Start tries again if somebody takes one of them before the broker does
	if err != nil {
		return "", "", err
	}
	if proxy == "" {
		proxy = addrs[2]
	}
	config := filepath.Join(dir, "server.properties")
	text := fmt.Sprintf(properties, addrs[0], addrs[1], addrs[2], proxy, filepath.Join(dir, "store"))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return "", "", fmt.Errorf("write broker configuration: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, formatLimit)
	defer cancel()
	tool := exec.CommandContext(ctx, "java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", filepath.Join(libs, "*"),
		"kafka.tools.StorageTool", "format", "--standalone", "-t", clusterID(), "-c", config)
	if printed, err := tool.CombinedOutput(); err != nil {
		return "", "", fmt.Errorf("format broker store: %w: %s", err, tail(printed, 1000))
	}
	return addrs[0], addrs[2], nil
}

// clusterID makes a random id of the form that Kafka wants: 16 bytes in unpadded URL-safe base64. The first bit is
// cleared so that the text never starts with "-", which the tool would take for a flag.
func clusterID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // documented never to fail
	id[0] &= 0x7f
	return base64.RawURLEncoding.EncodeToString(id[:])
}
