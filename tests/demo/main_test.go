// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// mainEnv makes the test binary be the demo. Its value is told apart from that of other runs by [runDemo].
const mainEnv = "DEMO_TEST_RUN"

func TestMain(m *testing.M) {
	if os.Getenv(mainEnv) != "" {
		if err := start(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, "demo:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func TestOptionsAreRefusedWithTheirName(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"-duration", "0s"}, "-duration must be positive, found 0s"},
		{[]string{"-input", "kafka"}, `-input must be "ebpf", "otlp" or empty, found "kafka"`},
		{[]string{"-colour"}, "-colour"},
	} {
		if _, err := parse(test.args); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: error is %v, want %q", test.args, err, test.want)
		}
	}
}

func TestDefaultsAreFoundInTheRepository(t *testing.T) {
	o, err := parse([]string{"-collector", "/collector"})
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Base(o.config) != "demo.yaml" || o.binary != "/collector" || o.duration != 30*time.Second {
		t.Errorf("options are %+v", o)
	}
	if _, err := above("no/such/file"); err == nil || !strings.Contains(err.Error(), "make demo") {
		t.Errorf("error is %v", err)
	}
}

func TestWithoutRootTheInputIsOTLP(t *testing.T) {
	for _, test := range []struct {
		input string
		uid   int
		want  string
	}{{"", 1000, inputOTLP}, {inputEBPF, 1000, inputEBPF}, {inputOTLP, 0, inputOTLP}} {
		o := options{input: test.input}
		if err := o.choose(test.uid); err != nil || o.input != test.want {
			t.Errorf("%q as user %d: %q, error %v", test.input, test.uid, o.input, err)
		}
	}
	o := options{}
	if err := o.choose(1000); err != nil || !strings.Contains(o.explained, "needs root") {
		t.Errorf("explained by %q, error %v", o.explained, err)
	}
}

func TestAddressesAreReadAsTheyAreWritten(t *testing.T) {
	addrs := map[string]string{"catalog": "127.0.0.1:1", "payment": "[::1]:2"}
	if got := addresses(formatAddresses(addrs)); len(got) != 2 || got["payment"] != "[::1]:2" {
		t.Errorf("addresses are %v", got)
	}
	if got := addresses(""); len(got) != 0 {
		t.Errorf("addresses are %v", got)
	}
}

func TestEstimateKnowsThatTracesHaveOneFate(t *testing.T) {
	e := estimate{}
	e.add([16]byte{1}, 1)
	e.add([16]byte{1}, 1)
	if sum, deviation := e.total(); sum != 2 || deviation != 0 {
		t.Errorf("without sampling: %v ± %v", sum, deviation)
	}
	e.add([16]byte{2}, 10)
	e.add([16]byte{2}, 10)
	e.add([16]byte{3}, 10)
	sum, deviation := e.total()
	if want := math.Sqrt(4*90 + 90); sum != 32 || math.Abs(deviation-want) > 1e-9 {
		t.Errorf("%v ± %v, want 32 ± %v", sum, deviation, want)
	}
}
