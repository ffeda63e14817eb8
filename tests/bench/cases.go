// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"

	"github.com/otelcol-risk/otelcol-risk/tests/bench/load"
)

// Conditions other than "as fast as it goes, large payloads, a broker that answers at once".
const (
	// lateBroker is a broker that answers after 5 ms. There is one connection to it.
	lateBroker = "5ms"
	// smallPayloads are 10 items a request at 10,000 requests a second.
	smallPayloads = "small"

	smallItems   = 10
	smallRate    = 10_000
	smallCallers = 512 // as many have to wait at once, if each waits for contrib's linger
)

// exporterCase is what is compared: a signal, a codec, a key and a condition, which may be "".
type exporterCase struct {
	signal, codec, key, condition string
	// alone says that contrib's exporter cannot do it.
	alone bool
}

func (c exporterCase) name() string {
	name := c.signal + "/" + c.codec + "/" + c.key
	if c.condition != "" {
		name += "/" + c.condition
	}
	return name
}

// exporterCases returns the cases whose name contains filter.
func exporterCases(filter string) (cases []exporterCase) {
	var all []exporterCase
	for _, signal := range []string{load.Logs, load.Traces} {
		for _, codec := range load.Codecs() {
			for _, key := range []string{load.Plain, load.ByTrace, load.ByResource} {
				all = append(all, exporterCase{signal, codec, key, "", signal == load.Traces && key == load.ByResource})
			}
		}
		for _, condition := range []string{lateBroker, smallPayloads} {
			all = append(all, exporterCase{signal, "none", load.Plain, condition, false})
		}
	}
	for _, c := range all {
		if strings.Contains(c.name(), filter) {
			cases = append(cases, c)
		}
	}
	return cases
}

// bar is what a case was asked to show beside contrib's exporter: at least that ratio of bytes a second, at most that
// ratio of CPU time a byte. Zero asks for nothing.
type bar struct {
	Throughput float64 `json:"throughput_at_least,omitempty"`
	CPU        float64 `json:"cpu_at_most,omitempty"`
}

// bar returns what was asked of the case.
func (c exporterCase) bar() bar {
	switch {
	case c.alone:
		return bar{}
	case c.condition == lateBroker:
		return bar{Throughput: 2}
	case c.condition == smallPayloads:
		return bar{CPU: 0.5}
	case c.codec != "none":
		return bar{Throughput: 1.5}
	case c.key == load.ByTrace:
		return bar{Throughput: 5}
	case c.key == load.ByResource:
		return bar{Throughput: 3}
	default:
		return bar{Throughput: 2, CPU: 0.5}
	}
}

// met tells whether a comparison is what was asked.
func (b bar) met(c comparison) bool {
	return (b.Throughput == 0 || c.Throughput >= b.Throughput) && (b.CPU == 0 || c.CPU <= b.CPU)
}
