// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Copyright The otelcol-risk Authors

/* For tests only, and not part of the collector: programs that BPF_PROG_TEST_RUN runs on packets that a test makes
 * (../internal/bpfobj/unit_*_test.go). One prepares the socket for a program of socket.bpf.c, whose maps it shares; the
 * others call the functions of its headers and put what they return where the test reads it.
 */
#include <stdbool.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#include "event.h"
#include "knobs.bpf.h"
#include "maps.bpf.h"
#include "counters.bpf.h"
#include "ring.bpf.h"
#include "packet.bpf.h"
#include "http1.bpf.h"
#include "filter.bpf.h"
#include "owner.bpf.h"
#include "metrics.bpf.h"
#include "judge.bpf.h"
#include "thin.bpf.h"
#include "rest.bpf.h"
#include "order.bpf.h"
#include "connection.bpf.h"
#include "frames.bpf.h"
#include "stream.bpf.h"
#include "seek.bpf.h"
#include "cause.bpf.h"
#include "early.bpf.h"

char _license[] SEC("license") = "Dual BSD/GPL";

/* What the headers name, which socket.bpf.c defines. Never run. */
SEC("cgroup/skb")
int walk_tiny(struct __sk_buff *skb)
{
	return 1;
}

SEC("cgroup/skb")
int walk_small(struct __sk_buff *skb)
{
	return 1;
}

SEC("cgroup/skb")
int walk_large(struct __sk_buff *skb)
{
	return 1;
}

SEC("cgroup/skb")
int walk_raw(struct __sk_buff *skb)
{
	return 1;
}

SEC("cgroup/skb")
int seek_packet(struct __sk_buff *skb)
{
	return 1;
}

SEC("cgroup/skb")
int rest_stream(struct __sk_buff *skb)
{
	return 1;
}

/* What a socket has in its storage. Bytes, because a lock cannot be part of another struct. */
struct unit_socket {
	__u8 has_connection;
	__u8 has_stream;
	__u8 has_owner;
	__u8 reserved[5];
	__u8 connection[sizeof(struct connection)];
	__u8 stream[(sizeof(struct stream) + 7) & ~7];
	struct owner owner;
};

/* What read_packet found. */
struct unit_packet {
	__u64 prefix;
	__u32 tcp; /* the packet was read; else nothing of this means anything */
	__u32 sequence;
	__u32 transport;
	__u32 payload;
	__u32 length;
	__u32 captured; /* bytes in data */
	__u8 flags;
	__u8 zero_window;
	__u8 method; /* enum method */
	__u8 response;
	__u8 alert;
	__u8 ends_head;
	__u8 ends_chunked;
	__u8 preface;
	__u8 idle;
	__u8 block; /* enum http2_block */
	__u8 client_hello;
	__u8 begins_http2;
	__u8 begins_tls;
	__u8 begins_data;
	__u8 reserved[2];
	__u8 data[REQUEST_CAPACITY];
};

/* What judge found in the connection of the socket. */
struct unit_judged {
	__u64 trace; /* thin_trace */
	__u16 status; /* http1_status */
	__u8 failure; /* judge_failure, of a connection that ended in order */
	__u8 reserved[5];
};

/* What look_at_numbers made of what it was given. */
struct unit_numbers {
	__u64 ns;
	__u64 mixed; /* thin_mix of it */
	__u32 bucket; /* series_bucket of it */
	__u8 head[9]; /* of a frame */
	__u8 plausible; /* http2_plausible of it */
	__u8 reserved[2];
};

struct unit {
	__u32 runs; /* of the current call of BPF_PROG_TEST_RUN, so far */
	__u32 program; /* under test: index in under_test */
	struct unit_socket socket;
	struct unit_packet packet;
	struct unit_judged judged;
	struct unit_numbers numbers;
};

const struct unit *unused_unit __attribute__((unused));

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct unit);
} units SEC(".maps");

#define UNIT_PROGRAMS 16

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, UNIT_PROGRAMS);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} under_test SEC(".maps");

static __always_inline struct unit *unit_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&units, &zero);
}

/* Behind the lock, which programs may not touch. */
#define BEHIND_LOCK 4
#define STREAM_BYTES (sizeof(struct stream) - BEHIND_LOCK)

static __always_inline void socket_restore(const struct unit_socket *from, struct bpf_sock *sk)
{
	struct connection *connection;
	struct stream *stream;
	struct owner *owner;

	connection = from->has_connection ? STORAGE_MAKE(&connections, sk) : NULL;
	if (connection)
		__builtin_memcpy(connection, from->connection, sizeof(*connection));
	stream = from->has_stream ? STORAGE_MAKE(&streams, sk) : NULL;
	if (stream)
		__builtin_memcpy((void *)stream + BEHIND_LOCK, from->stream + BEHIND_LOCK, STREAM_BYTES);
	owner = from->has_owner ? STORAGE_MAKE(&owners, sk) : NULL;
	if (owner)
		*owner = from->owner;
}

