/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copyright The otelcol-risk Authors */

/* Which connections of HTTP/2 rest when looking at all of them costs too much, or the ring fills: all but one group of 2^shift,
 * as in rest.bpf.h. But the same group is followed all the time, since a connection that has rested is worth less: what its
 * header blocks refer to was said in the meantime. So only a change of the shift makes a connection rest, or wakes it, and an
 * exchange stands for 2^shift at the time of its request.
 *
 *	any packet, its group is to rest -> the end is told, exchanges that are open are not; from then on a packet is counted
 *	packet of the client's that begins like a frame, its group is followed -> told like one that is older than the programs
 */
#ifndef OTELCOL_RISK_STREAMREST_BPF_H
#define OTELCOL_RISK_STREAMREST_BPF_H

/* Nothing is known of where a direction is. */
static __always_inline void direction_forget(struct direction_state *state)
{
	state->aligned = 0;
	state->joined = 1;
	state->next_known = 0;
	state->hole_start = state->hole_end;
	state->closing = 0;
	state->untold = 0;
}

static __always_inline void stream_begin_rest(struct stream *stream)
{
	stream_end(stream, FLAG_RESTED);
	stream->rests = 1;
	stream->ended = 0;
	stream->opened = OPENED_NOT;
}

/* As if the connection were older than the programs. */
static __always_inline void stream_wake_up(struct stream *stream)
{
	bpf_spin_lock(&stream->lock);
	direction_forget(&stream->directions[0]);
	direction_forget(&stream->directions[1]);
	bpf_spin_unlock(&stream->lock);
	stream->rests = 0;
	stream->open.event.flags = FLAG_GUESSED;
	stream->open.event.time_ns = bpf_ktime_get_ns();
}

/* A packet of a connection that begins to rest, or may be followed again. */
static __always_inline int stream_turns(struct __sk_buff *skb)
{
	struct packet packet = { .direction = skb->cb[CB_DIRECTION] };
	__u32 shift = stream_turn & REST_SHIFT;
	struct bpf_sock *sk = skb->sk;
	struct stream *stream;
	bool rests;

	if (!sk)
		return 1;
	sk = bpf_sk_fullsock(sk);
	if (!sk || !packet_read(skb, &packet))
		return 1;
	stream = bpf_sk_storage_get(&streams, sk, NULL, 0);
	if (!stream)
		return 1;
	rests = rest_of(packet.ports, shift);
	if (rests && !stream->rests)
		stream_begin_rest(stream);
	if (rests || packet.direction != stream->request_direction || !stream_begins(skb, &packet, STREAM_HTTP2)) {
		count(COUNTER_RESTED);
		return 1;
	}
	if (stream->rests)
		stream_wake_up(stream);
	stream->scale = shift;
	stream_enter(skb, &packet, stream, sk, true);
	return 1;
}

#endif
