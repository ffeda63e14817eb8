// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package broker

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/otelcol-risk/otelcol-risk/tests/harness"
)

// process is one run of the broker's Java program.
type process struct {
	*harness.Process
	// logFile is where both output streams go.
	logFile string
}

// launch starts the broker with the configuration in dir. It does not wait until the broker answers.
func launch(dir, libs string, java []string) (*process, error) {
	logFile := filepath.Join(dir, "broker.log")
	output, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open broker log: %w", err)
	}
	// Short runs on a shared machine: the quick compiler alone, and a collector that needs no threads of its own.
	child, err := harness.StartProcess(harness.ProcessSpec{
		Name: "kafka broker",
		Path: "java",
		Args: append(append([]string{"-Xms64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"}, java...),
			"-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", filepath.Join(libs, "*"),
			"kafka.Kafka", filepath.Join(dir, "server.properties")),
		Stdout: output,
		Stderr: output,
	})
	err = errors.Join(err, output.Close()) // the child has the file open for itself
	if err != nil {
		return nil, err
	}
	return &process{Process: child, logFile: logFile}, nil
}

const (
	// stopLimit bounds an orderly end; a broker needs well below a second for it.
	stopLimit = 20 * time.Second
	// terminated is how a Java program ends that was asked to with SIGTERM: 128 plus the number of the signal.
	terminated = 143
)

// stop ends the child in order, or by force after stopLimit, and returns when it is gone.
func (p *process) stop() error {
	err := p.Stop(stopLimit)
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == terminated {
		return nil
	}
	return err
}

// log returns the end of what the broker wrote, for the message of a failure.
func (p *process) log() []byte {
	written, err := os.ReadFile(p.logFile)
	if err != nil {
		return fmt.Appendf(nil, "read broker log: %v", err)
	}
	return tail(written, 4000)
}
