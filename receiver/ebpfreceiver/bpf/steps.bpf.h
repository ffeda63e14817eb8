/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copyright The otelcol-risk Authors */

/* What connections come to now and then, in programs of their own that the others go on with: the end of a connection, the
 * choice of exchanges when not all get a record, interim responses, other protocols, pipelining. Most look through a captured
 * head, which a verifier follows byte by byte, once for every way that leads there: in the programs for every packet, that was
 * most of their size to it. A program that is gone on with knows nothing of these ways. None of it calls functions: before
 * Linux 6.0, arm64 has no tail calls with them.
 */
#ifndef OTELCOL_RISK_STEPS_BPF_H
#define OTELCOL_RISK_STEPS_BPF_H

int end_packet(struct __sk_buff *skb);
int thin_packet(struct __sk_buff *skb);
int interim_packet(struct __sk_buff *skb);
int detect_packet(struct __sk_buff *skb);
int pipeline_packet(struct __sk_buff *skb);
int rest_packet(struct __sk_buff *skb);
int end_state(struct bpf_sock_ops *ctx);

enum {
	STEP_END = 0,
	STEP_THIN = 1,
	STEP_INTERIM = 2,
	STEP_DETECT = 3,
	STEP_PIPELINE = 4,
	STEP_REST = 5,
	STEPS = 6,
};

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, STEPS);
	__uint(key_size, sizeof(__u32));
	__array(values, int(struct __sk_buff *));
} packet_steps SEC(".maps") = {
	.values = {
		[STEP_END] = (void *)&end_packet,
		[STEP_THIN] = (void *)&thin_packet,
		[STEP_INTERIM] = (void *)&interim_packet,
		[STEP_DETECT] = (void *)&detect_packet,
		[STEP_PIPELINE] = (void *)&pipeline_packet,
		[STEP_REST] = (void *)&rest_packet,
	},
};

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__array(values, int(struct bpf_sock_ops *));
} state_steps SEC(".maps") = {
	.values = {
		[STEP_END] = (void *)&end_state,
	},
};

/* Where the next program finds what the program before it knew: in the packet's control block. */
enum {
	CB_ENDED = 0, /* enum event_flag: with which the connection ends */
	CB_VERDICT = 1, /* enum verdict: what the packet's bytes gave */
};

/* The step for what is none of an HTTP/1 connection's usual packets. */
static __always_inline __u32 step_of(enum verdict verdict)
{
	if (verdict == REST_BEGIN)
		return STEP_REST;
	return verdict == DETECT_AGAIN ? STEP_DETECT : STEP_PIPELINE;
}

/* Goes on with a step. */
static __always_inline void step_to(struct __sk_buff *skb, __u32 step, __u8 ended, enum verdict verdict)
{
	skb->cb[CB_ENDED] = ended;
	skb->cb[CB_VERDICT] = verdict;
	bpf_tail_call(skb, &packet_steps, step);
}

/* Writes what a packet gave. */
static __always_inline void packet_write(struct __sk_buff *skb, struct connection *connection, enum verdict verdict)
{
	__u64 waiting;

	if (verdict == WRITE_NOTHING)
		return;
	if (verdict != WRITE_EXCHANGE) {
		response_more(connection, verdict == WRITE_END ? EVENT_END : EVENT_PROGRESS);
		return;
	}
	if (exchange_is_read(connection)) {
		waiting = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA);
		if (thin_applies(connection, waiting))
			bpf_tail_call(skb, &packet_steps, STEP_THIN);
		exchange_write(connection, waiting);
	}
	cause_wake(connection);
}

static __always_inline int step_end_packet(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct connection *connection;
	struct standing before;
	enum verdict verdict;

	if (!sk)
		return 1;
	connection = bpf_sk_storage_get(&connections, sk, NULL, 0);
	if (!connection)
		return 1;
	before = standing_of(connection);
	verdict = connection_end(connection, skb->cb[CB_ENDED], skb->cb[CB_VERDICT]);
	cause_follow(sk, connection, before);
	packet_write(skb, connection, verdict);
	return 1;
}

