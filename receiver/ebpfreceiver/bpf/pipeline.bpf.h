/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copyright The otelcol-risk Authors */

/* Pipelining: a client of HTTP/1 that does not wait for an answer before it asks again. Its connection is handed over: from
 * the first request that is not answered on, all its bytes go to user space, in order, as those of a stream that is not
 * understood here. What shows it is a request that comes while another one waits, or one behind another in a packet. For the
 * latter the first request of a connection is searched, also of one that has rested, and one behind a response to a request
 * that nobody saw.
 */
#ifndef OTELCOL_RISK_PIPELINE_BPF_H
#define OTELCOL_RISK_PIPELINE_BPF_H

/* Where in the captured request the head ends; 0 if that is not in it. One of four bytes in a row is looked at: the end has
 * four.
 */
static __always_inline __u32 pipeline_find(const struct connection *connection)
{
	const __u32 end = TEXT4('\r', '\n', '\r', '\n');
	__u32 at = 3 + connection->zero;

	for (__u32 i = 0; i < REQUEST_CAPACITY / 4; i++) {
		const __u8 *window;
		__u32 found = 0;

		OPAQUE(at);
		at &= 511;
		if (at > REQUEST_CAPACITY - 4 || at >= connection->exchange.request_len)
			return 0;
		at += 4;
		window = connection->data + at - 7;
		if (window[3] != '\r' && window[3] != '\n')
			continue;
#pragma unroll
		for (__u32 j = 0; j < 4; j++)
			found |= (at - 3 + j) & -(__u32)(*(const __u32 *)(window + j) == end);
		if (found) {
			OPAQUE(found);
			return found & 511;
		}
	}
	return 0;
}

/* Whether the packet with the connection's request has another one behind its head. */
static __always_inline bool pipeline_packed(struct __sk_buff *skb, const struct packet *packet, const struct connection *connection)
{
	__u32 skip = connection->request_sequence - packet->sequence;
	__u32 found = pipeline_find(connection);
	__u64 prefix = 0;

	if (!found || bpf_skb_load_bytes(skb, packet->payload + skip + found, &prefix, 8))
		return false;
	return http1_is_request(prefix);
}

/* Where the server's bytes go on, as far as it has not been seen. */
static __always_inline __u32 pipeline_next(struct bpf_sock *sk, const struct connection *connection, __u8 direction)
{
	__u32 next = connection->next_sequence[direction & 1];
	struct bpf_tcp_sock *tcp;

	if (connection->synchronized[direction & 1])
		return next;
	tcp = bpf_tcp_sock(sk);
	if (!tcp)
		return next;
	next = direction == INGRESS ? tcp->rcv_nxt : 0;
	OPAQUE(next); /* else the compiler chooses between two addresses, which is not allowed */
	return direction == INGRESS ? next : tcp->snd_nxt;
}

/* Tells where a direction begins; bytes up to next need not come any more. */
static __always_inline void pipeline_direction(struct stream *stream, struct direction_state *state, __u32 first, __u32 next)
{
	struct silence silence = { .from = first, .to = first };

	state->aligned = 0;
	state->next_known = 1;
	state->first_sequence = first;
	state->next_sequence = next;
	state->reported = next;
	stream_flush(stream, state, &silence);
}

/* Hands over the beginning of the request that waits. Returns where it ends. */
static __always_inline __u32 pipeline_waiting(struct stream *stream, const struct connection *connection)
{
	struct {
		struct event_stream head;
		__u8 data[REQUEST_CAPACITY];
	} *record;
	__u32 to = connection->request_sequence + (__u32)connection->exchange.request_bytes;

	record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	if (!record) {
		count(COUNTER_STREAM_RING_FULL);
		return to;
	}
	record->head.flags = 0;
	stream_head(stream, false, &record->head);
	record->head.time_ns = connection->exchange.request_ns;
	record->head.from = connection->request_sequence;
	record->head.to = to;
	record->head.captured = connection->exchange.request_len;
	record->head.rest = 0;
	record->head.tail = 0;
	record->head.ending = 0;
	__builtin_memcpy(record->data, connection->data, REQUEST_CAPACITY);
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
	return to;
}

/* Hands the connection over. NULL if that is not possible. */
static __always_inline struct stream *pipeline_begin(const struct packet *packet, struct bpf_sock *sk, struct connection *connection,
						     bool waiting)
{
	struct owner *owner = bpf_sk_storage_get(&owners, sk, NULL, 0);
	struct stream *stream;
	__u32 next = connection->request_sequence;

	stream = owner ? stream_create(sk, owner, packet->direction, STREAM_PIPELINED) : NULL;
	if (!stream)
		return NULL;
	stream->open.event.cookie = connection->exchange.event.cookie;
	stream->open.cgroup_id = connection->exchange.cgroup_id;
	stream_announce(stream);
	pipeline_direction(stream, &stream->directions[0], next, next);
	if (waiting) {
		next = pipeline_waiting(stream, connection);
		stream->directions[0].next_sequence = next;
	}
	next = pipeline_next(sk, connection, !packet->direction);
	pipeline_direction(stream, &stream->directions[1], next, next);
	cause_pipelined(connection);
	bpf_sk_storage_delete(&connections, sk);
	return stream;
}

static __always_inline int step_pipeline_packet(struct __sk_buff *skb)
{
	bool waiting = skb->cb[CB_ENDED] == PIPELINE_BEGIN;
	struct packet packet = { .direction = skb->cb[CB_VERDICT] };
	struct connection *connection;
	struct bpf_sock *sk = skb->sk;
	struct stream *stream;

	if (!sk)
		return 1;
	sk = bpf_sk_fullsock(sk);
	if (!sk || !packet_read(skb, &packet))
		return 1;
	connection = bpf_sk_storage_get(&connections, sk, NULL, 0);
	if (!connection)
		return 1;
	cause_shown(connection); /* its request is counted now */
	if (idle_resumed(connection))
		hiding_end(sk);
	if (!waiting && !pipeline_packed(skb, &packet, connection))
		return 1;
	stream = pipeline_begin(&packet, sk, connection, waiting);
	if (stream)
		stream_enter(skb, &packet, stream, sk, false);
	else
		count(COUNTER_LOST_PIPELINED);
	return 1;
}

#endif
