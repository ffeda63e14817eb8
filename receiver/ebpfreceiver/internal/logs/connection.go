// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package logs

import (
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"

	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/cause"
	"github.com/otelcol-risk/otelcol-risk/receiver/ebpfreceiver/internal/event"
)

const (
	keyErrorType    = string(semconv.ErrorTypeKey)
	keyLocalAddress = string(semconv.NetworkLocalAddressKey)
	keyLocalPort    = string(semconv.NetworkLocalPortKey)
	keyPeerAddress  = string(semconv.NetworkPeerAddressKey)
	keyPeerPort     = string(semconv.NetworkPeerPortKey)
	keyTransport    = string(semconv.NetworkTransportKey)
	keyNetworkType  = string(semconv.NetworkTypeKey)

	// The conventions have no names for these; docs/attributes.md says what they mean.
	keyRole        = "network.tcp.handshake.role"
	keyEstablished = "network.tcp.established"
	keyDuration    = "network.tcp.connection.duration"
	keyReceived    = "network.tcp.bytes.received"
	keySent        = "network.tcp.bytes.sent"
	keyRetransmits = "network.tcp.retransmits"
	keySRTT        = "network.tcp.rtt.duration"
)

// The names of events about TCP connections.
const (
	// EventConnectionFailed is a connection that was tried and not established.
	EventConnectionFailed = "network.tcp.connection.failed"
	// EventConnectionAborted is an established connection that did not end in order.
	EventConnectionAborted = "network.tcp.connection.aborted"
)

// CauseName returns the value of error.type for a cause.
func CauseName(why event.Cause) string {
	switch why {
	case event.Refused:
		return "connection_refused"
	case event.TimedOut:
		return "timeout"
	case event.Unreachable:
		return "unreachable"
	case event.Cancelled:
		return cause.Cancelled
	case event.ResetByPeer:
		return "reset_by_peer"
	case event.ResetByHost:
		return "reset_by_host"
	}
	return ""
}

// Connection returns what fills a record with a TCP connection that ended badly; ended is when, in Unix ns.
func Connection(c *event.Connection, ended int64) func(plog.LogRecord) {
	return func(r plog.LogRecord) {
		r.SetTimestamp(pcommon.Timestamp(ended))
		r.SetObservedTimestamp(pcommon.NewTimestampFromTime(time.Now()))
		describeOutcome(r, c)
		a := r.Attributes()
		a.EnsureCapacity(14)
		a.PutStr(keyErrorType, CauseName(c.Cause))
		a.PutStr(keyTransport, "tcp")
		a.PutStr(keyNetworkType, "ipv4")
		if c.Peer.Addr().Is6() {
			a.PutStr(keyNetworkType, "ipv6")
		}
		a.PutStr(keyRole, "server")
		if c.Client {
			a.PutStr(keyRole, "client")
		}
		if c.Local.Port() != 0 { // one that was never established may have none any more
			a.PutStr(keyLocalAddress, c.Local.Addr().WithZone("").String())
			a.PutInt(keyLocalPort, int64(c.Local.Port()))
		}
		a.PutStr(keyPeerAddress, c.Peer.Addr().WithZone("").String())
		a.PutInt(keyPeerPort, int64(c.Peer.Port()))
		a.PutBool(keyEstablished, c.Established != 0)
		a.PutDouble(keyDuration, time.Duration(c.Time-c.Opened).Seconds())
		a.PutInt(keyRetransmits, int64(c.Retransmits))
		if c.Established != 0 {
			a.PutInt(keyReceived, int64(c.Received))
			a.PutInt(keySent, int64(c.Sent))
		}
		if c.SRTT != 0 {
			a.PutDouble(keySRTT, float64(c.SRTT)/1e6)
		}
	}
}

// describeOutcome writes the event's name, its severity and a sentence. What this host's process decided itself is no fault
// of the network.
func describeOutcome(r plog.LogRecord, c *event.Connection) {
	name, what := EventConnectionFailed, "connecting to "
	if c.Established != 0 {
		name, what = EventConnectionAborted, "connection from "
		if c.Client {
			what = "connection to "
		}
	}
	r.SetEventName(name)
	r.Body().SetStr(what + c.Peer.String() + ": " + sentence(c.Cause))
	if c.Cause == event.Cancelled || c.Cause == event.ResetByHost {
		r.SetSeverityNumber(plog.SeverityNumberInfo)
		r.SetSeverityText("INFO")
		return
	}
	r.SetSeverityNumber(plog.SeverityNumberWarn)
	r.SetSeverityText("WARN")
}

// sentence says a cause.
func sentence(why event.Cause) string {
	switch why {
	case event.Refused:
		return "refused"
	case event.TimedOut:
		return "no answer in time"
	case event.Unreachable:
		return "unreachable"
	case event.Cancelled:
		return "given up before an answer came"
	case event.ResetByPeer:
		return "reset by the peer"
	case event.ResetByHost:
		return "reset by this host"
	}
	return "ended"
}
