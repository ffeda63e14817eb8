/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copyright The otelcol-risk Authors */

/* Where the packets of an HTTP/1 connection lie in the streams of its directions: which bytes are new, and what waits for
 * earlier ones.
 */
#ifndef OTELCOL_RISK_ORDER_BPF_H
#define OTELCOL_RISK_ORDER_BPF_H

/* Where a packet lies in the stream of its direction. */
struct span {
	__u32 skip; /* bytes of the payload that had been seen before */
	__u32 advance; /* bytes by which the stream is known to be longer now */
	__u32 behind; /* of these, bytes of held packets that follow this one */
	__u8 held; /* enum held: what is known of them */
	bool waits; /* this packet is held */
	bool gap; /* earlier bytes are missing */
};

/* See http1_ending. The last chunk alone in a packet comes behind a line's end. */
static __always_inline __u8 packet_ending(struct __sk_buff *skb, const struct packet *packet)
{
	if (packet->length >= 7)
		return http1_ending(packet_tail(skb, packet, 7));
	return http1_ending(packet_tail(skb, packet, 5) << 16 | TEXT4('\r', '\n', 0, 0));
}

/* Holds a packet that comes before earlier bytes, until these have come. Its bytes are not looked at: nearly always they
 * are of a body. False when it does not follow on what is held, or when it begins a message, which must be looked at.
 */
static __always_inline bool connection_hold(struct __sk_buff *skb, const struct packet *packet, struct bpf_sock *sk,
					    struct connection *connection)
{
	__u32 end = packet->sequence + packet->length;
	__u64 prefix;

	if (!packet_is_ahead(sk, packet))
		return false;
	if (!connection->held) {
		prefix = packet_prefix(skb, packet, 0);
		if (http1_is_response(prefix) || http1_is_request(prefix))
			return false;
		connection->held_start = packet->sequence;
		connection->held_end = packet->sequence;
	}
	if ((__s32)(packet->sequence - connection->held_start) < 0 || (__s32)(packet->sequence - connection->held_end) > 0)
		return false;
	if (!connection->held || (__s32)(end - connection->held_end) > 0) {
		connection->held_end = end;
		connection->held &= HELD_PUSH;
		connection->held |= HELD_PACKETS | (packet->flags & TCP_FLAG_PSH ? HELD_PUSH : 0) | packet_ending(skb, packet);
	}
	if (packet->flags & TCP_FLAG_FIN)
		connection->held |= HELD_FIN;
	return true;
}

/* Adds what is held to the packet that fills the hole before it, or forgets it, if the stream went on without. */
static __always_inline void connection_join(struct connection *connection, __u32 *next, struct span *span)
{
	if ((__s32)(connection->held_start - *next) > 0)
		return;
	if ((__s32)(connection->held_end - *next) >= 0) {
		span->behind = connection->held_end - *next;
		span->advance += span->behind;
		span->held = connection->held;
		*next = connection->held_end;
	}
	connection->held = 0;
}

/* Follows the stream of one direction: all of a retransmission is to be skipped, and all of a packet that is held. Where
 * that is not possible, or where TCP misses nothing and the programs do, a packet that comes before earlier bytes is taken
 * at once: those bytes count as part of the stream, but what is in them is not looked at when they come.
 */
static __always_inline struct span connection_follow(struct __sk_buff *skb, const struct packet *packet, struct bpf_sock *sk,
						     struct connection *connection)
{
	__u32 *next = &connection->next_sequence[packet->direction & 1];
	__u8 *synchronized = &connection->synchronized[packet->direction & 1];
	struct span span = { .advance = packet->length };
	__s32 behind;

	if (!*synchronized) {
		*synchronized = 1;
		*next = packet_expected(sk, packet);
	}
	behind = *next - packet->sequence;
	if (behind >= (__s32)packet->length && (behind || !(packet->flags & TCP_FLAG_FIN))) {
		span.skip = packet->length;
		return span;
	}
	if (behind < 0 && connection_hold(skb, packet, sk, connection)) {
		span.skip = packet->length;
		span.advance = 0;
		span.waits = true;
		return span;
	}
	*next = packet->sequence + packet->length;
	span.advance -= behind;
	if (behind < 0) {
		span.gap = true;
		count(COUNTER_GAPS);
	} else {
		span.skip = behind;
	}
	if (packet->direction == INGRESS && connection->held)
		connection_join(connection, next, &span);
	return span;
}

#endif
