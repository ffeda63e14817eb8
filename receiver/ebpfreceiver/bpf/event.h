/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copyright The otelcol-risk Authors */

/* What crosses from the kernel to user space: the records of the ring buffer, the owner tag of a socket and the
 * counters. This is the only header that both sides know. Go's copies are generated from it (bpfobj) or compared with
 * it by a test (event), never kept equal by hand.
 *
 * A record is one struct event. An exchange record is followed by the captured bytes of the request head
 * (request_len) and of the response head (response_len); a response record by response_len bytes at the same place as
 * in an exchange record's struct, see struct event_response. Times are CLOCK_MONOTONIC nanoseconds. Addresses are
 * IPv6, IPv4 ones are mapped (::ffff:a.b.c.d), in network byte order; ports are in host byte order.
 */
#ifndef OTELCOL_RISK_EVENT_H
#define OTELCOL_RISK_EVENT_H

#define REQUEST_CAPACITY 480 /* bytes of a request head kept in the socket's storage */
#define RESPONSE_CAPACITY 256 /* bytes of a response head that are captured */

/* Kinds of records. Values are never reused. */
enum event_kind {
	EVENT_EXCHANGE = 1, /* a request and the first bytes of its response, or its end without one */
	EVENT_RESPONSE = 2, /* another status line on the same exchange, after an interim (1xx) response */
	EVENT_PROGRESS = 3, /* more bytes of the response: it may be complete now */
	EVENT_END = 4, /* the connection ended after the response had begun */
	EVENT_STREAM_OPEN = 16, /* who talks to whom on a stream that follows: struct event_exchange, without heads */
	EVENT_STREAM = 17, /* frames of a stream */
	EVENT_STREAM_END = 18, /* the stream's connection ended */
	EVENT_PROCESS = 20, /* a process made a TCP socket that had made none under that name */
	EVENT_TCP = 21, /* a TCP connection ended badly, or never came about */
	EVENT_WITHIN = 22, /* the client's exchange whose record follows was made within a server's */
};

/* Which end of the connection this socket is, told by the direction that the request travels. */
enum event_side {
	SIDE_SERVER = 0,
	SIDE_CLIENT = 1,
};

/* Bits of event.flags. */
enum event_flag {
	FLAG_CHUNK_END = 1, /* the packet's last bytes are "\r\n0\r\n\r\n", the end of a chunked body without trailers */
	FLAG_RESTED = 1, /* of a stream's end: the connection goes on, but is not followed any more */
	FLAG_FIN = 2, /* ended by the responder's FIN */
	FLAG_RESET = 4, /* ended by a RST of either end */
	FLAG_TIMEOUT = 8, /* ended by the kernel without FIN or RST */
	FLAG_GAP = 16, /* bytes of the response were not seen; a chunk end may be missed */
	FLAG_EMPTY_LINE = 32, /* of an exchange: the packet's last bytes are an empty line, as the end of trailers is */
	FLAG_RESPONSE = 32, /* of a stream: the server's direction; of its end: the server ended it */
	FLAG_GUESSED = 64, /* of a stream's frames: they begin where a frame seems to begin, which was not known before */
	FLAG_GIVEN_UP = 64, /* of an end: this end's process closed the connection, and nothing more came of it */
	FLAG_RAW = 4, /* of a stream: captured is all bytes, payloads of DATA included, beginning anywhere */
	FLAG_BODY_END = 128, /* of a stream: the frame that an earlier record called ending has ended with this packet */
};

/* Common to all kinds; alone it is a whole progress or end record. */
struct event {
	__u64 cookie; /* of the socket */
	__u64 time_ns; /* when the packet passed the socket */
	__u64 response_bytes; /* bytes of the response so far, this packet's included */
	__u32 exchange; /* number of the exchange on its connection, from 1, among those that were followed */
	__u8 kind; /* enum event_kind */
	__u8 side; /* enum event_side */
	__u8 flags; /* enum event_flag */
	__u8 detail; /* of an exchange: log2 of how many connections one was followed of; EVENT_STREAM_OPEN: enum stream_protocol */
};

