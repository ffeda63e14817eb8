// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package broker

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestBrokerComesBackWithItsTopicsAfterAKillAndLeavesNothing(t *testing.T) {
	started := time.Now()
	b, err := Start(t.Context())
	SkipOrFail(t, err)
	t.Logf("ready after %v", time.Since(started))
	if !b.Own() {
		t.Skip("needs a broker that may be killed: unset KAFKA_BROKERS")
	}
	if err := b.CreateTopic(t.Context(), "kept", 3); err != nil {
		t.Fatal(err)
	}
	pid := b.child.Pid()
	if err := b.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := b.probe(t.Context()); err == nil {
		t.Fatal("a killed broker answers")
	}
	started = time.Now()
	if err := b.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("back after %v", time.Since(started))
	if b.child.Pid() == pid {
		t.Fatal("the same process runs after a kill")
	}
	err = b.CreateTopic(t.Context(), "kept", 3)
	if err == nil || !strings.Contains(err.Error(), "TOPIC_ALREADY_EXISTS") {
		t.Fatalf("topic was lost in the kill: creating it again gave %v", err)
	}
	if err := b.DeleteTopic(t.Context(), "kept"); err != nil {
		t.Fatal(err)
	}
	if err := b.Stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(b.dir); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("the store is still there: %v", err)
	}
}

func TestRestartReportsTheLogOfABrokerThatCannotStart(t *testing.T) {
	b, err := Start(t.Context())
	SkipOrFail(t, err)
	if !b.Own() {
		t.Skip("needs a broker that may be killed: unset KAFKA_BROKERS")
	}
	defer func() {
		if err := b.Stop(); err != nil {
			t.Error(err)
		}
	}()
	if err := b.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(b.dir+"/server.properties", []byte("process.roles=gardener\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	err = b.Restart(t.Context())
	if err == nil || !strings.Contains(err.Error(), "gardener") || !strings.Contains(err.Error(), "the broker ended") {
		t.Fatalf("want an error with the end and the log of the broker, found %v", err)
	}
}

func TestNamedBrokerIsNeitherKilledNorStopped(t *testing.T) {
	b := &Broker{addrs: []string{"127.0.0.1:1"}}
	if b.Kill() == nil || b.Restart(t.Context()) == nil {
		t.Error("a broker that is not ours was killed or restarted")
	}
	if err := b.Stop(); err != nil {
		t.Error(err)
	}
}

func TestStartNamesAnUnreachableBroker(t *testing.T) {
	t.Setenv("KAFKA_BROKERS", "127.0.0.1:1")
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := Start(ctx); err == nil || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Fatalf("want an error that names the address, found %v", err)
	}
}

func TestClusterIDIsNeverTakenForAFlag(t *testing.T) {
	for range 500 {
		if id := clusterID(); len(id) != 22 || id[0] == '-' {
			t.Fatalf("cluster id %q", id)
		}
	}
}
