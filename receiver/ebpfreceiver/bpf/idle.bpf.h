/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copyright The otelcol-risk Authors */

/* Connections of HTTP/1 that are idle do not keep their state, which is most of what the kernel holds for them. User space
 * lets a program of its own (sweep.bpf.c) look at all of them now and then, as a clock algorithm does:
 *
 *	IDLE_NOT --- sweep ---> IDLE_NOTED --- next sweep, if its last exchange is over ---> IDLE_GONE, and the state is deleted
 *	   ^--- a packet, or accept() ---'
 *
 * What is left is a note in the owner's tag, OWNER_SWEPT, and the next request is detected anew. So a packet costs one look,
 * and a connection is quiet for one to two times what is between sweeps before that. A lock, for packets that find a note
 * only, decides between one that comes at that very moment and the sweep: nobody works on with state that is taken away.
 * Of a server's connection that rests, there is also the note that its process may have a request (struct hiding).
 */
#ifndef OTELCOL_RISK_IDLE_BPF_H
#define OTELCOL_RISK_IDLE_BPF_H

struct gate {
	struct bpf_spin_lock lock; /* of connection.idle, where it is not IDLE_NOT */
};

/* One for all: it is held for a comparison, by the first packet of a connection after a sweep. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct gate);
} gates SEC(".maps");

/* A connection that was noted goes to another state. False if it is too late, or something else came first. */
static __always_inline bool idle_become(struct connection *connection, __u8 state)
{
	__u32 zero = 0;
	struct gate *gate = bpf_map_lookup_elem(&gates, &zero);
	bool noted;

	if (!gate)
		return false;
	bpf_spin_lock(&gate->lock);
	noted = connection->idle == IDLE_NOTED || connection->idle == IDLE_NOTED_TOO;
	if (noted)
		connection->idle = state;
	bpf_spin_unlock(&gate->lock);
	return noted;
}

/* Something happens on a connection that was noted. False if its state is taken away at this moment. */
static __always_inline bool idle_ends(struct connection *connection)
{
	return idle_become(connection, IDLE_NOT) || connection->idle == IDLE_NOT;
}

/* A packet that came at that moment. */
static __always_inline void idle_missed(struct __sk_buff *skb, const struct packet *packet)
{
	if (!http1_is_request(packet_prefix(skb, packet, 0)))
		return;
	count(COUNTER_REQUESTS);
	count(COUNTER_LOST_STORAGE);
}

/* Whether a packet of a swept connection has come before, by TCP's word: neither its exchange nor its answer is new. */
static __always_inline bool idle_repeats(const struct packet *packet, struct bpf_sock *sk, const struct owner *owner)
{
	struct bpf_tcp_sock *tcp;
	__u32 received, sent;

	if (!(owner->direction & OWNER_SWEPT))
		return false;
	tcp = bpf_tcp_sock(sk);
	if (!tcp)
		return false;
	received = tcp->rcv_nxt;
	sent = tcp->snd_nxt;
	OPAQUE(received); /* else the compiler chooses between two addresses, which is not allowed */
	OPAQUE(sent);
	return (__s32)((packet->direction == INGRESS ? received : sent) - packet->sequence) > 0;
}

/* The next request of a swept connection. Its number is one that no earlier exchange of the socket can have had: there was
 * never one a microsecond.
 */
static __always_inline void idle_resume(const struct packet *packet, struct bpf_sock *sk, struct connection *connection,
					const struct owner *owner)
{
	if (!(owner->direction & OWNER_SWEPT))
		return;
	connection->exchange.event.exchange = bpf_ktime_get_ns() >> 10;
	connection->released = !!(owner->direction & OWNER_RELEASED);
	rest_synchronize(sk, packet, connection);
}

/* Whether the connection may have been swept before its last request: idle_resume gives that a higher number than the first of a
 * connection has. So has the second of one that never was.
 */
static __always_inline bool idle_resumed(const struct connection *connection)
{
	return connection->exchange.event.exchange > 1;
}

/* The last descriptor of a socket without state is being closed. */
static __always_inline void idle_released(struct bpf_sock *sk)
{
	struct owner *owner = knob_idle ? bpf_sk_storage_get(&owners, sk, NULL, 0) : NULL;

	if (owner && owner->direction & OWNER_SWEPT)
		owner->direction |= OWNER_RELEASED;
}

#endif
