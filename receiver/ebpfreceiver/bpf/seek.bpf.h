/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copyright The otelcol-risk Authors */

/* Packets of streams that are out of place: they come while another processor has the one before, or before earlier bytes, or
 * in a direction of which it is not known any more where its frames begin.
 *
 *	place known, packet before it still missing -> wait for it, a moment
 *	place not known, packet begins like a frame -> the place is known again
 *	otherwise                                   -> handed over as it is
 */
#ifndef OTELCOL_RISK_SEEK_BPF_H
#define OTELCOL_RISK_SEEK_BPF_H

/* For how long a packet waits: a processor that sent a burst takes that long to deliver it. */
#define SEEK_WAIT_NS 50000ULL

/* For how long none waits after one did in vain, because the packet before it was lost or is late on the wire: however many
 * do that on purpose, a processor waits for no more than a twentieth of its time.
 */
#define SEEK_PAUSE_NS 1000000ULL

/* How often a packet looks, for the verifier, which follows each: about as long as SEEK_WAIT_NS takes that. */
#define SEEK_LOOKS 256
#define SEEK_CLOCKS 10 /* looks at the clock from one to the next, to pass the time */

/* When one last waited in vain. */
__u64 seek_failed_ns;

/* Waits until the packet before this one has been seen, if another processor has it. The socket's lock, which TCP takes next,
 * would have made this processor wait, too.
 */
static __always_inline void seek_wait(const struct packet *packet, const struct direction_state *state)
{
	__u64 begun = bpf_ktime_get_ns();
	__u64 now = begun;

	if (begun - seek_failed_ns < SEEK_PAUSE_NS)
		return;
	for (__u32 i = 0; i < SEEK_LOOKS && now - begun < SEEK_WAIT_NS; i++) {
		if (stream_is_next(packet, state))
			return;
#pragma unroll
		for (__u32 j = 0; j < SEEK_CLOCKS; j++)
			now = bpf_ktime_get_ns();
	}
	seek_failed_ns = now;
}

/* Whether a packet begins with DATA, which is told by what is behind it: another frame, or the packet's end. */
static __always_inline bool seek_data(struct __sk_buff *skb, const struct packet *packet)
{
	__u8 head[12] = {};
	__u32 next;

	if (packet->length < HTTP2_HEADER || bpf_skb_load_bytes(skb, packet->payload, head, HTTP2_HEADER) ||
	    !http2_is_usual_data(head))
		return false;
	next = HTTP2_HEADER + http2_length(head);
	if (packet->length == next)
		return true;
	if (packet->length < next + HTTP2_HEADER || bpf_skb_load_bytes(skb, packet->payload + next, head, HTTP2_HEADER))
		return false;
	return http2_is_usual_data(head) || http2_is_certain(head);
}

static __always_inline int seek(struct __sk_buff *skb)
{
	struct packet packet = { .direction = skb->cb[CB_DIRECTION] };
	struct bpf_sock *sk = skb->sk;
	struct direction_state *state;
	struct stream *stream;
	bool begins = false;

	if (!sk)
		return 1;
	sk = bpf_sk_fullsock(sk);
	if (!sk || !packet_read(skb, &packet))
		return 1;
	stream = bpf_sk_storage_get(&streams, sk, NULL, 0);
	if (!stream)
		return 1;
	state = packet.direction != stream->request_direction ? &stream->directions[1] : &stream->directions[0];
	if (state->aligned)
		seek_wait(&packet, state);
	if (!state->aligned)
		begins = stream_begins(skb, &packet, stream->protocol) || (stream->protocol == STREAM_HTTP2 && seek_data(skb, &packet));
	stream_enter(skb, &packet, stream, sk, begins);
	return 1;
}

#endif