/* Where in the captured response the status line behind an interim response begins; 0 if there is none. As thin_find. */
static __always_inline __u32 interim_find(const struct connection *connection)
{
	__u32 at = connection->exchange.request_len;
	__u32 end = at + connection->exchange.response_len;

	for (__u32 i = 0; i < RESPONSE_CAPACITY; i++) {
		OPAQUE(at);
		at &= 1023;
		if (at > REQUEST_CAPACITY + RESPONSE_CAPACITY - 16 || at + 15 > end)
			return 0;
		if (connection->data[at] == '\n' &&
		    *(const __u64 *)(connection->data + at + 1) == TEXT8('\r', '\n', 'H', 'T', 'T', 'P', '/', '1')) {
			at += 3;
			OPAQUE(at);
			return at & 1023;
		}
		at++;
	}
	return 0;
}

/* An interim response has come first. The final one may be in the same packet. */
static __always_inline int step_interim_packet(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct connection *connection;
	__u8 ended = skb->cb[CB_ENDED];
	__u32 at;

	if (!sk)
		return 1;
	connection = bpf_sk_storage_get(&connections, sk, NULL, 0);
	if (!connection)
		return 1;
	at = interim_find(connection);
	if (at && at <= REQUEST_CAPACITY + RESPONSE_CAPACITY - 12) {
		connection->interim_bytes = at - connection->exchange.request_len;
		response_status(connection, connection->data + at);
	}
	if (ended && connection->phase != PHASE_IDLE)
		bpf_tail_call(skb, &packet_steps, STEP_END);
	packet_write(skb, connection, skb->cb[CB_VERDICT]);
	return 1;
}

static __always_inline int step_thin_packet(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct connection *connection;

	if (!sk)
		return 1;
	connection = bpf_sk_storage_get(&connections, sk, NULL, 0);
	if (!connection)
		return 1;
	if (!thin_drops(connection))
		exchange_write(connection, bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA));
	cause_wake(connection);
	return 1;
}

/* A connection has begun to rest. */
static __always_inline int step_rest_packet(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct connection *connection;

	if (!sk)
		return 1;
	connection = bpf_sk_storage_get(&connections, sk, NULL, 0);
	if (!connection)
		return 1;
	count(COUNTER_RESTED);
	hiding_end(sk); /* it hides something itself now */
	cause_hidden(connection);
	return 1;
}

/* The socket of a stream goes from state to TCP_CLOSE without a packet that says so, or that did when what was missing came. */
static __always_inline void stream_closed(struct stream *stream, __u32 state)
{
	bool by_server = stream->released && stream->open.event.side == SIDE_SERVER;
	__u8 flag = closed_flag(stream->released, state);

	if (flag == FLAG_TIMEOUT && reset_is_recent(stream->reset_at)) {
		flag = FLAG_RESET;
		by_server = stream->open.event.side == SIDE_CLIENT; /* it came in */
	}
	if (stream->directions[1].closing && flag == FLAG_GIVEN_UP) {
		flag = FLAG_FIN;
		by_server = true;
	}
	stream_end(stream, flag | (by_server ? FLAG_RESPONSE : 0));
}

/* The end of a connection that no packet tells of. Nobody waits for its record, whatever a server answered. */
static __always_inline int step_end_state(struct bpf_sock_ops *ctx)
{
	struct bpf_sock *sk = ctx->sk;
	struct connection *connection;
	struct standing before;
	enum verdict verdict;
	__u64 waiting;
	__u8 flag;

	if (!sk)
		return 1;
	connection = bpf_sk_storage_get(&connections, sk, NULL, 0);
	if (!connection)
		return 1;
	before = standing_of(connection);
	flag = closed_flag(connection->released, ctx->args[0]);
	if (flag == FLAG_TIMEOUT && connection->marks & MARK_RESET)
		flag = FLAG_RESET;
	verdict = connection_end(connection, flag, WRITE_NOTHING);
	cause_follow(sk, connection, before);
	if (verdict == WRITE_END)
		response_more(connection, EVENT_END);
	if (verdict != WRITE_EXCHANGE || !exchange_is_read(connection))
		return 1;
	waiting = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA);
	if (!thin_applies(connection, waiting) || !thin_drops(connection))
		exchange_write(connection, waiting);
	return 1;
}

#endif
