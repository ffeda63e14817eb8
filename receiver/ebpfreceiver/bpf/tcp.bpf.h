/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copyright The otelcol-risk Authors */

/* The life of TCP connections, whatever they carry: counted here, in one row a process, role and server port, and told one
 * by one only if they end badly. What every packet would cost is paid once a round trip (sockops), or only by packets
 * that are rare (RST, zero window). Connections that were there before the programs are not followed.
 *
 *   TCP_CONNECT, PASSIVE_ESTABLISHED --> opened --> ACTIVE_ESTABLISHED --> samples, once a window --> state TCP_CLOSE
 *                                          `---------------- refused, timed out, unreachable, cancelled ---'
 */
#ifndef OTELCOL_RISK_TCP_BPF_H
#define OTELCOL_RISK_TCP_BPF_H

/* Spreads of round-trip times are those within windows of this length. */
#define TCP_WINDOW_NS 15000000ULL

/* Where connections rest, round trips are looked at on as many as are followed, or on one of 2^TCP_REST if that is more: less
 * saves next to nothing, and what an open connection has sent and received is counted at the same occasion.
 */
#define TCP_REST 4

/* State of a connection. What every sample needs comes first: with what the kernel puts in front, that is one cache line. */
struct tcp_socket {
	__u64 window_ns; /* when the window began; 0: no sample yet */
	__u32 sample_min_us; /* round-trip times in the window */
	__u32 sample_max_us;
	__u8 samples; /* 0, 1 or 2, which is two or more */
	__u8 scale; /* log2 of how many connections one was looked at of when the window began */
	__u8 reserved[2];
	__u32 retransmits; /* segments */
	__u64 received; /* bytes of payload so far, as of the last sample */
	__u64 sent;
	__u32 acked_before; /* the kernel's count of bytes acknowledged, when the connection was established: those of a SYN */
	__u32 reset_at[2]; /* per direction: when a RST was seen, see reset_clock; 0: none was */
	__u8 expired; /* TCP gave up after its last retransmission */
	__u8 released; /* the process closed its last descriptor */
	__u8 fin[2]; /* per direction: a FIN was seen */
	__u64 opened_ns; /* connect(); of an accepted connection, the end of its handshake */
	__u64 established_ns; /* 0: not yet */
	struct tcp_key key;
	struct within within; /* what the process that connects had to answer */
};

_Static_assert(sizeof(struct tcp_socket) <= 192 - 72, "tcp_socket fits kmalloc-192");

/* Key: socket. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct tcp_socket);
} tcp_sockets SEC(".maps");

/* One value a processor. max_entries is set by the loader; what finds no room goes to the row of key 0, which the loader
 * makes.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__type(key, struct tcp_key);
	__type(value, struct tcp_row);
} tcp_rows SEC(".maps");

/* An empty row, which is too large for the stack. Nobody writes it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tcp_row);
} tcp_empty_row SEC(".maps");

/* Upper bounds of the buckets of every histogram, in us, ascending. */
const volatile __u32 knob_tcp_bounds[TCP_BOUNDS] = {};

static __always_inline void tcp_add(__u64 *value, __u64 n)
{
	if (n)
		__sync_fetch_and_add(value, n);
}

/* Adds a duration as often as it stands for. */
static __always_inline void tcp_record(struct tcp_histogram *histogram, __u32 us, __u8 scale)
{
	__u32 bucket = 0;
	__u32 step;

#pragma unroll
	for (step = TCP_BOUNDS / 2; step; step /= 2)
		if (us > knob_tcp_bounds[(bucket + step - 1) & (TCP_BOUNDS - 1)])
			bucket += step;
	if (us > knob_tcp_bounds[bucket & (TCP_BOUNDS - 1)])
		bucket++;
	tcp_add(&histogram->sum_us, (__u64)us << (scale & REST_SHIFT));
	tcp_add(&histogram->buckets[bucket & (2 * TCP_BOUNDS - 1)], 1 << (scale & REST_SHIFT));
}

/* The row of a connection, or the other one of it, with that mark; NULL when nobody counts or there is no memory. */
static __always_inline struct tcp_row *tcp_row_of(const struct tcp_socket *tcp, __u8 mark)
{
	struct tcp_key key = tcp->key;
	struct tcp_row *row;
	struct tcp_row *empty;
	__u32 zero = 0;

	if (!knob_tcp_metrics)
		return NULL;
	key.side |= mark;
	row = bpf_map_lookup_elem(&tcp_rows, &key);
	if (row)
		return row;
	empty = bpf_map_lookup_elem(&tcp_empty_row, &zero);
	if (!empty)
		return NULL;
	bpf_map_update_elem(&tcp_rows, &key, empty, BPF_NOEXIST);
	row = bpf_map_lookup_elem(&tcp_rows, &key);
	if (row)
		return row;
	count(COUNTER_TCP_OVERFLOW);
	__builtin_memset(&key, 0, sizeof(key));
	key.side = mark;
	return bpf_map_lookup_elem(&tcp_rows, &key);
}

