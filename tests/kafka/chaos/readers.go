// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/otelcol-risk/otelcol-risk/tests/kafka/broker"
)

// readLimit bounds one reading of the topic.
const readLimit = 10 * time.Minute

// readWithKcat counts what librdkafka finds. -e ends at the end of all partitions.
func readWithKcat(ctx context.Context, c *broker.Cluster, topic string, spans int) (*tally, error) {
	return count(ctx, spans, "kcat", "-C", "-e", "-q", "-b", strings.Join(c.Addrs(), ","), "-t", topic, "-o", "beginning",
		"-X", "isolation.level=read_committed", "-f", `%s\n`)
}

// readWithConsole counts what Kafka's own console consumer finds. It knows no end, so that it is told how many records
// there are, or else to stop when nothing has come for a while.
func readWithConsole(ctx context.Context, c *broker.Cluster, topic string, records int64, spans int) (*tally, error) {
	return count(ctx, spans, "java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
		"-cp", c.Jars(), "org.apache.kafka.tools.consumer.ConsoleConsumer", "--bootstrap-server", strings.Join(c.Addrs(), ","),
		"--topic", topic, "--from-beginning", "--isolation-level", "read_committed",
		"--max-messages", strconv.FormatInt(records, 10), "--timeout-ms", "60000")
}

// count counts the spans in the lines that a program prints.
func count(ctx context.Context, spans int, program string, args ...string) (*tally, error) {
	ctx, cancel := context.WithTimeout(ctx, readLimit)
	defer cancel()
	command := exec.CommandContext(ctx, program, args...)
	var said bytes.Buffer
	command.Stderr = &said
	printed, err := command.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("read topic with %s: %w", program, err)
	}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("read topic with %s: %w", program, err)
	}
	found := newTally(spans)
	lines := bufio.NewScanner(printed)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if err = countLine(found, lines.Bytes()); err != nil {
			break
		}
	}
	if err = errors.Join(err, lines.Err()); err != nil {
		cancel() // it may wait for us to read on
	}
	if err = errors.Join(err, command.Wait()); err != nil {
		return nil, fmt.Errorf("read topic with %s: %w: %s", program, err, bytes.TrimSpace(said.Bytes()))
	}
	return found, nil
}

// countLine counts the spans of one record. Their ids are all that matters, so the rest of the JSON is not read.
func countLine(found *tally, line []byte) error {
	const (
		mark   = `"spanId":"`
		digits = 16
	)
	rest := line
	for n := 0; ; n++ {
		_, after, more := bytes.Cut(rest, []byte(mark))
		if !more {
			if n == 0 {
				return fmt.Errorf("read a record: no span in %.200q", line)
			}
			return nil
		}
		if len(after) < digits {
			return fmt.Errorf("read a record: cut off in %.200q", line)
		}
		id, err := strconv.ParseUint(string(after[:digits]), 16, 64)
		if err != nil {
			return fmt.Errorf("read a record: %w", err)
		}
		found.add(id - 1)
		rest = after[digits:]
	}
}
