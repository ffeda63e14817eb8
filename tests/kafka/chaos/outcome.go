// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import "fmt"

// outcome is the line of JSON. Everything but kills, restarts and what is named otherwise counts spans.
type outcome struct {
	Kafka    string `json:"kafka"`
	Kills    int    `json:"kills"`
	Restarts int    `json:"restarts"`
	// Sent is how many spans the exporter accepted and confirmed.
	Sent int `json:"sent"`
	// Kcat and Console is how many different spans the readers found.
	Kcat    int `json:"kcat"`
	Console int `json:"console"`
	// Lost and Duplicates are the larger of both readers' numbers.
	Lost       int `json:"lost"`
	Duplicates int `json:"duplicates"`
	// Unknown counts spans that were read but never sent.
	Unknown int `json:"unknown"`
	// Retried counts batches that had to be sent again.
	Retried int64 `json:"retried_batches"`
	// Refused counts requests that the exporter gave up.
	Refused int `json:"refused_requests"`
	// LongestMillis is the longest time that a request waited to be confirmed.
	LongestMillis int64 `json:"longest_send_ms"`
	Seconds       int   `json:"seconds"`
}

// tally is what a reader found.
type tally struct {
	counts  []uint8 // by span, saturated
	unknown int
}

func newTally(spans int) *tally { return &tally{counts: make([]uint8, spans)} }

// add counts a span.
func (t *tally) add(span uint64) {
	if span >= uint64(len(t.counts)) {
		t.unknown++
		return
	}
	if t.counts[span] < 255 {
		t.counts[span]++
	}
}

// sums returns how many different spans were found, how many are missing, and how many records of spans are superfluous.
func (t *tally) sums() (found, lost, duplicates int) {
	for _, n := range t.counts {
		if n == 0 {
			lost++
			continue
		}
		found++
		duplicates += int(n) - 1
	}
	return found, lost, duplicates
}

// take fills in what the readers found.
func (o *outcome) take(kcat, console *tally) {
	var lost, twice [2]int
	o.Kcat, lost[0], twice[0] = kcat.sums()
	o.Console, lost[1], twice[1] = console.sums()
	o.Lost, o.Duplicates = max(lost[0], lost[1]), max(twice[0], twice[1])
	o.Unknown = max(kcat.unknown, console.unknown)
}

// verdict returns an error unless every span is there once.
func (o *outcome) verdict() error {
	if o.Sent == 0 || o.Lost+o.Duplicates+o.Unknown+o.Refused > 0 || o.Kcat != o.Sent || o.Console != o.Sent {
		return fmt.Errorf("of %d spans: %d lost, %d duplicates, %d unknown, %d requests refused",
			o.Sent, o.Lost, o.Duplicates, o.Unknown, o.Refused)
	}
	return nil
}
