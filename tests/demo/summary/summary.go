// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Package summary compares what the demo's own programs counted with what reached Kafka, and prints it.
//
// Every request on the wire has two ends, and each end is one span:
//
//	2 x requests = spans in Kafka + spans sampled out + spans lost
package summary

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-risk/otelcol-risk/tests/demo/tally"
	"github.com/otelcol-risk/otelcol-risk/tests/harness"
)

// Program is one program of the demo and what it counted.
type Program struct {
	Name  string
	Tally tally.Tally
}

// Summary is all that is compared.
type Summary struct {
	// Took is how long the programs ran.
	Took time.Duration
	// Programs are all who sent or answered requests.
	Programs []Program
	// InKafka is how many different spans were read back, Doubled how many came more than once.
	InKafka, Doubled int
	// Estimate is how many spans there were according to those in Kafka and their weights, Deviation its standard
	// deviation.
	Estimate, Deviation float64
	// SampledOut and Losses are what the collector says that it dropped on purpose and lost, by reason.
	SampledOut int
	Losses     map[string]int
}

// Expected returns how many spans there have to be in all.
func (s *Summary) Expected() int { return 2 * int(s.total().Served) }

// Accounted returns how many spans it is known of where they went.
func (s *Summary) Accounted() int { return s.InKafka + s.SampledOut + harness.Total(s.losses()) }

// Check returns what does not agree.
func (s *Summary) Check() error {
	var errs []error
	total := s.total()
	if total.Failed != 0 || total.Sent != total.Served {
		errs = append(errs, fmt.Errorf("requests do not agree: %d sent, %d answered, %d failed", total.Sent, total.Served, total.Failed))
	}
	if total.Served == 0 {
		errs = append(errs, errors.New("no request was answered"))
	}
	if s.Accounted() != s.Expected() {
		errs = append(errs, fmt.Errorf("spans do not agree: %d expected, %d accounted for", s.Expected(), s.Accounted()))
	}
	if s.Doubled != 0 {
		errs = append(errs, fmt.Errorf("%d spans are in Kafka more than once", s.Doubled))
	}
	return errors.Join(errs...)
}

// Print writes the summary for people.
func (s *Summary) Print(out io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\nSummary of %.1f s\n\n", s.Took.Seconds())
	fmt.Fprintf(&b, "  %-34s%10s%10s\n", "requests", "sent", "answered")
	for _, p := range s.Programs {
		fmt.Fprintf(&b, "    %-32s%10s%10s\n", p.Name, count(p.Tally.Sent), count(p.Tally.Served))
	}
	total := s.total()
	fmt.Fprintf(&b, "    %-32s%10d%10d\n\n", "in all", total.Sent, total.Served)
	fmt.Fprintf(&b, "  %-34s%10d\n", "spans: both ends of each request", s.Expected())
	fmt.Fprintf(&b, "    %-32s%10d\n", "in Kafka", s.InKafka)
	fmt.Fprintf(&b, "    %-32s%10d\n", "sampled out", s.SampledOut)
	losses := s.losses()
	fmt.Fprintf(&b, "    %-32s%10d\n", "lost", harness.Total(losses))
	for _, reason := range slices.Sorted(maps.Keys(losses)) {
		fmt.Fprintf(&b, "      %-30s%10d\n", reason, losses[reason])
	}
	fmt.Fprintf(&b, "  %-34s%10.0f ± %.0f\n\n", "estimate from the weights in Kafka", s.Estimate, s.Deviation)
	if err := s.Check(); err != nil {
		fmt.Fprintf(&b, "  THEY DO NOT AGREE: %s\n", strings.ReplaceAll(err.Error(), "\n", "; "))
	} else {
		b.WriteString("  They agree: every span is accounted for.\n")
	}
	if _, err := io.WriteString(out, b.String()); err != nil {
		return fmt.Errorf("print summary: %w", err)
	}
	return nil
}

// count leaves the place of a program that does no such thing empty.
func count(n int64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

func (s *Summary) total() tally.Tally {
	var total tally.Tally
	for _, p := range s.Programs {
		total = total.Add(p.Tally)
	}
	return total
}

// losses adds what the programs could not hand over to what the collector lost.
func (s *Summary) losses() map[string]int {
	losses := maps.Clone(s.Losses)
	if n := s.total().Unexported; n != 0 {
		if losses == nil {
			losses = map[string]int{}
		}
		losses["programs: not exported"] = int(n)
	}
	return losses
}
