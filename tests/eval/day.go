// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"compress/gzip"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// faultWindow is how long after its injection a fault counts.
	faultWindow = 120 * time.Second
	// warmUp is the part of the day's traces, one in so many, that is learned from and not counted.
	warmUp = 5
)

// span is a line of a day.
type span struct {
	id, parent         [8]byte
	service, operation string
	start, end         int64 // unix nanoseconds
}

// trace is the spans of one trace, in the order of their start.
type trace struct {
	id         [16]byte
	spans      []span
	start, end int64
	kind       string // of the fault; empty is normal
	counted    bool   // labelled, and after the warm-up
}

// fault is an injection.
type fault struct {
	at            int64
	service, kind string
}

// day is the traces of a day in the order of their start.
type day struct {
	name   string
	traces []*trace
	kinds  []string
}

// loadFolder loads every day of a folder.
func loadFolder(folder string) ([]*day, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.faults.csv"))
	if err != nil {
		return nil, err
	}
	var days []*day
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".faults.csv")
		d, err := loadDay(folder, name)
		if err != nil {
			return nil, fmt.Errorf("load day %q: %w", name, err)
		}
		days = append(days, d)
	}
	return days, nil
}

func loadDay(folder, name string) (*day, error) {
	faults, err := readFaults(filepath.Join(folder, name+".faults.csv"))
	if err != nil {
		return nil, err
	}
	file, err := os.Open(filepath.Join(folder, name+".csv.gz"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // only read from
	zipped, err := gzip.NewReader(bufio.NewReader(file))
	if err != nil {
		return nil, err
	}
	d := &day{name: name}
	if err := d.read(zipped); err != nil {
		return nil, err
	}
	d.label(faults)
	return d, nil
}

// read reads the spans.
func (d *day) read(r io.Reader) error {
	lines := csv.NewReader(r)
	lines.ReuseRecord = true
	lines.FieldsPerRecord = 7
	byID := map[[16]byte]*trace{}
	names := map[string]string{} // one copy of each
	if _, err := lines.Read(); err != nil {
		return err
	}
	for {
		fields, err := lines.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		id, s, err := parseSpan(fields, names)
		if err != nil {
			line, _ := lines.FieldPos(0)
			return fmt.Errorf("line %d: %w", line, err)
		}
		t := byID[id]
		if t == nil {
			t = &trace{id: id, start: s.start}
			byID[id] = t
			d.traces = append(d.traces, t)
		}
		t.spans = append(t.spans, s)
		t.end = max(t.end, s.end)
	}
}

func parseSpan(fields []string, names map[string]string) (id [16]byte, s span, err error) {
	if _, err := hex.Decode(id[:], []byte(fields[0])); err != nil {
		return id, s, fmt.Errorf("parse trace id %q: %w", fields[0], err)
	}
	if _, err := hex.Decode(s.id[:], []byte(fields[1])); err != nil {
		return id, s, fmt.Errorf("parse span id %q: %w", fields[1], err)
	}
	if fields[2] != "root" {
		if _, err := hex.Decode(s.parent[:], []byte(fields[2])); err != nil {
			return id, s, fmt.Errorf("parse parent id %q: %w", fields[2], err)
		}
	}
	s.service, s.operation = intern(names, serviceOf(fields[3])), intern(names, fields[4])
	if s.start, err = strconv.ParseInt(fields[5], 10, 64); err != nil {
		return id, s, fmt.Errorf("parse start: %w", err)
	}
	duration, err := strconv.ParseInt(fields[6], 10, 64)
	if err != nil {
		return id, s, fmt.Errorf("parse duration: %w", err)
	}
	s.end = s.start + duration*int64(time.Microsecond)
	return id, s, nil
}

// serviceOf is a pod's name without its last two parts.
func serviceOf(pod string) string {
	parts := strings.Split(pod, "-")
	return strings.Join(parts[:max(len(parts)-2, 1)], "-")
}

func intern(names map[string]string, s string) string {
	if known, ok := names[s]; ok {
		return known
	}
	s = strings.Clone(s)
	names[s] = s
	return s
}

func readFaults(path string) ([]fault, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // only read from
	lines, err := csv.NewReader(file).ReadAll()
	if err != nil {
		return nil, err
	}
	var faults []fault
	for _, fields := range lines[1:] {
		at, err := strconv.ParseInt(fields[0], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("parse time of injection: %w", err)
		}
		faults = append(faults, fault{at: at, service: fields[2], kind: strings.TrimSpace(fields[3])})
	}
	return faults, nil
}

// label says which traces are counted, and as what.
func (d *day) label(faults []fault) {
	for i, t := range d.traces {
		inside := false
		for _, s := range t.spans {
			for _, f := range faults {
				if s.start < f.at || s.start >= f.at+int64(faultWindow) {
					continue
				}
				inside = true
				if s.service == f.service {
					t.kind = f.kind
				}
			}
		}
		t.counted = i >= len(d.traces)/warmUp && (t.kind != "" || !inside)
		if t.counted && t.kind != "" && !slices.Contains(d.kinds, t.kind) {
			d.kinds = append(d.kinds, t.kind)
		}
	}
	slices.Sort(d.kinds)
}