struct event_response {
	struct event event;
	__u32 response_len; /* captured bytes that follow */
	__u32 reserved;
};

/* What streams speak. Values are never reused. */
enum stream_protocol {
	STREAM_HTTP2 = 1,
	STREAM_TLS = 2,
	STREAM_PIPELINED = 3, /* HTTP/1 whose requests do not wait for answers */
};

/* What one direction said. Captured bytes follow: whole frames as far as they fit, but for payloads of DATA and of encrypted
 * records, and but for frames without meaning to us; the first bytes may go on with a frame of the record before. While
 * the kernel does not know where frames begin, because packets came out of order, the bytes follow as they are (FLAG_RAW).
 * So do all of STREAM_PIPELINED, but for a request that had come before: from and to are all of it, captured its beginning.
 */
struct event_stream {
	__u64 cookie; /* of the socket */
	__u64 time_ns; /* when the packet passed the socket */
	__u32 from; /* TCP sequence number of the first byte that this record tells of */
	__u32 to; /* and of the byte behind the last */
	__u32 captured; /* bytes that follow */
	__u8 kind; /* enum event_kind */
	__u8 side; /* enum event_side */
	__u8 flags; /* enum event_flag */
	__u8 protocol; /* enum stream_protocol */
	__u32 rest; /* bytes to come of a payload that is left out */
	__u8 tail; /* of the captured bytes: the beginning of a header, which the next record repeats unless it is raw */
	__u8 ending; /* the last frame is one that ends a body, and more of it is to come */
	__u8 scale; /* log2 of how many connections one was followed of */
	__u8 reserved;
};

/* Bits of owner.direction, beside enum direction. */
#define OWNER_STREAM 2 /* the connection speaks frames; no other bit is set */
#define OWNER_SWEPT 4 /* it spoke HTTP/1, and its state was taken away because it was idle */
#define OWNER_RESTED 8 /* and it rested then */
#define OWNER_RELEASED 16 /* and the last descriptor of the socket was closed since */

#define OWNER_INHERITED 1 /* the owner is the listener's: nobody saw who accepted the connection */
#define OWNER_ACCEPTED 2 /* the owner accepted the connection */

/* Who owns a socket: the process that connected or accepted it, else that created it. A listener's is copied to the
 * connections that come in, until they are accepted.
 */
struct owner {
	__u64 created_ns; /* when the tag was written */
	__u32 pid; /* thread group id in the initial namespace; 0: unknown */
	__u8 off; /* the connection's protocol is unknown or filtered out: look no more */
	__u8 messages; /* changes of direction seen while the protocol is unknown */
	__u8 direction; /* of the last payload seen while the protocol is unknown, with bits OWNER_... */
	__u8 inherited; /* OWNER_INHERITED, OWNER_ACCEPTED; 0: the socket was not accepted */
	__u8 comm[16]; /* task name when the tag was written */
};

/* A process that is to be read from /proc while it is there. Wakes the reader. */
struct event_process {
	struct event event; /* kind and time only */
	struct owner owner;
};

struct event_exchange {
	struct event event;
	__u64 request_ns; /* first byte of the request */
	__u64 request_bytes; /* bytes of the request so far */
	__u64 previous_ns; /* last byte of the previous exchange's response; 0: none */
	__u64 previous_bytes; /* bytes of the previous exchange's response */
	__u64 cgroup_id; /* cgroup v2 of the socket */
	struct owner owner;
	__u8 local_address[16];
	__u8 peer_address[16];
	__u16 local_port;
	__u16 peer_port;
	__u16 request_len; /* captured bytes of the request head that follow */
	__u16 response_len; /* captured bytes of the response head that follow those */
	__u64 threshold; /* of 2^56: exchanges whose randomness is below had no record; 0: all had one */
};

/* The methods that are recognized. Values are never reused. */
enum method {
	METHOD_NONE = 0,
	METHOD_GET = 1,
	METHOD_PUT = 2,
	METHOD_POST = 3,
	METHOD_HEAD = 4,
	METHOD_PATCH = 5,
	METHOD_TRACE = 6,
	METHOD_DELETE = 7,
	METHOD_OPTIONS = 8,
	METHOD_CONNECT = 9,
	METHOD_OTHER = 10, /* one of those that http1.bpf.h knows and semantic conventions do not */
	METHOD_QUERY = 11,
	SERIES_OVERFLOW = 255, /* of a key: that of the series for what is too much */
};

