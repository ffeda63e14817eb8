// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/otelcol-risk/otelcol-risk/tests/bench/load"
)

const (
	// callers is the number of consumers of the exporters' default sending queue.
	callers = 10
	// warmup is run before each measurement: connections, metadata, pools.
	warmup = 200 * time.Millisecond
)

// measured are the medians of one exporter in one case.
type measured struct {
	MBPerSecond float64 `json:"mb_per_s"`
	CPUPerGB    float64 `json:"cpu_s_per_gb"`
	// BytesPerByte is what went over the wire for each byte of uncompressed OTLP.
	BytesPerByte float64 `json:"wire_bytes_per_byte"`
}

// comparison is one case. Contrib and the ratios are absent where contrib's exporter cannot do it.
type comparison struct {
	Ours    measured  `json:"ours"`
	Contrib *measured `json:"contrib,omitempty"`
	// Throughput is ours over contrib's, above 1 is better for us; CPU is ours over contrib's, below 1 is better.
	Throughput float64 `json:"throughput_ratio,omitempty"`
	CPU        float64 `json:"cpu_ratio,omitempty"`
	// Asked is the bar of the case and Met whether the ratios reach it.
	Asked bar  `json:"asked,omitzero"`
	Met   bool `json:"met"`
}

// compareExporters measures all cases.
func compareExporters(ctx context.Context, out io.Writer, o options) (results map[string]comparison, err error) {
	cases := exporterCases(o.filter)
	if len(cases) == 0 {
		return nil, fmt.Errorf("no case contains %q", o.filter)
	}
	prompt, err := startBroker(ctx, brokerChild)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, prompt.close()) }()
	slow, err := startBroker(ctx, lateChild)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, slow.close()) }()
	if err := printLine(out, tableHead); err != nil {
		return nil, err
	}
	results = map[string]comparison{}
	for _, c := range cases {
		broker := prompt
		if c.condition == lateBroker {
			broker = slow
		}
		compared, err := c.compare(ctx, broker, o)
		if err != nil {
			return results, fmt.Errorf("case %s: %w", c.name(), err)
		}
		compared.Asked = c.bar()
		compared.Met = compared.Asked.met(compared)
		results[c.name()] = compared
		if err := printLine(out, compared.row(c.name())); err != nil {
			return results, err
		}
	}
	return results, nil
}

// compare measures one case in pairs. Who is first changes from pair to pair.
func (c exporterCase) compare(ctx context.Context, b *broker, o options) (comparison, error) {
	order := []string{load.Ours, load.Contrib}
	if c.alone {
		order = order[:1]
	}
	samples := map[string][]measured{}
	for range o.pairs {
		for _, exporter := range order {
			m, err := c.measure(ctx, b, o, exporter)
			if err != nil {
				return comparison{}, err
			}
			samples[exporter] = append(samples[exporter], m)
		}
		order[0], order[len(order)-1] = order[len(order)-1], order[0]
	}
	return compared(samples[load.Ours], samples[load.Contrib]), nil
}

// measure runs one exporter once and checks that the broker got what the exporter says it delivered.
func (c exporterCase) measure(ctx context.Context, b *broker, o options, exporter string) (measured, error) {
	topic := exporter + "." + strings.ReplaceAll(c.name(), "/", ".")
	spec := load.Spec{
		Exporter: exporter, Signal: c.signal, Codec: c.codec, Key: c.key, Broker: b.addr, Topic: topic,
		Callers: callers, Linger: o.linger, Warmup: warmup, Duration: o.duration,
	}
	if c.condition == smallPayloads {
		spec.Items, spec.Rate, spec.Callers = smallItems, smallRate, smallCallers
	}
	result, err := export(ctx, spec)
	if err != nil {
		return measured{}, err
	}
	totals, err := b.take(topic)
	if err != nil {
		return measured{}, err
	}
	if totals.Refused != 0 || totals.Records != result.Records {
		return measured{}, fmt.Errorf("%s exporter delivered %d records, the broker has %d and refused %d batches (%s)",
			exporter, result.Records, totals.Records, totals.Refused, totals.Fault)
	}
	return measured{
		MBPerSecond:  result.MBPerSecond(),
		CPUPerGB:     result.CPUPerGB(),
		BytesPerByte: float64(totals.Bytes) / float64(result.Sent),
	}, nil
}

// compared takes the medians; contrib may be empty.
func compared(ours, contrib []measured) comparison {
	c := comparison{Ours: medianOf(ours)}
	if len(contrib) == 0 {
		return c
	}
	theirs := medianOf(contrib)
	c.Contrib = &theirs
	c.Throughput = rounded(c.Ours.MBPerSecond / theirs.MBPerSecond)
	c.CPU = rounded(c.Ours.CPUPerGB / theirs.CPUPerGB)
	return c
}

func medianOf(samples []measured) measured {
	of := func(field func(measured) float64) float64 {
		values := make([]float64, 0, len(samples))
		for _, sample := range samples {
			values = append(values, field(sample))
		}
		return rounded(median(values))
	}
	return measured{
		MBPerSecond:  of(func(m measured) float64 { return m.MBPerSecond }),
		CPUPerGB:     of(func(m measured) float64 { return m.CPUPerGB }),
		BytesPerByte: of(func(m measured) float64 { return m.BytesPerByte }),
	}
}

const tableHead = "exporter case                   ours MB/s  CPU s/GB   contrib MB/s  CPU s/GB   throughput      CPU  as asked"

// row is the line of the table.
func (c comparison) row(name string) string {
	row := fmt.Sprintf("%-30s%11.0f%10.2f", name, c.Ours.MBPerSecond, c.Ours.CPUPerGB)
	if c.Contrib == nil {
		return row + "   (contrib has no such setting)"
	}
	return row + fmt.Sprintf("%15.0f%10.2f%12.2fx%8.2fx%10v", c.Contrib.MBPerSecond, c.Contrib.CPUPerGB, c.Throughput, c.CPU, c.Met)
}

func printLine(out io.Writer, line string) error {
	if _, err := fmt.Fprintln(out, line); err != nil {
		return fmt.Errorf("print table: %w", err)
	}
	return nil
}
