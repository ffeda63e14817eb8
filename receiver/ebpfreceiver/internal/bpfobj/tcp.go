// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package bpfobj

import (
	"fmt"
	"math"
	"time"

	"github.com/cilium/ebpf"
)

// TCPKey is what TCP connections are counted by; see struct tcp_key in bpf/event.h. The zero key is that of what found no
// room; with TCPScaled in Side, that of what was scaled of it.
type TCPKey = socketTcpKey

// TCPScaled is set in the Side of a key whose row has the round trips of some connections, each as often as it stands for.
const TCPScaled = uint8(socketTcpMarkTCP_SCALED)

// TCPRow is what was counted since the programs were loaded; see struct tcp_row in bpf/event.h. Durations are in
// microseconds.
type TCPRow = socketTcpRow

// TCPHistogram is durations by length.
type TCPHistogram = socketTcpHistogram

// TCPBuckets is how many buckets of a histogram are used: one for each bound and one above.
const TCPBuckets = len(socketTcpHistogram{}.Buckets)/2 + 1

// tcpBounds returns bounds as the programs have them: 16, the missing ones as large as can be.
func tcpBounds(bounds []time.Duration) (us [TCPBuckets - 1]uint32) {
	for i := range us {
		us[i] = math.MaxUint32
		if i < len(bounds) {
			us[i] = uint32(bounds[i] / time.Microsecond)
		}
	}
	return us
}

// putOverflow makes the rows for what finds no room.
func putOverflow(rows *ebpf.Map) error {
	processors, err := ebpf.PossibleCPU()
	if err != nil {
		return fmt.Errorf("count processors: %w", err)
	}
	for _, key := range []TCPKey{{}, {Side: TCPScaled}} {
		if err := rows.Put(&key, make([]TCPRow, processors)); err != nil {
			return fmt.Errorf("make overflow row: %w", err)
		}
	}
	return nil
}

// TCPRows calls visit for every row, summed over processors; the row is valid until visit returns. A row that is made or
// removed meanwhile may be left out, or come twice.
func (o *Objects) TCPRows(visit func(TCPKey, *TCPRow)) error {
	var key TCPKey
	var perCPU []TCPRow
	rows := o.maps.TcpRows.Iterate()
	for rows.Next(&key, &perCPU) {
		var sum TCPRow
		for i := range perCPU {
			addRow(&sum, &perCPU[i])
		}
		visit(key, &sum)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read TCP rows: %w", err)
	}
	return nil
}

// addRow adds what one processor counted.
func addRow(sum, row *TCPRow) {
	sum.OwnedNs = max(sum.OwnedNs, row.OwnedNs)
	sum.Opened += row.Opened
	sum.Received += row.Received
	sum.Sent += row.Sent
	sum.Unestablished += row.Unestablished
	sum.Retransmits += row.Retransmits
	for i, n := range row.Ends {
		sum.Ends[i] += n
	}
	for i, n := range row.ZeroWindows {
		sum.ZeroWindows[i] += n
	}
	for _, pair := range [][2]*socketTcpHistogram{
		{&sum.Handshake, &row.Handshake}, {&sum.Rtt, &row.Rtt}, {&sum.Jitter, &row.Jitter},
	} {
		pair[0].SumUs += pair[1].SumUs
		for i, n := range pair[1].Buckets {
			pair[0].Buckets[i] += n
		}
	}
}

// ForgetTCPRow removes a row. What is counted in it at that very moment is lost.
func (o *Objects) ForgetTCPRow(key TCPKey) error {
	if err := o.maps.TcpRows.Delete(&key); err != nil {
		return fmt.Errorf("remove TCP row: %w", err)
	}
	return nil
}