/* Counts the bytes so far, and adds what is new to the row. The kernel counts SYN and FIN as a byte each, too; those of a
 * connection that is still open are taken off at its end, where the difference may be negative.
 */
static __always_inline void tcp_bytes(struct bpf_sock_ops *ctx, struct tcp_socket *tcp, struct tcp_row *row, bool closed)
{
	__u64 received = ctx->bytes_received;
	__u64 sent = ctx->bytes_acked - tcp->acked_before;

	if (closed && tcp->fin[INGRESS] && received)
		received--;
	if (closed && tcp->fin[EGRESS] && sent)
		sent--;
	if (row) {
		tcp_add(&row->received, received - tcp->received);
		tcp_add(&row->sent, sent - tcp->sent);
	}
	tcp->received = received;
	tcp->sent = sent;
}

/* Adds the round-trip times of the window to the row, or to the other one if they stand for more than themselves. */
static __always_inline void tcp_window(struct bpf_sock_ops *ctx, struct tcp_socket *tcp, struct tcp_row *row)
{
	__u8 samples = tcp->samples;
	__u8 scale = tcp->scale;

	tcp->samples = 0;
	if (samples && scale) {
		row = tcp_row_of(tcp, TCP_SCALED);
		if (!row)
			return;
	}
	if (samples)
		tcp_record(&row->rtt, ctx->srtt_us >> 3, scale);
	if (samples > 1)
		tcp_record(&row->jitter, tcp->sample_max_us - tcp->sample_min_us, scale);
}

/* Log2 of how many connections one is looked at of. */
static __always_inline __u8 tcp_scale(__u64 turn)
{
	__u8 scale = turn & REST_SHIFT;

	return scale < TCP_REST ? scale : TCP_REST;
}

/* Whether the round trips of a connection are not looked at in that turn. By its ports, so that this does not take its storage. */
static __always_inline bool tcp_rests(struct bpf_sock_ops *ctx, __u64 turn)
{
	/* The remote port is in network byte order in the upper half, hence both are as in a header. */
	return rest_of(bpf_htons(ctx->local_port) | ctx->remote_port, turn >> REST_GROUP << REST_GROUP | tcp_scale(turn));
}

/* Begins to follow a connection. */
static __always_inline struct tcp_socket *tcp_open(struct bpf_sock_ops *ctx, struct bpf_sock *sk, __u8 side)
{
	struct owner *owner = bpf_sk_storage_get(&owners, sk, NULL, 0);
	__u32 port = sk->src_port;
	__u32 peer_port = bpf_ntohs(sk->dst_port);
	__u8 local[16], peer[16];
	struct tcp_socket *tcp;

	if (side == SIDE_CLIENT)
		port = peer_port;
	if (owner && owner->off)
		return NULL;
	socket_addresses(sk, local, peer);
	if (!filter_port(port) || !filter_address(peer))
		return NULL;
	tcp = STORAGE_MAKE(&tcp_sockets, sk);
	if (!tcp) {
		count(COUNTER_TCP_STORAGE);
		return NULL;
	}
	__builtin_memset(tcp, 0, sizeof(*tcp)); /* the socket may have tried to connect before */
	tcp->opened_ns = bpf_ktime_get_ns();
	if (owner) {
		tcp->key.pid = owner->pid;
		__builtin_memcpy(tcp->key.comm, owner->comm, sizeof(tcp->key.comm));
	}
	if (knob_causes && side == SIDE_CLIENT)
		within_enter(&tcp->within, tcp->key.pid);
	tcp->key.port = port;
	tcp->key.side = side;
	tcp->key.version = address_version(peer);
	bpf_sock_ops_cb_flags_set(ctx, ctx->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_STATE_CB_FLAG |
					       (knob_tcp_metrics ? BPF_SOCK_OPS_RTT_CB_FLAG : 0) | BPF_SOCK_OPS_RETRANS_CB_FLAG |
					       BPF_SOCK_OPS_RTO_CB_FLAG);
	return tcp;
}

