// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package bpfobj

import "fmt"

// Counters are what the programs counted since they were loaded; see enum counter in bpf/event.h.
type Counters struct {
	// Requests is the number of exchanges begun.
	Requests uint64
	// Thinned is the number of exchanges without a record because of the thinning.
	Thinned uint64
	// Rested is the number of packets that were not looked at, because their connection rests.
	Rested uint64
	// Swept is the number of connections whose state was taken away because they were idle.
	Swept uint64
	// RoundTrips is the number of TCP's round trips that were looked at.
	RoundTrips uint64
	// Lost counts exchanges that no record tells of, by reason.
	Lost map[string]uint64
	// Off counts connections that are no longer looked at, by reason.
	Off map[string]uint64
	// Degraded counts what makes records less exact or less timely but loses no exchange, by reason.
	Degraded map[string]uint64
}

// counterName gives a counter the name that it has in the receiver's telemetry.
type counterName struct {
	reason  string
	counter socketCounter
}

func lostReasons() []counterName {
	return []counterName{
		{"ring_full", socketCounterCOUNTER_LOST_RING_FULL},
		{"storage", socketCounterCOUNTER_LOST_STORAGE},
		{"no_status_line", socketCounterCOUNTER_LOST_NO_STATUS_LINE},
		{"pipelined", socketCounterCOUNTER_LOST_PIPELINED},
	}
}

func offReasons() []counterName {
	return []counterName{
		{"unknown_protocol", socketCounterCOUNTER_OFF_UNKNOWN},
		{"port", socketCounterCOUNTER_OFF_PORT},
		{"address", socketCounterCOUNTER_OFF_ADDRESS},
		{"handshake", socketCounterCOUNTER_OFF_HANDSHAKE},
	}
}

func degradedReasons() []counterName {
	return []counterName{
		{"late_ring_full", socketCounterCOUNTER_LATE_RING_FULL},
		{"gap", socketCounterCOUNTER_GAPS},
		{"response_unmatched", socketCounterCOUNTER_RESPONSE_UNMATCHED},
		{"unreadable", socketCounterCOUNTER_UNREADABLE},
		{"tcp_overflow", socketCounterCOUNTER_TCP_OVERFLOW},
		{"tcp_storage", socketCounterCOUNTER_TCP_STORAGE},
		{"tcp_ring_full", socketCounterCOUNTER_TCP_RING_FULL},
		{"stream_ring_full", socketCounterCOUNTER_STREAM_RING_FULL},
		{"stream_cut", socketCounterCOUNTER_STREAM_CUT},
		{"duration_lost", socketCounterCOUNTER_SERIES_LOST},
	}
}

// Counters reads the counters. Safe for concurrent use.
func (o *Objects) Counters() (Counters, error) {
	var sums [socketCounterCOUNTER_MAX]uint64
	for i := range sums {
		var perCPU []uint64
		if err := o.maps.Counters.Lookup(uint32(i), &perCPU); err != nil {
			return Counters{}, fmt.Errorf("read counter %d: %w", i, err)
		}
		for _, n := range perCPU {
			sums[i] += n
		}
	}
	pick := func(names []counterName) map[string]uint64 {
		picked := make(map[string]uint64, len(names))
		for _, name := range names {
			picked[name.reason] = sums[name.counter]
		}
		return picked
	}
	return Counters{
		Requests:   sums[socketCounterCOUNTER_REQUESTS],
		Thinned:    sums[socketCounterCOUNTER_THINNED],
		Rested:     sums[socketCounterCOUNTER_RESTED],
		Swept:      sums[socketCounterCOUNTER_SWEPT],
		RoundTrips: sums[socketCounterCOUNTER_ROUND_TRIPS],
		Lost:       pick(lostReasons()),
		Off:        pick(offReasons()),
		Degraded:   pick(degradedReasons()),
	}, nil
}
