/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copyright The otelcol-risk Authors */

/* Which connections of HTTP/1 rest when looking at all of them costs too much: all but one in 2^shift groups. User space says
 * which group is followed, and lets another have its turn about every second.
 *
 * Whether an exchange is followed is asked once, when the first packet of its request passes, and then it is, to its end, or
 * it is not. So each is followed with a probability of exactly 2^-shift and stands for 2^shift; it keeps that number.
 *
 *	request, its group rests -> rests, noted once; from then on a packet costs one look at the note
 *	request, its group has its turn -> followed again
 *
 * Only the packets of requests lead from one to the other. What else passes a connection that rests, an answer or the rest of
 * a body, belongs to an exchange that is not followed.
 *
 * Round trips of TCP connections, whatever they carry, are looked at by the same groups; see tcp.bpf.h.
 */
#ifndef OTELCOL_RISK_REST_BPF_H
#define OTELCOL_RISK_REST_BPF_H

/* The group of a connection, of which the lowest bits are used. Both of its ends come to the same, since they see the same two
 * ports, in either order and as they are in the header.
 */
static __always_inline __u64 rest_group(__u32 ports)
{
	__u32 one = ports & 0xffff;
	__u32 other = ports >> 16;

	return thin_mix((__u64)(one + other) << 32 | (one ^ other));
}

/* Not 0 if connections with these ports rest. Without a branch, which a verifier would follow with all that comes. */
static __always_inline __u32 rest_of(__u32 ports, __u64 turn)
{
	return (rest_group(ports) ^ turn >> REST_GROUP) & ((1U << (turn & REST_SHIFT)) - 1);
}

/* Asks whose turn it is, once a packet: it may change at any moment. */
static __always_inline void rest_ask(struct packet *packet)
{
	__u64 turn = rest_turn;

	packet->rests = rest_of(packet->ports, turn);
	packet->scale = turn & REST_SHIFT;
}

/* The connection rests, with what it was about to be asked. Nothing is open on it any more. */
static __always_inline void rest_begin(struct connection *connection)
{
	connection->phase = PHASE_IDLE;
	connection->marks = (connection->marks & ~MARK_TUNNEL) | MARK_SEARCH; /* as on a connection that is new */
	connection->interim = INTERIM_NONE;
	connection->held = 0;
	connection->gap = 0;
	connection->rests = 1;
}

/* Where both directions go on, by TCP's word, if this packet is the next request. False if it is a packet that comes again:
 * its first time may have been while the connection rested, and its answer may have passed. So may an answer that comes
 * again, which is why TCP is asked about both.
 */
static __always_inline bool rest_synchronize(struct bpf_sock *sk, const struct packet *packet, struct connection *connection)
{
	__u8 here = packet->direction & 1;
	struct bpf_tcp_sock *tcp = bpf_tcp_sock(sk);
	__u32 received, sent, next;

	connection->synchronized[INGRESS] = tcp != NULL;
	connection->synchronized[EGRESS] = tcp != NULL;
	if (!tcp)
		return true;
	received = tcp->rcv_nxt;
	sent = tcp->snd_nxt;
	OPAQUE(received); /* else the compiler chooses between two addresses, which is not allowed */
	OPAQUE(sent);
	next = here == INGRESS ? received : sent;
	if ((__s32)(next - packet->sequence) > 0)
		return false;
	connection->next_sequence[INGRESS] = received;
	connection->next_sequence[EGRESS] = sent;
	connection->next_sequence[here] = packet->sequence;
	return true;
}

/* A packet of a connection that rests. True if it is not to be looked at; that is counted. Else it is of a client's, and the
 * connection is followed again if it begins a request (request_begin).
 */
static __always_inline bool rest_goes_on(const struct packet *packet, struct bpf_sock *sk, struct connection *connection)
{
	if (!packet->rests && packet->direction == connection->request_direction && rest_synchronize(sk, packet, connection))
		return false;
	count(COUNTER_RESTED);
	return true;
}

/* By how much more the shift is, by sixteenths of the ring that are taken. A table, because a verifier would follow every branch. */
static const __u8 rest_relief[16] = { [10] = 1, [11] = 2, [12] = 3, [13] = 4, [14] = REST_SHIFT, [15] = REST_SHIFT };

/* Lets more connections of HTTP/2 rest while the ring fills, half of them for every sixteenth above 9/16, and all above 14/16,
 * until user space chooses again: a record that is lost costs what was learned on its connection, and mostly on all of them.
 */
static __always_inline void stream_relieve(__u64 waiting)
{
	__u32 turn = stream_turn;
	__u32 chosen = turn >> REST_GROUP;
	__u32 shift = chosen + rest_relief[waiting >> knob_ring_shift & 15];
	__s32 room = REST_SHIFT - shift;

	if (!knob_rest)
		return;
	shift += room & room >> 31; /* at most REST_SHIFT */
	if (shift > (turn & REST_SHIFT))
		stream_turn = chosen << REST_GROUP | shift;
}

#endif
