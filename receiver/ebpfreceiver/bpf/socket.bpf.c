// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Copyright The otelcol-risk Authors

/* Watches HTTP/1 at the socket: one record an exchange, for both of its ends. README.md has the map of the parts. */
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
#include "streamrest.bpf.h"
#include "walk.bpf.h"
#include "cause.bpf.h"
#include "idle.bpf.h"
#include "steps.bpf.h"
#include "detect.bpf.h"
#include "pipeline.bpf.h"
#include "early.bpf.h"
#include "accept.bpf.h"
#include "tcp.bpf.h"

char _license[] SEC("license") = "Dual BSD/GPL";

/* The types that Go is generated from. */
const struct event_stream *unused_stream __attribute__((unused));
const enum stream_protocol *unused_protocol __attribute__((unused));
const struct event_response *unused_response __attribute__((unused));
const struct event_process *unused_process __attribute__((unused));
const struct event_within *unused_within __attribute__((unused));
const struct event_tcp *unused_tcp __attribute__((unused));
const enum tcp_end *unused_tcp_end __attribute__((unused));
const enum tcp_mark *unused_tcp_mark __attribute__((unused));
const enum event_side *unused_side __attribute__((unused));
const enum event_kind *unused_kind __attribute__((unused));
const enum event_flag *unused_flag __attribute__((unused));
const enum method *unused_method __attribute__((unused));
const enum counter *unused_counter __attribute__((unused));

static __always_inline void observe(struct __sk_buff *skb, __u8 direction)
{
	struct packet packet = { .direction = direction };
	struct connection *connection;
	struct standing before;
	enum verdict verdict;
	struct bpf_sock *sk;
	__u8 ended = 0;

	if (!packet_read(skb, &packet))
		return;
	if (!packet.length && !(packet.flags & (TCP_FLAG_FIN | TCP_FLAG_RST)) && !packet.zero_window)
		return;
	sk = skb->sk;
	if (!sk)
		return;
	tcp_packet(sk, &packet);
	connection = bpf_sk_storage_get(&connections, sk, NULL, 0);
	if (!connection) {
		sk = bpf_sk_fullsock(sk);
		if (!sk)
			return;
		if (packet.length && direction == INGRESS && sk->state == BPF_TCP_LISTEN) {
			early_keep(skb, &packet, sk);
			return;
		}
		connection = connection_detect(skb, &packet, sk);
	} else if (knob_idle && connection->idle && !idle_ends(connection)) {
		idle_missed(skb, &packet);
		return;
	}
	if (!connection)
		return;
	if (knob_rest) {
		rest_ask(&packet);
		if (connection->rests && rest_goes_on(&packet, sk, connection))
			return;
	}
	before = standing_of(connection);
	verdict = connection_packet(skb, &packet, sk, connection, &ended);
	cause_follow(sk, connection, before);
	if (verdict >= DETECT_AGAIN) {
		step_to(skb, step_of(verdict), verdict, direction);
		return;
	}
	if (connection->interim && verdict == WRITE_EXCHANGE)
		step_to(skb, STEP_INTERIM, ended, verdict);
	if (ended && connection->phase != PHASE_IDLE)
		step_to(skb, STEP_END, ended, verdict);
	packet_write(skb, connection, verdict);
}

/* Packets that arrive, after the socket was found and before TCP sorts them: retransmissions and disorder are seen. */
SEC("cgroup/skb")
int observe_ingress(struct __sk_buff *skb)
{
	observe(skb, INGRESS);
	return 1;
}

/* Packets that leave, before segmentation: what one write gave is mostly one packet, and loss further on only shows as
 * retransmissions.
 */
SEC("cgroup/skb")
int observe_egress(struct __sk_buff *skb)
{
	observe(skb, EGRESS);
	return 1;
}

/* Go on where the two above come to what is not the rule; see steps.bpf.h. */
SEC("cgroup/skb")
int end_packet(struct __sk_buff *skb)
{
	return step_end_packet(skb);
}

SEC("cgroup/skb")
int thin_packet(struct __sk_buff *skb)
{
	return step_thin_packet(skb);
}

SEC("cgroup/skb")
int interim_packet(struct __sk_buff *skb)
{
	return step_interim_packet(skb);
}

SEC("cgroup/skb")
int detect_packet(struct __sk_buff *skb)
{
	return step_detect_packet(skb);
}

SEC("cgroup/skb")
int pipeline_packet(struct __sk_buff *skb)
{
	return step_pipeline_packet(skb);
}

SEC("cgroup/skb")
int rest_packet(struct __sk_buff *skb)
{
	return step_rest_packet(skb);
}

/* Go on where they come to frames. */
SEC("cgroup/skb")
int walk_tiny(struct __sk_buff *skb)
{
	return STREAM_WALK(skb, STREAM_TINY, STREAM_CHUNK_TINY, STREAM_STEPS_SMALL, WALKER_TINY);
}

