// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package tcpstats

import (
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/bpfobj"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/event"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/metrics"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/procinfo"
)

const (
	keyErrorType   = string(semconv.ErrorTypeKey)
	keyServerPort  = string(semconv.ServerPortKey)
	keyNetworkType = string(semconv.NetworkTypeKey)
	keyDirection   = string(semconv.NetworkIODirectionKey)

	// keyRole is of the same proposal as the metrics.
	keyRole = "network.tcp.handshake.role"

	prefix = "system.network.tcp."
)

// instruments are what TCP connections are told by.
type instruments struct {
	opened, failed, broken, bytes, retransmits, zeroWindows *metrics.Counter
	handshake, rtt, jitter                                  *metrics.Histogram
}

func newInstruments(store *metrics.Store) instruments {
	bounds := metrics.ExplicitBounds(Bounds()...)
	return instruments{
		opened:      store.Counter(prefix+"connection.successes", "TCP connections established.", "{connection}"),
		failed:      store.Counter(prefix+"connection.failures", "TCP connections that were tried and not established.", "{connection}"),
		broken:      store.Counter(prefix+"connection.aborts", "Established TCP connections that did not end in order.", "{connection}"),
		bytes:       store.Counter(prefix+"io", "Payload received, and sent and acknowledged.", "By"),
		retransmits: store.Counter(prefix+"retransmits", "TCP segments sent again.", "{segment}"),
		zeroWindows: store.Counter(prefix+"zero_windows", "TCP segments whose sender has no room to receive.", "{segment}"),
		handshake:   store.Histogram(prefix+"handshake.duration", "Handshakes: from connect to established, or from SYN-ACK to ACK.", bounds),
		rtt:         store.Histogram(prefix+"rtt.duration", "Smoothed round-trip time, at the end of every 15 ms in which there were samples.", bounds),
		jitter:      store.Histogram(prefix+"rtt.jitter", "Difference of the longest and shortest round trip within 15 ms.", bounds),
	}
}

// add adds the difference of two states of the row of key. A nil process is that of what found no room.
func (i *instruments) add(process *procinfo.Process, key bpfobj.TCPKey, before, after *bpfobj.TCPRow) {
	var a metrics.Attributes
	count := func(counter *metrics.Counter, from, to uint64, attribute, value string) {
		if to == from {
			return
		}
		describe(&a, key)
		a.Text(attribute, value)
		counter.Add(process, &a, int64(to-from))
	}
	count(i.opened, before.Opened, after.Opened, "", "")
	for cause, why := range failures() {
		if cause != event.TimedOut {
			count(i.failed, before.Ends[cause], after.Ends[cause], keyErrorType, why)
		}
	}
	count(i.failed, before.Unestablished, after.Unestablished, keyErrorType, "timeout")
	count(i.broken, before.Ends[event.TimedOut]-before.Unestablished, after.Ends[event.TimedOut]-after.Unestablished, keyErrorType, "timeout")
	count(i.broken, before.Ends[event.ResetByPeer], after.Ends[event.ResetByPeer], keyErrorType, "reset_by_peer")
	count(i.broken, before.Ends[event.ResetByHost], after.Ends[event.ResetByHost], keyErrorType, "reset_by_host")
	count(i.bytes, before.Received, after.Received, keyDirection, "receive")
	count(i.bytes, before.Sent, after.Sent, keyDirection, "transmit")
	count(i.retransmits, before.Retransmits, after.Retransmits, "", "")
	count(i.zeroWindows, before.ZeroWindows[0], after.ZeroWindows[0], keyDirection, "receive")
	count(i.zeroWindows, before.ZeroWindows[1], after.ZeroWindows[1], keyDirection, "transmit")
	describe(&a, key)
	record(i.handshake, process, &a, &before.Handshake, &after.Handshake)
	record(i.rtt, process, &a, &before.Rtt, &after.Rtt)
	record(i.jitter, process, &a, &before.Jitter, &after.Jitter)
}

// describe fills a with what all series of a row have.
func describe(a *metrics.Attributes, key bpfobj.TCPKey) {
	a.Reset()
	if key.Side&bpfobj.TCPScaled != 0 {
		a.Scaled()
	}
	switch key.Version {
	case 0:
		a.True("otel.metric.overflow")
		return
	case 4:
		a.Text(keyNetworkType, "ipv4")
	case 6:
		a.Text(keyNetworkType, "ipv6")
	}
	role := "server"
	if key.Side&^bpfobj.TCPScaled == 1 {
		role = "client"
	}
	a.Text(keyRole, role)
	a.Number(keyServerPort, int64(key.Port))
}

// record adds the difference of two states of a histogram.
func record(to *metrics.Histogram, process *procinfo.Process, a *metrics.Attributes, before, after *bpfobj.TCPHistogram) {
	if *before == *after {
		return
	}
	counts := make([]int64, bpfobj.TCPBuckets)
	for bucket := range counts {
		counts[bucket] = int64(after.Buckets[bucket] - before.Buckets[bucket])
	}
	to.Add(process, a, counts, int64(after.SumUs-before.SumUs)*1000)
}
