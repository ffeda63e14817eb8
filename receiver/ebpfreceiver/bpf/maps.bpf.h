/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copyright The otelcol-risk Authors */

/* Every map that the programs share. */
#ifndef OTELCOL_RISK_MAPS_BPF_H
#define OTELCOL_RISK_MAPS_BPF_H

/* The storage of a socket, made if there is none. That can fail when two processors do it at once, or for want of memory at
 * that moment: the second try finds what the other one made, or makes it.
 */
#define STORAGE_MAKE(map, sk)                                                                                                      \
	({                                                                                                                         \
		void *made = bpf_sk_storage_get(map, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);                                       \
		made ? made : bpf_sk_storage_get(map, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);                                      \
	})

/* What is known of packets that came before earlier bytes. */
enum held {
	HELD_CHUNK_END = FLAG_CHUNK_END, /* of the last one */
	HELD_PACKETS = 2, /* there are some */
	HELD_PUSH = 4, /* one has PSH */
	HELD_FIN = 8, /* the last is the end of its direction */
	HELD_EMPTY_LINE = FLAG_EMPTY_LINE, /* of the last one */
};

/* Where a connection of HTTP/1 stands; see connection.bpf.h. */
enum phase {
	PHASE_IDLE = 0,
	PHASE_REQUEST = 1,
	PHASE_RESPONSE = 2,
};

/* What is known of an exchange. */
enum mark {
	MARK_ALERTED = 1, /* its response is an alert of TLS */
	MARK_CAUSED = 2, /* a server's request is counted as one to answer; of a client's, callings says within what it was made */
	MARK_TUNNEL = 4, /* what follows the last response is another protocol, or anything */
	MARK_SEARCH = 8, /* the packet of its next request may have several */
	MARK_RESET = 16, /* a RST has come that was not in place then */
};

/* What a response that is not the final one says. */
enum interim {
	INTERIM_NONE = 0,
	INTERIM_OTHER = 1,
	INTERIM_CONTINUE = 2, /* that the client may send the body */
};

/* Whether a connection is about to lose its state, since nothing happens on it; see idle.bpf.h. */
enum idle {
	IDLE_NOT = 0,
	IDLE_NOTED = 1, /* no packet has come since a sweep */
	IDLE_NOTED_TOO = 2, /* none since another one */
	IDLE_GONE = 3, /* a sweep takes its state away */
};

/* State of a connection that speaks HTTP/1. The records' bytes are built in place, so that an exchange costs one copy
 * into the ring. Both directions' programs may run at once on two processors (the softirq side does not take the
 * socket's lock); requests and responses alternate, so they do not touch the same fields at the same time unless a
 * peer breaks that order, and then user space finds a head that does not parse, and counts it.
 */
struct connection {
	__u32 next_sequence[2]; /* per direction: TCP sequence number of the next new byte */
	__u8 synchronized[2]; /* next_sequence is known */
	__u8 request_direction; /* enum direction */
	__u8 phase; /* enum phase */
	__u8 emitted; /* the exchange record is in the ring: more records make sense */
	__u8 head_complete; /* the request's first packet ended with an empty line */
	__u8 gap; /* bytes of this response were not seen */
	__u8 released; /* the last descriptor of the socket is being closed, or was */
	__u32 request_sequence; /* TCP sequence number of the request's first byte */
	__u8 rests; /* it is not followed; phase is PHASE_IDLE then */
	__u8 hidden; /* its process is counted as one that may have more to answer than is known, because of it */
	volatile __u8 idle; /* enum idle */
	__u8 untold; /* emitted, and more bytes of the response have passed than records tell */
	__u64 last_ns; /* last byte of the response so far */
	__u64 counted_ns; /* the duration that the exchange was counted with */
	__u32 interim_bytes; /* bytes of interim responses before the final one */
	__u16 status; /* of the final response; 0: not seen yet */
	__u8 method; /* enum method */
	__u8 minor; /* the second number of the response's version */
	__u8 counted; /* the exchange was counted, in that bucket */
	__u8 bucket;
	__u8 interim; /* enum interim: which interim response was the last, while no other was seen */
	__u8 zero; /* a zero that the verifier does not know */
	volatile __u8 ended; /* enum event_flag: with which the connection has ended */
	volatile __u8 verdict; /* enum verdict: what its last packet gave before that */
	__u8 marks; /* enum mark */
	__u8 held; /* enum held: what of the packets that wait for earlier bytes */
	volatile __u32 held_start; /* TCP sequence number of their first byte */
	volatile __u32 held_end; /* and behind their last */
	struct event_exchange exchange;
	__u8 data[REQUEST_CAPACITY + RESPONSE_CAPACITY];
};

/* With the kernel's 72 bytes in front, an element fits a 1024 byte slab. */
_Static_assert(sizeof(struct connection) <= 1024 - 72, "connection fits kmalloc-1k");

/* Key: socket. Lives and dies with it: no table that grows, nothing to evict. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct connection);
} connections SEC(".maps");

/* One direction of a connection that speaks frames. What is behind busy belongs to the program that set it, the rest is
 * changed under the stream's lock.
 */
