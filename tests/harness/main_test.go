// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"go.uber.org/goleak"
)

// childEnv makes the test binary play a child process instead of running tests.
const childEnv = "HARNESS_TEST_CHILD"

func TestMain(m *testing.M) {
	if role := os.Getenv(childEnv); role != "" {
		os.Exit(child(role))
	}
	goleak.VerifyTestMain(m)
}

// child plays a process that behaves as the test wants it to.
func child(role string) int {
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, syscall.SIGTERM)
	switch role {
	case "fails":
		fmt.Fprintln(os.Stderr, "Error: invalid configuration: exporters::kafka: brokers is empty")
		return 3
	case "ready":
		fmt.Fprint(os.Stderr, "info\tEverything is rea")
		fmt.Fprintln(os.Stderr, "dy. Begin running and processing data.")
	case "deaf":
		signal.Ignore(syscall.SIGTERM)
		fmt.Fprintln(os.Stderr, readyMessage)
		select {}
	}
	<-terminated
	return 0
}
