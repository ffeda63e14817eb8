// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package worker runs the demo's programs as processes of their own and speaks with them over their standard streams:
//
//	stdin    nothing; its end means: finish what you began, report, end. It also ends when the demo dies, so that no
//	         program outlives it.
//	stdout   one JSON object a line: {"addr":"127.0.0.1:40001"} once it listens, {"tally":{…}} when it ends
//	stderr   why it failed
//
// [Serve] is the program's side, [Worker] the demo's.
package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/otelcol-risk/otelcol-risk/tests/demo/tally"
)

// message is one line on stdout; one of the fields is set.
type message struct {
	Addr  string       `json:"addr,omitempty"`
	Tally *tally.Tally `json:"tally,omitempty"`
}

// Role is what a program does. It calls ready with the address that it listens on, or "" if on none, works until its
// context ends, and returns what it counted.
type Role func(ctx context.Context, ready func(addr string) error) (tally.Tally, error)

// Serve runs a role until stdin ends and reports on stdout.
func Serve(ctx context.Context, stdin io.Reader, stdout io.Writer, role Role) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		defer cancel()
		// Nothing is ever written to it: whatever ends the copy means that the demo wants us to end, or is gone.
		_, _ = io.Copy(io.Discard, stdin)
	}()

	out := json.NewEncoder(stdout)
	counts, err := role(ctx, func(addr string) error { return send(out, message{Addr: addr}) })
	if err != nil {
		return err
	}
	return send(out, message{Tally: &counts})
}

func send(out *json.Encoder, m message) error {
	if err := out.Encode(m); err != nil {
		return fmt.Errorf("report to the demo: %w", err)
	}
	return nil
}