static __always_inline void tcp_established(struct bpf_sock_ops *ctx, struct tcp_socket *tcp, struct bpf_sock *sk)
{
	struct tcp_row *row = tcp_row_of(tcp, 0);
	struct owner *owner;

	tcp->established_ns = bpf_ktime_get_ns();
	tcp->acked_before = ctx->bytes_acked;
	if (!row)
		return;
	owner = bpf_sk_storage_get(&owners, sk, NULL, 0);
	if (owner)
		row->owned_ns = owner->created_ns;
	tcp_add(&row->opened, 1);
	if (tcp->key.side == SIDE_CLIENT)
		tcp_record(&row->handshake, (tcp->established_ns - tcp->opened_ns) / 1000, 0);
	else if (ctx->srtt_us) /* from SYN-ACK to ACK; unknown when the SYN-ACK was sent twice */
		tcp_record(&row->handshake, ctx->srtt_us >> 3, 0);
}

/* Once a round trip, in the turn in which it is looked at. Newer kernels pass the sample (Linux 6.10), older ones only have the smoothed one. */
static __always_inline void tcp_sample(struct bpf_sock_ops *ctx, struct tcp_socket *tcp, __u64 turn)
{
	__u32 sample = ctx->args[0] ? ctx->args[0] : ctx->srtt_us >> 3;
	__u64 now = bpf_ktime_get_ns();
	struct tcp_row *row;

	count(COUNTER_ROUND_TRIPS);
	if (tcp->window_ns && now - tcp->window_ns >= TCP_WINDOW_NS) {
		row = tcp_row_of(tcp, 0);
		if (row) {
			tcp_bytes(ctx, tcp, row, false);
			tcp_window(ctx, tcp, row);
		}
		tcp->samples = 0;
	}
	if (!tcp->samples) {
		tcp->scale = tcp_scale(turn);
		tcp->window_ns = now;
		tcp->sample_min_us = sample;
		tcp->sample_max_us = sample;
	}
	if (tcp->samples < 2)
		tcp->samples++;
	if (sample < tcp->sample_min_us)
		tcp->sample_min_us = sample;
	if (sample > tcp->sample_max_us)
		tcp->sample_max_us = sample;
}

static __always_inline void tcp_retransmit(struct bpf_sock_ops *ctx, struct tcp_socket *tcp)
{
	struct tcp_row *row = tcp_row_of(tcp, 0);
	__u32 segments = ctx->args[1] ? ctx->args[1] : 1;

	tcp->retransmits += segments;
	if (row)
		tcp_add(&row->retransmits, segments);
}

static __always_inline bool tcp_was_reset(const struct tcp_socket *tcp, __u8 direction)
{
	return reset_is_recent(tcp->reset_at[direction]);
}

/* Why a connection went from state to TCP_CLOSE. Only what tells a cause for certain is used: a RST that was seen, TCP's own
 * word that it gave up, the process's close.
 */
static __always_inline __u8 tcp_end_of(const struct tcp_socket *tcp, __u32 state)
{
	switch (state) {
	case BPF_TCP_SYN_SENT:
		if (tcp->reset_at[INGRESS])
			return TCP_END_REFUSED;
		if (tcp->expired)
			return TCP_END_TIMED_OUT;
		return tcp->released ? TCP_END_CANCELLED : TCP_END_UNREACHABLE;
	case BPF_TCP_ESTABLISHED:
	case BPF_TCP_CLOSE_WAIT:
		if (tcp_was_reset(tcp, INGRESS))
			return TCP_END_RESET_PEER;
		if (tcp->released || tcp_was_reset(tcp, EGRESS))
			return TCP_END_RESET_LOCAL;
		return TCP_END_TIMED_OUT;
	case BPF_TCP_FIN_WAIT1:
	case BPF_TCP_FIN_WAIT2:
		if (tcp_was_reset(tcp, INGRESS))
			return TCP_END_RESET_PEER;
		return tcp->expired ? TCP_END_TIMED_OUT : TCP_END_ORDERLY;
	}
	return TCP_END_ORDERLY;
}

/* Tells of a connection that ended badly, at once: such records are rare. */
static __always_inline void tcp_tell(struct bpf_sock_ops *ctx, const struct tcp_socket *tcp, struct bpf_sock *sk, __u8 end)
{
	struct owner *owner;
	struct event_tcp record = {
		.event = { .kind = EVENT_TCP, .side = tcp->key.side, .time_ns = bpf_ktime_get_ns() },
		.opened_ns = tcp->opened_ns,
		.established_ns = tcp->established_ns,
		.received = tcp->received,
		.sent = tcp->sent,
		.retransmits = tcp->retransmits,
		.srtt_us = ctx->srtt_us >> 3,
		.local_port = sk->src_port,
		.peer_port = bpf_ntohs(sk->dst_port),
		.end = end,
	};

	record.event.cookie = bpf_get_socket_cookie(ctx);
	if (knob_causes && within_holds(&tcp->within)) {
		record.within_cookie = tcp->within.cookie;
		record.within_exchange = tcp->within.exchange;
	}
	owner = bpf_sk_storage_get(&owners, sk, NULL, 0);
	if (owner)
		record.owner = *owner;
	socket_addresses(sk, record.local_address, record.peer_address);
	if (bpf_ringbuf_output(&ring, &record, sizeof(record), BPF_RB_FORCE_WAKEUP))
		count(COUNTER_TCP_RING_FULL);
}

