// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package protocol

import (
	"bytes"
	"net/netip"
	"slices"
)

// Side tells which end of the connection the observed socket is, by the direction in which requests travel.
type Side uint8

// The two ends.
const (
	// Server is the end that requests arrive at.
	Server Side = iota
	// Client is the end that requests leave from.
	Client
)

// String returns the value of the telemetry attribute `side`.
func (s Side) String() string {
	if s == Client {
		return "client"
	}
	return "server"
}

// Failure tells how an exchange ended that did not end with a whole response.
type Failure uint8

// The ways to fail.
const (
	// None: the response ended as its framing says.
	None Failure = iota
	// Reset: a RST of either end.
	Reset
	// Closed: the connection was closed in order before the response was whole.
	Closed
	// Timeout: no further byte was seen for the configured time, or the kernel gave the connection up.
	Timeout
	// Cancelled: this end's process closed the connection.
	Cancelled
	// NeedsTLS: the server answered with an alert of TLS.
	NeedsTLS
	// streamReset and those behind it: the stream was reset with an error code of HTTP/2.
	streamReset
)

// StreamReset is a stream that one end reset, with that error code (RFC 9113 section 7).
func StreamReset(code uint32) Failure {
	if code >= uint32(len(resetNames)) {
		code = 2 // unknown codes may be taken as INTERNAL_ERROR
	}
	return streamReset + Failure(code)
}

var resetNames = [...]string{
	"no_error", "protocol_error", "internal_error", "flow_control_error", "settings_timeout", "stream_closed",
	"frame_size_error", "refused_stream", "cancel", "compression_error", "connect_error", "enhance_your_calm",
	"inadequate_security", "http_1_1_required",
}

// ErrorType returns the value of the attribute `error.type` that says f; "" for None.
func (f Failure) ErrorType() string {
	switch f {
	case Reset:
		return "connection_reset"
	case Closed:
		return "connection_closed"
	case Timeout:
		return "timeout"
	case Cancelled:
		return "cancelled"
	case NeedsTLS:
		return "tls_required"
	}
	if f >= streamReset {
		return resetNames[f-streamReset]
	}
	return ""
}

// Kind names the protocol of an Exchange, hence which part of it is filled.
type Kind uint8

// The known protocols.
const (
	// HTTP1 is HTTP/1.0 and HTTP/1.1; it fills Exchange.HTTP.
	HTTP1 Kind = iota
	// HTTP2 fills Exchange.HTTP, too.
	HTTP2
	// GRPC fills Exchange.RPC and Exchange.HTTP.
	GRPC
)

// Owner is what the kernel knows about who has a socket: who connected or accepted it, else who made it, or its listener.
type Owner struct {
	// Created is when the socket was made, in CLOCK_MONOTONIC nanoseconds; 0 if it is older than the receiver.
	Created uint64
	// CgroupID is the cgroup v2 id of the socket; 0 if unknown.
	CgroupID uint64
	// PID is the process (thread group) id in the initial PID namespace; 0 if unknown.
	PID uint32
	// Comm is the task's name at that time, padded with zero bytes.
	Comm [16]byte
	// Inherited says that the socket was accepted, that nobody saw by whom, and that all of the above is about who made
	// the listener: the same process, if it has no children.
	Inherited bool
}

// HTTP is the part of an exchange that HTTP of any version fills. A nil slice was not seen.
type HTTP struct {
	// Method is the method as sent, in its own case.
	Method []byte
	// Target is the request target as sent, in any of the four forms of RFC 9112 section 3.2, query included.
	Target []byte
	// Scheme is the scheme that the request names apart from its target, as HTTP/2 does.
	Scheme []byte
	// Host is the value of the Host field, or of the pseudo-header field :authority.
	Host []byte
	// UserAgent is the value of the User-Agent field.
	UserAgent []byte
	// TraceParent and TraceState are the values of the W3C trace context fields, not validated.
	TraceParent, TraceState []byte
	// RequestFields and ResponseFields are the header fields that the configuration names, in the order of the messages.
	RequestFields, ResponseFields []Field
	// B3 is the value of the field of that name, B3TraceID, B3SpanID and B3Sampled those of the separate fields of that
	// propagation (github.com/openzipkin/b3-propagation), not validated.
	B3, B3TraceID, B3SpanID, B3Sampled []byte
	// Status is the status code of the final response; 0 if no status line was seen.
	Status uint16
	// Minor is the version's second number: 0 or 1 for HTTP/1.0 and HTTP/1.1.
	Minor uint8
	// TargetCut says that the request line's end was not seen: Target may be only the beginning of what was sent, and
	// Minor is not known.
	TargetCut bool
}

