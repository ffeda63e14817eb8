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
	"strings"
	"time"

	"github.com/otelcol-risk/otelcol-risk/tests/harness"
)

// formatLimit bounds the Java program that formats the store; it takes about a second.
const formatLimit = time.Minute

// properties is the configuration of a node. To fill in are its number, the controllers, the listeners, the addresses that
// clients are told, the protocols, the directory of the store, the number of replicas and how many of them must confirm.
//
// A broker that was killed may register again only after its old session has ended, so the session is short; it is not
// shorter because a busy machine delays heartbeats.
const properties = `process.roles=broker,controller
node.id=%d
controller.quorum.voters=%s
controller.listener.names=CONTROLLER
listeners=%s
advertised.listeners=%s
listener.security.protocol.map=%s
log.dirs=%s
num.partitions=4
default.replication.factor=%[7]d
min.insync.replicas=%[8]d
offsets.topic.replication.factor=%[7]d
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=%[7]d
transaction.state.log.min.isr=%[8]d
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
`

// Names of listeners that every broker has.
const (
	plaintext  = "PLAINTEXT"
	controller = "CONTROLLER"
	proxied    = "PROXIED"
)

// configure chooses addresses for all brokers and writes each one's server.properties.
func configure(brokers []*Broker, spec *Spec) error {
	listeners := append([]Listener{{plaintext, plaintext}, {controller, plaintext}, {proxied, plaintext}}, spec.Listeners...)
	var voters []string
	for _, b := range brokers {
		addrs, err := harness.FreeAddrs(len(listeners)) // Start tries again if somebody takes one before the broker does
		if err != nil {
			return err
		}
		b.listeners = make(map[string]string)
		for i, l := range listeners {
			b.listeners[l.Name] = addrs[i]
		}
		b.addrs = []string{b.listeners[plaintext]}
		voters = append(voters, fmt.Sprintf("%d@%s", b.id, b.listeners[controller]))
	}
	replicas := min(len(brokers), 3)
	for _, b := range brokers {
		listen, tell, protocols := b.describe(listeners, spec.Proxy)
		text := fmt.Sprintf(properties, b.id, strings.Join(voters, ","), listen, tell, protocols, filepath.Join(b.dir, "store"),
			replicas, max(replicas-1, 1)) + strings.Join(append(spec.Properties, ""), "\n")
		if err := os.WriteFile(b.config(), []byte(text), 0o600); err != nil {
			return fmt.Errorf("write broker configuration: %w", err)
		}
	}
	return nil
}

// describe returns the listeners of a broker, those that clients are told, and their protocols, as Kafka wants them.
func (b *Broker) describe(listeners []Listener, proxy string) (listen, tell, protocols string) {
	var all, told, kinds []string
	for _, l := range listeners {
		all = append(all, l.Name+"://"+b.listeners[l.Name])
		kinds = append(kinds, l.Name+":"+l.Protocol)
		switch {
		case l.Name == controller:
		case l.Name == proxied && proxy != "":
			told = append(told, l.Name+"://"+proxy)
		default:
			told = append(told, l.Name+"://"+b.listeners[l.Name])
		}
	}
	return strings.Join(all, ","), strings.Join(told, ","), strings.Join(kinds, ",")
}

func (b *Broker) config() string { return filepath.Join(b.dir, "server.properties") }

// format writes an empty store.
func (b *Broker) format(ctx context.Context, cluster string, further []string) error {
	ctx, cancel := context.WithTimeout(ctx, formatLimit)
	defer cancel()
	args := append([]string{
		"-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", filepath.Join(b.libs, "*"),
		"kafka.tools.StorageTool", "format", "-t", cluster, "-c", b.config(),
	}, further...)
	tool := exec.CommandContext(ctx, "java", args...)
	if printed, err := tool.CombinedOutput(); err != nil {
		return fmt.Errorf("format broker store: %w: %s", err, tail(printed, 1000))
	}
	return nil
}

// clusterID makes a random id of the form that Kafka wants: 16 bytes in unpadded URL-safe base64. The first bit is
// cleared so that the text never starts with "-", which the tool would take for a flag.
func clusterID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // documented never to fail
	id[0] &= 0x7f
	return base64.RawURLEncoding.EncodeToString(id[:])
}