static __always_inline void tcp_closed(struct bpf_sock_ops *ctx, struct tcp_socket *tcp, struct bpf_sock *sk)
{
	struct tcp_row *row = tcp_row_of(tcp, 0);
	__u8 end = tcp_end_of(tcp, ctx->args[0]);

	tcp_bytes(ctx, tcp, row, true);
	if (row) {
		tcp_window(ctx, tcp, row);
		tcp_add(&row->ends[end & (TCP_ENDS - 1)], 1);
		if (end == TCP_END_TIMED_OUT && !tcp->established_ns)
			tcp_add(&row->unestablished, 1);
	}
	if (knob_tcp_logs && end != TCP_END_ORDERLY)
		tcp_tell(ctx, tcp, sk, end);
}

/* A round trip is over. */
static __always_inline void tcp_round_trip(struct bpf_sock_ops *ctx, struct bpf_sock *sk)
{
	__u64 turn = knob_rest ? rest_turn : 0;
	struct tcp_socket *tcp;

	if (tcp_rests(ctx, turn))
		return;
	tcp = bpf_sk_storage_get(&tcp_sockets, sk, NULL, 0);
	if (tcp)
		tcp_sample(ctx, tcp, turn);
}

/* What sockops tells of a connection. */
static __always_inline void tcp_follow(struct bpf_sock_ops *ctx, struct bpf_sock *sk)
{
	struct tcp_socket *tcp;

	if (!(knob_tcp_metrics || knob_tcp_logs) || !sk)
		return;
	if (ctx->op == BPF_SOCK_OPS_RTT_CB) {
		tcp_round_trip(ctx, sk);
		return;
	}
	if (ctx->op == BPF_SOCK_OPS_TCP_CONNECT_CB) {
		tcp_open(ctx, sk, SIDE_CLIENT);
		return;
	}
	tcp = ctx->op == BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB ? tcp_open(ctx, sk, SIDE_SERVER) :
							       bpf_sk_storage_get(&tcp_sockets, sk, NULL, 0);
	if (!tcp)
		return;
	switch (ctx->op) {
	case BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB:
	case BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB:
		tcp_established(ctx, tcp, sk);
		break;
	case BPF_SOCK_OPS_RETRANS_CB:
		tcp_retransmit(ctx, tcp);
		break;
	case BPF_SOCK_OPS_RTO_CB:
		tcp->expired = ctx->args[2] != 0;
		break;
	case BPF_SOCK_OPS_STATE_CB:
		if (ctx->args[1] == BPF_TCP_CLOSE)
			tcp_closed(ctx, tcp, sk);
		break;
	}
}

/* The few packets that say something of the connection itself. */
static __always_inline void tcp_packet(struct bpf_sock *sk, const struct packet *packet)
{
	struct tcp_socket *tcp;
	struct tcp_row *row;

	if (!(knob_tcp_metrics || knob_tcp_logs) ||
	    !(packet->flags & (TCP_FLAG_RST | TCP_FLAG_FIN) || packet->zero_window))
		return;
	tcp = bpf_sk_storage_get(&tcp_sockets, sk, NULL, 0);
	if (!tcp)
		return;
	if (packet->flags & TCP_FLAG_RST) {
		tcp->reset_at[packet->direction & 1] = reset_clock();
		return;
	}
	if (packet->flags & TCP_FLAG_FIN)
		tcp->fin[packet->direction & 1] = 1;
	row = packet->zero_window ? tcp_row_of(tcp, 0) : NULL;
	if (row)
		tcp_add(&row->zero_windows[packet->direction & 1], 1);
}

static __always_inline void tcp_released(struct bpf_sock *sk)
{
	struct tcp_socket *tcp;

	if (!(knob_tcp_metrics || knob_tcp_logs))
		return;
	tcp = bpf_sk_storage_get(&tcp_sockets, sk, NULL, 0);
	if (tcp)
		tcp->released = 1;
}

#endif