/* What the series of one metric differ in. */
struct series_key {
	__u8 address[16]; /* of the server, if this is the client; else 0 */
	__u32 pid; /* owner.pid */
	__u16 port; /* of the server */
	__u16 status; /* 0: none was seen */
	__u8 side; /* enum event_side */
	__u8 method; /* enum method */
	__u8 minor; /* second number of the response's version */
	__u8 failure; /* enum event_flag: how the connection ended, if that was too early */
	__u8 inherited; /* owner.inherited */
	__u8 scaled; /* connections rested: each exchange was counted as often as it stands for */
	__u8 reserved[2];
};

#define SERIES_BUCKETS 256 /* most buckets that a histogram can have */

/* What was counted since user space last read. Numbers can be negative, for an exchange that was counted before that and
 * turned out to be longer. The first three fields are those of one owner, in the copy of the processor that made the
 * series.
 */
struct series {
	__u64 cgroup_id;
	__u64 created_ns;
	__u8 comm[16];
	__s64 sum_ns;
	__s32 buckets[SERIES_BUCKETS];
};

/* What a process had to answer when it called; see cause.bpf.h. */
struct within {
	__u64 counts; /* see struct serving */
	__u64 cookie; /* of the socket that the one request came to */
	__u32 exchange; /* and its number */
	__u32 pid; /* of the process; 0: not certain */
};

struct event_within {
	struct event event; /* cookie and exchange of the client's end */
	__u64 cookie; /* of the server's exchange */
	__u32 exchange;
	__u32 reserved;
};

/* How a TCP connection ended. Values are never reused. */
enum tcp_end {
	TCP_END_ORDERLY = 0,
	TCP_END_REFUSED = 1, /* not established: a RST answered the SYN */
	TCP_END_TIMED_OUT = 2, /* TCP gave up after its last retransmission or probe */
	TCP_END_UNREACHABLE = 3, /* not established: the network said so (or an administrator closed it, which looks the same) */
	TCP_END_CANCELLED = 4, /* the process closed it before it was established; else, before its request was answered */
	TCP_END_RESET_PEER = 5, /* the peer sent a RST */
	TCP_END_RESET_LOCAL = 6, /* this host sent a RST: closed with unread data or without lingering, or aborted */
};

#define TCP_ENDS 8 /* a power of two above the last */
#define TCP_BOUNDS 16 /* of a histogram: a power of two */

struct event_tcp {
	struct event event; /* time is that of the end; response_bytes, exchange and flags are 0 */
	__u64 opened_ns; /* connect(); of an accepted connection, the end of its handshake; of a request given up, its begin */
	__u64 established_ns; /* 0: never */
	__u64 received; /* bytes of payload */
	__u64 sent; /* bytes of payload that the peer has acknowledged */
	__u32 retransmits; /* segments */
	__u32 srtt_us; /* smoothed round-trip time; 0: none was measured */
	struct owner owner;
	__u8 local_address[16];
	__u8 peer_address[16];
	__u16 local_port;
	__u16 peer_port;
	__u8 end; /* enum tcp_end */
	__u8 reserved[3];
	__u64 within_cookie; /* of the exchange within which the connection was tried; 0: none, or not certain */
	__u32 within_exchange;
	__u32 reserved2;
};

/* Bits of tcp_key.side, beside enum event_side. */
enum tcp_mark {
	TCP_SCALED = 2, /* the row of what was seen of some connections and counted as often as it stands for */
};

/* What the TCP connections of a host are counted by. */
struct tcp_key {
	__u32 pid; /* who connects, or listens; 0: unknown */
	__u16 port; /* of the server */
	__u8 side; /* enum event_side: SIDE_CLIENT connected; with TCP_SCALED */
	__u8 version; /* of IP: 4 or 6; 0: this is the row for what found no room */
	__u8 comm[16]; /* of the owner: an id that is used again by another program is another row */
};

