// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package budget

import (
	"bytes"
	"fmt"
	"strconv"
)

// Host tells how busy the processors are, by the first line of /proc/stat (proc_stat(5)), in ticks since the host started:
//
//	cpu  user nice system idle iowait irq softirq steal guest guest_nice
//
// The last two are in the first two already. The zero value knows nothing yet. It is used by one goroutine.
type Host struct {
	idle, all uint64
}

// Step takes the contents of that file, or its beginning, and returns the share of all processors that were busy since the last
// step, for whomever; the first step, since the host started.
func (h *Host) Step(stat []byte) (busy float64, err error) {
	line, _, _ := bytes.Cut(stat, []byte("\n"))
	fields := bytes.Fields(line)
	if len(fields) < 9 || string(fields[0]) != "cpu" {
		return 0, fmt.Errorf("read times of processors: want `cpu` and 8 numbers, found %q", line)
	}
	var now Host
	for i, field := range fields[1:9] {
		ticks, err := strconv.ParseUint(string(field), 10, 63)
		if err != nil {
			return 0, fmt.Errorf("read times of processors: %w", err)
		}
		now.all += ticks
		if i == 3 || i == 4 {
			now.idle += ticks
		}
	}
	idle, all := int64(now.idle-h.idle), int64(now.all-h.all)
	*h = now
	if all <= 0 {
		return 0, nil // no tick since then, or the count began anew
	}
	return 1 - min(1, max(0, float64(idle)/float64(all))), nil
}

// Processors counts those of a list like 0-3,8,10-11, as Linux writes it.
func Processors(list []byte) (n int, err error) {
	for ids := range bytes.SplitSeq(bytes.TrimSpace(list), []byte(",")) {
		first, last, found := bytes.Cut(ids, []byte("-"))
		if !found {
			last = first
		}
		from, errFrom := strconv.ParseUint(string(first), 10, 31)
		to, errTo := strconv.ParseUint(string(last), 10, 31)
		if errFrom != nil || errTo != nil || to < from {
			return 0, fmt.Errorf("read list of processors: want numbers and ranges, found %q", list)
		}
		n += int(to-from) + 1
	}
	return n, nil
}
