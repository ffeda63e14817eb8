// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/otelcol-risk/otelcol-risk/tests/bench/discard"
	"github.com/otelcol-risk/otelcol-risk/tests/bench/load"
)

// The roles of children. A child speaks JSON over its standard input and output and ends when its input does, so that
// none outlives this process.
const (
	brokerChild   = "broker"
	lateChild     = "late-broker"
	exporterChild = "exporter"
)

// partitionCount is the number of partitions of every topic.
const partitionCount = 6

// late is the latency of the broker that answers late.
const late = 5 * time.Millisecond

// brokerQuestion asks the broker's child for a topic's totals; brokerAnswer is also what it begins with.
type (
	brokerQuestion struct {
		Topic string `json:"topic"`
	}
	brokerAnswer struct {
		Addr   string         `json:"addr"`
		Totals discard.Totals `json:"totals"`
	}
)

// serveBroker is a broker's child: it says its address and answers questions until there are no more.
func serveBroker(in io.Reader, out io.Writer, latency time.Duration) (err error) {
	broker, err := discard.Start(partitionCount, latency)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, broker.Close()) }()
	answers, questions := json.NewEncoder(out), json.NewDecoder(in)
	answer := brokerAnswer{Addr: broker.Addr()}
	for {
		if err := answers.Encode(answer); err != nil {
			return fmt.Errorf("answer: %w", err)
		}
		var question brokerQuestion
		if err := questions.Decode(&question); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read question: %w", err)
		}
		answer.Totals = broker.Take(question.Topic)
	}
}

// runExporter is the exporter's child: it reads a spec, runs it and writes the result.
func runExporter(ctx context.Context, in io.Reader, out io.Writer) error {
	var spec load.Spec
	if err := json.NewDecoder(in).Decode(&spec); err != nil {
		return fmt.Errorf("read spec: %w", err)
	}
	result, err := load.Run(ctx, spec)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(result)
}

// broker is the parent's end of the broker's child.
type broker struct {
	addr      string
	command   *exec.Cmd
	stdin     io.WriteCloser
	questions *json.Encoder
	answers   *json.Decoder
}

// startBroker runs a broker's child in that role. close ends it.
func startBroker(ctx context.Context, role string) (*broker, error) {
	command, err := self(ctx, role)
	if err != nil {
		return nil, err
	}
	stdin, err := command.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start broker: %w", err)
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start broker: %w", err)
	}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("start broker: %w", err)
	}
	b := &broker{
		command: command, stdin: stdin,
		questions: json.NewEncoder(stdin), answers: json.NewDecoder(bufio.NewReader(stdout)),
	}
	var hello brokerAnswer
	if err := b.answers.Decode(&hello); err != nil {
		return nil, errors.Join(fmt.Errorf("read address of broker: %w", err), b.close())
	}
	b.addr = hello.Addr
	return b, nil
}

// take returns what a topic has received since it was last taken.
func (b *broker) take(topic string) (discard.Totals, error) {
	if err := b.questions.Encode(brokerQuestion{Topic: topic}); err != nil {
		return discard.Totals{}, fmt.Errorf("ask broker: %w", err)
	}
	var answer brokerAnswer
	if err := b.answers.Decode(&answer); err != nil {
		return discard.Totals{}, fmt.Errorf("read broker's answer: %w", err)
	}
	return answer.Totals, nil
}

// close ends the child and returns how it ended.
func (b *broker) close() error {
	err := errors.Join(b.stdin.Close(), b.command.Wait())
	if err != nil {
		return fmt.Errorf("end broker: %w", err)
	}
	return nil
}

// exportLimit bounds an exporter's child beyond the time that it measures.
const exportLimit = 30 * time.Second

// export runs the exporter's child.
func export(ctx context.Context, spec load.Spec) (load.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, spec.Warmup+spec.Duration+exportLimit)
	defer cancel()
	command, err := self(ctx, exporterChild)
	if err != nil {
		return load.Result{}, err
	}
	text, err := json.Marshal(spec)
	if err != nil {
		return load.Result{}, fmt.Errorf("write spec: %w", err)
	}
	command.Stdin = bytes.NewReader(text)
	printed, err := command.Output()
	if err != nil {
		return load.Result{}, fmt.Errorf("run %s exporter: %w", spec.Exporter, err)
	}
	var result load.Result
	if err := json.Unmarshal(printed, &result); err != nil {
		return load.Result{}, fmt.Errorf("read result of %s exporter %q: %w", spec.Exporter, printed, err)
	}
	return result, nil
}

// self prepares this program in another role. What it has to say in words goes where ours goes.
func self(ctx context.Context, role string) (*exec.Cmd, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	command := exec.CommandContext(ctx, path, "-child", role)
	command.Stderr = os.Stderr
	return command, nil
}
