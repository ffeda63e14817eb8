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
	EVENT_PROCESS = 20, /* a process made a TCP socket that had made none under that name */
};

/* Which end of the connection this socket is, told by the direction that the request travels. */
enum event_side {
	SIDE_SERVER = 0,
	SIDE_CLIENT = 1,
};

/* Bits of event.flags. */
enum event_flag {
	FLAG_CHUNK_END = 1, /* the packet's last bytes are "0\r\n\r\n", the end of a chunked body without trailers */
	FLAG_FIN = 2, /* ended by the responder's FIN */
	FLAG_RESET = 4, /* ended by a RST of either end */
	FLAG_TIMEOUT = 8, /* ended by the kernel without FIN or RST */
	FLAG_GAP = 16, /* bytes of the response were not seen; a chunk end may be missed */
};

/* Common to all kinds; alone it is a whole progress or end record. */
struct event {
	__u64 cookie; /* of the socket */
	__u64 time_ns; /* when the packet passed the socket */
	__u64 response_bytes; /* bytes of the response so far, this packet's included */
	__u32 exchange; /* number of the exchange on its connection, from 1 */
	__u8 kind; /* enum event_kind */
	__u8 side; /* enum event_side */
	__u8 flags; /* enum event_flag */
	__u8 reserved;
};

struct event_response {
	struct event event;
	__u32 response_len; /* captured bytes that follow */
	__u32 reserved;
};

/* Who owns a socket: the process that connected or accepted it, else that created it. A listener's is copied to the
 * connections that come in, until they are accepted.
 */
struct owner {
	__u64 created_ns; /* when the tag was written */
	__u32 pid; /* thread group id in the initial namespace; 0: unknown */
	__u8 off; /* the connection's protocol is unknown or filtered out: look no more */
	__u8 messages; /* changes of direction seen while the protocol is unknown */
	__u8 direction; /* of the last payload seen while the protocol is unknown */
	__u8 inherited; /* all of this is about the listener's process: nobody saw who accepted the connection */
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
};

/* Counters, summed over processors by user space. Values are never reused. */
enum counter {
	COUNTER_REQUESTS = 0, /* exchanges begun */
	COUNTER_LOST_RING_FULL = 1, /* exchanges lost: no room in the ring */
	COUNTER_LOST_STORAGE = 2, /* exchanges lost: no memory for the socket's state */
	COUNTER_LOST_NO_STATUS_LINE = 3, /* exchanges lost: the response did not begin with a status line */
	COUNTER_LOST_PIPELINED = 4, /* exchanges lost: sent before the previous request was answered */
	COUNTER_LATE_RING_FULL = 5, /* progress and end records lost: the exchange's end is found later, or by time-out */
	COUNTER_GAPS = 6, /* packets that came before earlier bytes of their stream */
	COUNTER_RESPONSE_UNMATCHED = 7, /* status lines whose request was not seen */
	COUNTER_OFF_UNKNOWN = 8, /* connections switched off: unknown protocol */
	COUNTER_OFF_PORT = 9, /* connections filtered out by port */
	COUNTER_OFF_ADDRESS = 10, /* connections filtered out by address */
	COUNTER_UNREADABLE = 11, /* packets whose headers could not be read */
	COUNTER_MAX = 12,
};

_Static_assert(sizeof(struct event) == 32, "event has no padding");
_Static_assert(sizeof(struct event_response) == 40, "event_response has no padding");
_Static_assert(sizeof(struct owner) == 32, "owner has no padding");
_Static_assert(sizeof(struct event_process) == 64, "event_process has no padding");
_Static_assert(sizeof(struct event_exchange) == 144, "event_exchange has no padding");

#endif
