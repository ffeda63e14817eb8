// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

func main() {
	ok, err := report(os.Stdin, os.Stdout, os.Getenv("REQUIRE_ALL") == "1")
	if err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

// report reads a stream as the package comment describes it and prints the result. It tells whether all is well; an
// error means that the stream could not be read to its end or the result not be written.
func report(in io.Reader, out io.Writer, requireAll bool) (bool, error) {
	w := bufio.NewWriter(out)
	s := newSession(w)

	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadString('\n')
		if line != "" {
			s.line(strings.TrimSuffix(line, "\n"))
			// Whoever waits for minutes wants to see each package when it is done.
			if flushErr := w.Flush(); flushErr != nil {
				return false, fmt.Errorf("write report: %w", flushErr)
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return false, fmt.Errorf("read test events: %w", err)
		}
	}

	ok := s.close(requireAll)
	if err := w.Flush(); err != nil {
		return false, fmt.Errorf("write report: %w", err)
	}
	return ok, nil
}