struct tcp_histogram {
	__u64 sum_us;
	__u64 buckets[2 * TCP_BOUNDS]; /* the last TCP_BOUNDS - 1 are not used, so that an index is bounded by a mask */
};

struct tcp_row {
	__u64 owned_ns; /* when some socket of the row was tagged with its owner */
	__u64 opened; /* connections that were established */
	__u64 ends[TCP_ENDS]; /* connections by enum tcp_end */
	__u64 unestablished; /* of those that timed out: the ones that were never established */
	__u64 received;
	__u64 sent;
	__u64 retransmits; /* segments */
	__u64 zero_windows[2]; /* segments that announce no room, by enum direction */
	struct tcp_histogram handshake;
	struct tcp_histogram rtt; /* smoothed, one a window with samples */
	struct tcp_histogram jitter; /* spread of the samples of a window with two or more */
};

/* Counters, summed over processors by user space. Values are never reused. */
enum counter {
	COUNTER_REQUESTS = 0, /* exchanges begun */
	COUNTER_LOST_RING_FULL = 1, /* exchanges lost: no room in the ring */
	COUNTER_LOST_STORAGE = 2, /* exchanges lost: no memory for the socket's state, or it was just being taken away */
	COUNTER_LOST_NO_STATUS_LINE = 3, /* exchanges lost: the response did not begin with a status line */
	COUNTER_LOST_PIPELINED = 4, /* exchanges lost: sent before the previous request was answered, and not followed */
	COUNTER_LATE_RING_FULL = 5, /* progress and end records lost: the exchange's end is found later, or by time-out */
	COUNTER_GAPS = 6, /* packets that came before earlier bytes of their stream, or while another processor had these */
	COUNTER_RESPONSE_UNMATCHED = 7, /* status lines whose request was not seen */
	COUNTER_OFF_UNKNOWN = 8, /* connections switched off: unknown protocol */
	COUNTER_OFF_PORT = 9, /* connections filtered out by port */
	COUNTER_OFF_ADDRESS = 10, /* connections filtered out by address */
	COUNTER_UNREADABLE = 11, /* packets whose headers could not be read */
	COUNTER_TCP_OVERFLOW = 12, /* TCP: things counted in the row for what found no room */
	COUNTER_TCP_STORAGE = 13, /* TCP: connections not followed, no memory for the socket's state */
	COUNTER_TCP_RING_FULL = 14, /* TCP: records lost, no room in the ring */
	COUNTER_STREAM_RING_FULL = 15, /* records of streams lost: no room in the ring */
	COUNTER_STREAM_CUT = 16, /* packets with more frames than are looked at */
	COUNTER_OFF_HANDSHAKE = 17, /* connections switched off: a TLS handshake that cannot be followed */
	COUNTER_SERIES_LOST = 18, /* durations that could not be counted */
	COUNTER_THINNED = 19, /* exchanges without a record, because of the thinning */
	COUNTER_RESTED = 20, /* packets that were not looked at, because their connection rests */
	COUNTER_SWEPT = 21, /* connections whose state was taken away because they were idle */
	COUNTER_ROUND_TRIPS = 22, /* TCP: round trips that were looked at */
	COUNTER_MAX = 23,
};

_Static_assert(sizeof(struct event) == 32, "event has no padding");
_Static_assert(sizeof(struct event_response) == 40, "event_response has no padding");
_Static_assert(sizeof(struct event_stream) == 40, "event_stream has no padding");
_Static_assert(sizeof(struct owner) == 32, "owner has no padding");
_Static_assert(sizeof(struct event_process) == 64, "event_process has no padding");
_Static_assert(sizeof(struct event_within) == 48, "event_within has no padding");
_Static_assert(sizeof(struct event_tcp) == 160, "event_tcp has no padding");
_Static_assert(sizeof(struct tcp_key) == 24, "tcp_key has no padding");
_Static_assert(sizeof(struct event_exchange) == 152, "event_exchange has no padding");
_Static_assert(sizeof(struct series_key) == 32, "series_key has no padding");
_Static_assert(sizeof(struct series) == 40 + 4 * SERIES_BUCKETS, "series has no padding");

#endif