// Field is a header field.
type Field struct {
	// Name is in lower case, and a constant of the configuration.
	Name string
	// Value is as sent.
	Value []byte
}

// RPC is the part of an exchange that a remote procedure call fills.
type RPC struct {
	// Method is the fully-qualified method; nil if it was not seen.
	Method []byte
	// Status is the status code of gRPC; 0xff if none was seen.
	Status uint8
}

// ID names an exchange at one end of its connection: the kernel's cookie of the socket, and the exchange's number.
type ID struct {
	Cookie uint64
	Number uint32
}

// Identity is what names a span, and says where it belongs.
type Identity struct {
	// Trace is the trace id, Span the span's, Parent its parent's or zero.
	Trace        [16]byte
	Span, Parent [8]byte
	// Flags are a span's flags in OTLP: W3C trace flags, and two bits about the parent.
	Flags uint32
	// State is the tracestate.
	State string
	// Floor is what the trace's randomness, the last 56 bits of Trace, is at least, since the trace was chosen by it.
	Floor uint64
}

// FlagsRemote are the bits of [Identity].Flags that say whether the parent is in another process.
const FlagsRemote = 0x300

// KeyConnectionWeight is the attribute that says how many connections one was followed of: on spans of traces that others began,
// and on log records.
const KeyConnectionWeight = "risk.connection.weight"

// Exchange is one request with its response, seen at one socket.
type Exchange struct {
	// ID is unique on the host as long as it runs.
	ID ID
	// Within is the server's exchange within which a client's was made; zero unless that is certain.
	Within ID
	// Identity is that of the span; nil until it is decided.
	Identity *Identity
	// Links are the spans of calls that failed within a server's exchange.
	Links []Identity
	// Local and Peer are the ends of the connection; IPv4 addresses are IPv4, not mapped.
	Local, Peer netip.AddrPort
	// Start is the first byte of the request, FirstByte that of the response, End the last byte of the response (or
	// the failure), all in Unix nanoseconds as this host's socket saw them; 0 if not observed.
	Start, FirstByte, End int64
	// RequestBytes and ResponseBytes count heads and bodies as they passed the socket.
	RequestBytes, ResponseBytes uint64
	// Threshold says what share of the exchanges was looked at: of 2^56 random values, those that are not below it. 0:
	// all.
	Threshold uint64
	// Scale says what share of the connections was looked at when the exchange began: one of 2^Scale.
	Scale uint8
	// Place tells it from the others of its connection, at both ends alike: the number of its stream on one of HTTP/2, the
	// sequence number of the first byte of a pipelined request; else 0.
	Place uint32
	// Owner made the socket.
	Owner Owner
	// HTTP is filled by every Kind there is.
	HTTP HTTP
	// RPC is filled if Kind is GRPC.
	RPC RPC
	// Side is which end Local is.
	Side Side
	// Alert is the description of the alert of TLS if Failure is NeedsTLS.
	Alert uint8
	// Failure is None unless the response is missing or not whole.
	Failure Failure
	// Kind is the protocol.
	Kind Kind
	// Pipelined says that an exchange of HTTP1 was on a connection with several at once: the kernel has not counted it.
	Pipelined bool
}

// Clone returns a copy that is valid for good.
func (x *Exchange) Clone() *Exchange {
	c := *x
	h := &c.HTTP
	for _, text := range []*[]byte{
		&h.Method, &h.Target, &h.Host, &h.UserAgent, &h.TraceParent, &h.TraceState,
		&h.Scheme, &h.B3, &h.B3TraceID, &h.B3SpanID, &h.B3Sampled, &c.RPC.Method,
	} {
		*text = bytes.Clone(*text)
	}
	for _, fields := range []*[]Field{&h.RequestFields, &h.ResponseFields} {
		*fields = slices.Clone(*fields)
		for i := range *fields {
			(*fields)[i].Value = bytes.Clone((*fields)[i].Value)
		}
	}
	return &c
}