static __always_inline void socket_save(struct unit_socket *to, struct bpf_sock *sk)
{
	struct connection *connection = bpf_sk_storage_get(&connections, sk, NULL, 0);
	struct stream *stream = bpf_sk_storage_get(&streams, sk, NULL, 0);
	struct owner *owner = bpf_sk_storage_get(&owners, sk, NULL, 0);

	to->has_connection = connection != NULL;
	if (connection)
		__builtin_memcpy(to->connection, connection, sizeof(*connection));
	to->has_stream = stream != NULL;
	if (stream)
		__builtin_memcpy(to->stream + BEHIND_LOCK, (void *)stream + BEHIND_LOCK, STREAM_BYTES);
	to->has_owner = owner != NULL;
	if (owner)
		to->owner = *owner;
}

/* The kernel makes a socket for each call of BPF_PROG_TEST_RUN and runs the program on it as often as it is asked to. The
 * first time this one gives the socket the storage that the test wants and goes on with the program under test; the second
 * time it takes the storage out again. So a test can lead a connection packet by packet.
 */
SEC("cgroup/skb")
int stage(struct __sk_buff *skb)
{
	struct unit *unit = unit_get();
	struct bpf_sock *sk = skb->sk;

	if (!unit || !sk)
		return 0;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return 0;
	if (unit->runs++) {
		socket_save(&unit->socket, sk);
		return 1;
	}
	socket_restore(&unit->socket, sk);
	bpf_tail_call(skb, &under_test, unit->program);
	return 0; /* no such program */
}

/* What the first and the last bytes of a payload are taken for. */
static __always_inline void payload_read(struct __sk_buff *skb, const struct packet *packet, struct unit_packet *seen)
{
	__u64 prefix = packet_prefix(skb, packet, 0);

	seen->prefix = prefix;
	seen->captured = packet_capture(skb, packet, 0, seen->data, REQUEST_CAPACITY);
	seen->method = http1_method(prefix);
	seen->response = http1_is_response(prefix);
	seen->alert = tls_is_alert(prefix);
	seen->ends_head = http1_ends_head(packet_tail(skb, packet, 4));
	seen->ends_chunked = packet_ending(skb, packet) & FLAG_CHUNK_END;
	seen->preface = http2_is_preface(prefix);
	seen->idle = http2_is_idle(prefix);
	seen->block = http2_is_headers(skb, packet, prefix);
	seen->client_hello = tls_is_client_hello(prefix);
	seen->begins_http2 = stream_begins(skb, packet, STREAM_HTTP2);
	seen->begins_tls = stream_begins(skb, packet, STREAM_TLS);
	seen->begins_data = seek_data(skb, packet);
}

/* Of a type that begins at the IP header, too: kernels that are not new show programs of cgroup/skb no packet in
 * BPF_PROG_TEST_RUN, except to their helpers.
 */
SEC("lwt_in")
int read_packet(struct __sk_buff *skb)
{
	struct unit *unit = unit_get();
	struct packet packet = {};

	if (!unit)
		return 0;
	unit->packet.tcp = packet_read(skb, &packet);
	if (!unit->packet.tcp)
		return 1;
	unit->packet.sequence = packet.sequence;
	unit->packet.transport = packet.transport;
	unit->packet.payload = packet.payload;
	unit->packet.length = packet.length;
	unit->packet.flags = packet.flags;
	unit->packet.zero_window = packet.zero_window;
	payload_read(skb, &packet, &unit->packet);
	return 1;
}

/* A packet that passes the filter on a listener. */
SEC("cgroup/skb")
int keep_early(struct __sk_buff *skb)
{
	struct packet packet = { .direction = INGRESS };
	struct bpf_sock *sk = skb->sk;

	if (!sk)
		return 0;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return 0;
	if (packet_read(skb, &packet))
		early_keep(skb, &packet, sk);
	return 1;
}

SEC("cgroup/skb")
int judge(struct __sk_buff *skb)
{
	struct unit *unit = unit_get();
	struct connection *connection;
	__u32 response;

	if (!unit)
		return 0;
	connection = (struct connection *)unit->socket.connection;
	unit->judged.trace = thin_trace(connection);
	response = connection->exchange.request_len;
	OPAQUE(response);
	if (response > REQUEST_CAPACITY)
		return 0;
	unit->judged.status = http1_status(connection->data + response);
	unit->judged.failure = judge_failure(connection, bpf_ktime_get_ns());
	return 1;
}

SEC("cgroup/skb")
int look_at_numbers(struct __sk_buff *skb)
{
	struct unit *unit = unit_get();
	struct unit_numbers *numbers;

	if (!unit)
		return 0;
	numbers = &unit->numbers;
	numbers->bucket = series_bucket(numbers->ns);
	numbers->mixed = thin_mix(numbers->ns);
	numbers->plausible = http2_plausible(numbers->head, numbers->head[0] << 16 | numbers->head[1] << 8 | numbers->head[2]);
	return 1;
}