struct direction_state {
	__u32 next_sequence; /* TCP sequence number behind the last byte seen */
	__u32 first_sequence; /* of the first byte */
	__u32 hole_start; /* bytes that were missing when later ones came; the same as hole_end: none */
	__u32 hole_end;
	__u8 next_known; /* the above are */
	__u8 aligned; /* it is known where frames begin */
	__u8 joined; /* nobody knows: what is said is of no use until that is found out */
	__u8 interrupted; /* bytes came while others were looked at */
	__u8 busy; /* a packet is being looked at */
	__u8 head_length; /* bytes of the current frame's header that were seen */
	__u8 last; /* the current frame is the last of its stream's body */
	__u8 ending; /* and began in an earlier packet */
	__u32 reported; /* TCP sequence number up to which records tell */
	__u32 take; /* bytes of the current frame's payload that are still to be copied */
	__u32 skip; /* bytes of it that are still to be left out */
	__u32 offset; /* within the packet that is being looked at */
	__u32 left; /* bytes of it behind the offset */
	__u32 end; /* TCP sequence number of its end */
	__u8 head[9]; /* of the current frame */
	__u8 changed; /* TLS: ChangeCipherSpec was seen */
	__u8 guessed; /* where frames begin was found again with this packet */
	__u8 closing; /* its end came before earlier bytes */
	__u32 close_sequence; /* TCP sequence number of that end */
	__u8 untold; /* the last bytes found no room in the ring, or were not followed; what is told behind them shows the gap */
	__u8 reserved[3];
};

/* What user space knows of who talks to whom. */
enum opened {
	OPENED_NOT = 0,
	OPENED_STALE = 1, /* the owner was another one then */
	OPENED = 2,
	OPENED_SOON = 3, /* it is just being told */
};

/* State of a connection that speaks HTTP/2, or is in a TLS handshake. */
struct stream {
	struct bpf_spin_lock lock;
	__u8 protocol; /* enum stream_protocol */
	__u8 request_direction; /* enum direction */
	__u8 opened; /* enum opened */
	__u8 ended; /* and that they do not any more */
	__u8 sealed; /* TLS: the client has sent something encrypted */
	__u8 done; /* TLS: the handshake is over */
	__u8 urgent; /* TLS: it may just have failed, so user space is to be woken */
	__u8 released; /* the last descriptor of the socket is being closed, or was */
	__u8 rests; /* it is not followed */
	__u8 scale; /* log2 of how many connections one was followed of when its last packet came */
	__u8 reserved[2];
	__u32 reset_at; /* when a RST came that was not in place then, see reset_clock; 0: none has */
	__u32 reserved_too;
	struct direction_state directions[2]; /* 0: the client's, which begins; 1: the server's */
	struct event_exchange open;
};

_Static_assert(sizeof(struct stream) <= 512 - 72, "stream fits kmalloc-512");

/* Key: socket. Apart from connections, because of its size. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct stream);
} streams SEC(".maps");

/* Key: socket. Small and on every TCP socket, because it also remembers that a socket is of no interest. BPF_F_CLONE
 * hands a listener's owner to the connections it accepts, whose creation has no process context. User space writes
 * it for sockets older than the programs.
 */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct owner);
} owners SEC(".maps");

/* Records for user space; max_entries (bytes) is set by the loader. One ring for all processors keeps the order of a
 * connection's records.
 */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
} ring SEC(".maps");

/* Key: enum counter. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COUNTER_MAX);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

/* The first bytes of a connection can arrive with the packet that completes its handshake (TCP_DEFER_ACCEPT, a lost
 * ACK): the packet passes the filter on the listener, and the connection's socket exists only a moment later, in the
 * same softirq on the same processor. One slot a processor carries the bytes over.
 */
struct early {
	__u64 time_ns;
	__u32 sequence;
	__u32 length; /* of the payload; 0: empty slot */
	__u32 segment; /* bytes of the TCP segment, its header included */
	__u32 captured; /* bytes in data */
	__u16 local_port; /* host byte order */
	__u16 peer_port;
	__u8 peer_address[16];
	__u8 head_complete;
	__u8 protocol; /* enum stream_protocol; 0: HTTP/1 */
	__u8 reserved[2];
	__u8 data[REQUEST_CAPACITY];
};

#define EARLY_CAPACITY 2048 /* bytes of a stream's first packet that are kept */

/* The record of a stream's first bytes, until its socket is there. */
struct early_record {
	struct event_stream head;
	__u8 data[EARLY_CAPACITY];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct early);
} early_data SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct early_record);
} early_records SEC(".maps");

/* Keys: series_key. Two of them: while the programs count in one, user space reads and empties the other. Bounded; the
 * two keys with SERIES_OVERFLOW are always there. max_entries and the size of the value, hence the number of buckets, are
 * set by the loader.
 */
struct series_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 16);
	__type(key, struct series_key);
	__type(value, struct series);
} series_first SEC(".maps"), series_second SEC(".maps");

/* The one that is counted in. When user space exchanges it, the kernel waits for the programs that still use the old one
 * before it lets user space go on: what is read then is complete.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct series_map);
} series_active SEC(".maps") = { .values = { &series_first } };

/* A series without numbers, which is too large for the stack. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct series);
} series_empty SEC(".maps");

/* One bit a port. */
struct port_sets {
	__u8 include[8192];
	__u8 exclude[8192];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct port_sets);
} ports SEC(".maps");

/* The version comes first, so that ::/0 and 0.0.0.0/0 each cover their own. */
struct address_prefix {
	__u32 bits; /* of what follows */
	__u32 version; /* of IP: 4 or 6 */
	__u8 address[16]; /* IPv4 mapped */
};

/* Key: prefix of a peer address. max_entries is set by the loader to the number of prefixes. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__type(key, struct address_prefix);
	__type(value, __u8);
} address_include SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__type(key, struct address_prefix);
	__type(value, __u8);
} address_exclude SEC(".maps");

#endif
