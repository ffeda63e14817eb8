// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package broker

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// formatLimit bounds the Java program that formats the store; it takes about a second.
const formatLimit = time.Minute

// properties is the configuration of the node, with the two ports and the store directory to fill in.
//
// One replica of everything, because there is one node. A broker that was killed may register again only after its old
// session has ended, so the session is short; it is not shorter because a busy machine delays heartbeats.
const properties = `process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:%[2]d
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:%[1]d,CONTROLLER://127.0.0.1:%[2]d
advertised.listeners=PLAINTEXT://127.0.0.1:%[1]d
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs=%[3]s
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

// format writes server.properties and an empty store under dir and returns the address that clients will use.
func format(ctx context.Context, dir, libs string) (string, error) {
	ports, err := freePorts(2)
	if err != nil {
		return "", err
	}
	config := filepath.Join(dir, "server.properties")
	text := fmt.Sprintf(properties, ports[0], ports[1], filepath.Join(dir, "store"))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return "", fmt.Errorf("write broker configuration: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, formatLimit)
	defer cancel()
	tool := exec.CommandContext(ctx, "java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", filepath.Join(libs, "*"),
		"kafka.tools.StorageTool", "format", "--standalone", "-t", clusterID(), "-c", config)
	if printed, err := tool.CombinedOutput(); err != nil {
		return "", fmt.Errorf("format broker store: %w: %s", err, tail(printed, 1000))
	}
	return fmt.Sprintf("127.0.0.1:%d", ports[0]), nil
}

// clusterID makes a random id of the form that Kafka wants: 16 bytes in unpadded URL-safe base64. The first bit is
// cleared so that the text never starts with "-", which the tool would take for a flag.
func clusterID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // documented never to fail
	id[0] &= 0x7f
	return base64.RawURLEncoding.EncodeToString(id[:])
}

// freePorts asks the kernel for n loopback ports that nobody uses. They are free when this returns, which is no promise
// for later: Start tries again with others if the broker finds one taken.
func freePorts(n int) (ports []uint16, err error) {
	for range n {
		// Listeners stay open until all ports are known, or the same port could be handed out twice.
		listener, listenErr := net.Listen("tcp4", "127.0.0.1:0")
		if listenErr != nil {
			return nil, fmt.Errorf("find free port: %w", listenErr)
		}
		defer func() { err = errors.Join(err, listener.Close()) }()
		ports = append(ports, listener.Addr().(*net.TCPAddr).AddrPort().Port())
	}
	return ports, nil
}