SEC("cgroup/skb")
int walk_small(struct __sk_buff *skb)
{
	return STREAM_WALK(skb, STREAM_SMALL, STREAM_CHUNK_SMALL, STREAM_STEPS_SMALL, WALKER_SMALL);
}

SEC("cgroup/skb")
int walk_large(struct __sk_buff *skb)
{
	return STREAM_WALK(skb, STREAM_LARGE, STREAM_CHUNK_LARGE, STREAM_STEPS_LARGE, WALKER_LARGE);
}

SEC("cgroup/skb")
int walk_raw(struct __sk_buff *skb)
{
	return stream_raw(skb);
}

SEC("cgroup/skb")
int seek_packet(struct __sk_buff *skb)
{
	return seek(skb);
}

SEC("cgroup/skb")
int rest_stream(struct __sk_buff *skb)
{
	return stream_turns(skb);
}

/* socket(): runs in the caller's context. */
SEC("cgroup/sock_create")
int own_create(struct bpf_sock *sk)
{
	struct owner *owner;

	if (sk->type != SOCK_STREAM)
		return 1;
	owner = owner_tag(sk);
	if (owner)
		owner_tell(owner);
	return 1;
}

/* bind(): also for the TCP socket inside a Multipath TCP one, which is what Go programs listen on; the kernel makes that
 * one itself, so socket() does not tell of it.
 */
SEC("cgroup/post_bind4")
int own_bind4(struct bpf_sock *sk)
{
	if (sk->type == SOCK_STREAM)
		owner_tag(sk);
	return 1;
}

SEC("cgroup/post_bind6")
int own_bind6(struct bpf_sock *sk)
{
	if (sk->type == SOCK_STREAM)
		owner_tag(sk);
	return 1;
}

/* connect(): a socket that was made by one process and handed to another belongs to the one that uses it. */
SEC("cgroup/connect4")
int own_connect4(struct bpf_sock_addr *ctx)
{
	if (ctx->sk && ctx->type == SOCK_STREAM)
		owner_tag(ctx->sk);
	return 1;
}

SEC("cgroup/connect6")
int own_connect6(struct bpf_sock_addr *ctx)
{
	if (ctx->sk && ctx->type == SOCK_STREAM)
		owner_tag(ctx->sk);
	return 1;
}

SEC("cgroup/getpeername4")
int own_accept4(struct bpf_sock_addr *ctx)
{
	if (ctx->sk && ctx->type == SOCK_STREAM)
		owner_accept(ctx->sk);
	return 1;
}

SEC("cgroup/getpeername6")
int own_accept6(struct bpf_sock_addr *ctx)
{
	if (ctx->sk && ctx->type == SOCK_STREAM)
		owner_accept(ctx->sk);
	return 1;
}

/* The last close() of a socket, before TCP knows of it: what tells that this end has given up, or is about to
 * send a reset, from a connection that TCP gives up.
 */
SEC("cgroup/sock_release")
int follow_release(struct bpf_sock *sk)
{
	struct connection *connection = bpf_sk_storage_get(&connections, sk, NULL, 0);
	struct stream *stream = bpf_sk_storage_get(&streams, sk, NULL, 0);

	if (connection) {
		connection->released = 1;
		cause_abandoned(sk, connection);
		cause_shown(connection);
	}
	if (stream)
		stream->released = 1;
	if (!connection && !stream)
		idle_released(sk);
	hiding_end(sk); /* whatever the connection speaks by now */
	tcp_released(sk);
	return 1;
}

/* Life cycle: a connection that ends without a packet still ends what was open on it. Closing a connection with unread
 * data or without lingering goes to TCP_CLOSE straight from a state with two open sides, and the RST follows; the end of
 * a connection that was closed in order comes from a later state.
 */
SEC("sockops")
int follow_state(struct bpf_sock_ops *ctx)
{
	struct connection *connection;
	struct stream *stream;
	struct bpf_sock *sk = ctx->sk;

	tcp_follow(ctx, sk);
	switch (ctx->op) {
	case BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB:
		if (sk) {
			owner_inherit(sk);
			early_take(ctx, sk);
		}
		__attribute__((fallthrough));
	case BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB:
		bpf_sock_ops_cb_flags_set(ctx, ctx->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_STATE_CB_FLAG);
		break;
	case BPF_SOCK_OPS_STATE_CB:
		if (ctx->args[1] != BPF_TCP_CLOSE || !sk)
			break;
		connection = bpf_sk_storage_get(&connections, sk, NULL, 0);
		stream = bpf_sk_storage_get(&streams, sk, NULL, 0);
		if (stream)
			stream_closed(stream, ctx->args[0]);
		if (connection)
			cause_shown(connection);
		if (connection && connection->phase != PHASE_IDLE)
			bpf_tail_call(ctx, &state_steps, STEP_END);
		break;
	}
	return 1;
}

/* Goes on where the above comes to the end of a connection with something open. */
SEC("sockops")
int end_state(struct bpf_sock_ops *ctx)
{
	return step_end_state(ctx);
}
