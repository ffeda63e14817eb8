/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copyright The otelcol-risk Authors */

/* Which exchanges get a record when not all of them can: those whose 56 random bits are at least the threshold, as in
 * OpenTelemetry's consistent probability sampling, so each stands for 2^56 / (2^56 - threshold).
 *
 * The random bits are the last ones of the trace id where the captured head has a traceparent, so whoever thins by the same
 * bits keeps the same traces; else a hash of the request's place in its TCP stream, on which both ends of a connection
 * agree.
 *
 * What failed is told whatever the budget, and stands for itself alone: there is little of it where all is well, and where
 * it is not, it is what is looked for. Only a ring that fills leaves it out as it does the rest.
 */
#ifndef OTELCOL_RISK_THIN_BPF_H
#define OTELCOL_RISK_THIN_BPF_H

#define RANDOM_BITS 56
#define TRACEPARENT_NAME 13 /* "\ntraceparent:" */
#define TRACEPARENT_ROUNDS 128 /* three times what a head takes that is not made of the letters of the name */
#define TRACEPARENT_LOW 21 /* where the last 56 bits of the trace id begin in the value */

/* The search for TRACEPARENT_NAME goes on by its length, less this, when its last byte would be the index (Horspool's
 * algorithm). A table, because a verifier would follow every branch.
 */
static const __u8 thin_back[256] = {
	['\n'] = 1,
	['c'] = 5, ['p'] = 7, ['a'] = 8, ['r'] = 9, ['e'] = 10, ['n'] = 11, ['t'] = 12,
	['C'] = 5, ['P'] = 7, ['A'] = 8, ['R'] = 9, ['E'] = 10, ['N'] = 11, ['T'] = 12,
};

/* Without branches, which a verifier would follow in every round. */
static __always_inline bool thin_is_name(const __u8 *at)
{
	__u64 begin = *(const __u64 *)at;
	__u32 rest = *(const __u32 *)(at + 8);

	begin = (begin | LOWER8) ^ (TEXT8('\n', 't', 'r', 'a', 'c', 'e', 'p', 'a') | LOWER8);
	begin |= (__u8)(at[0] ^ '\n');
	begin |= (rest | (__u32)LOWER8) ^ (__u32)TEXT4('r', 'e', 'n', 't');
	return !begin;
}

/* Reads the last 56 bits of a trace id in lower-case hexadecimal; 0 if that is not what is there. */
static __always_inline __u64 thin_trace_bits(const __u8 *hex)
{
	__u64 bits = 0;
	__u32 bad = 0;

#pragma unroll
	for (int i = 0; i < RANDOM_BITS / 4; i++) {
		__u32 digit = (__u8)(hex[i] - '0');
		__u32 letter = (__u8)(hex[i] - 'a');

		bad |= (9 - digit) & (5 - letter); /* the highest bit: beyond both */
		bits = bits << 4 | ((hex[i] & 15) + 9 * (hex[i] >> 6));
	}
	return bad >> 31 ? 0 : bits;
}

/* Where in the captured head the traceparent's name begins, with the line end before it; 0 if it is not there, or not
 * within so many rounds.
 */
static __always_inline __u32 thin_find(const struct connection *connection)
{
	__u32 length = connection->exchange.request_len;
	__u32 at = 14 + connection->zero; /* no request line is shorter; a place that is no constant, as in judge_find */

	for (__u32 i = 0; i < TRACEPARENT_ROUNDS; i++) {
		const __u8 *window;
		__u8 last;

		OPAQUE(at);
		at &= 1023; /* for the verifier: the same range in every round */
		if (at > REQUEST_CAPACITY - 64 || at + 64 > length)
			return 0;
		window = connection->data + at;
		last = window[TRACEPARENT_NAME - 1];
		if (last == ':' && thin_is_name(window)) {
			OPAQUE(at);
			return at & 511;
		}
		at += TRACEPARENT_NAME - (thin_back[last] & 15);
	}
	return 0;
}

/* The trace id's bits; 0 if no traceparent was captured. */
static __always_inline __u64 thin_trace(const struct connection *connection)
{
	__u32 at = thin_find(connection);
	const __u8 *value = connection->data + at + TRACEPARENT_NAME;

	if (!at || at > REQUEST_CAPACITY - 64)
		return 0;
	return thin_trace_bits(value + TRACEPARENT_LOW + (*value == ' '));
}

/* MurmurHash3's finalizer. */
static __always_inline __u64 thin_mix(__u64 x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdULL;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53ULL;
	return x ^ x >> 33;
}

static __always_inline __u64 thin_random(const struct connection *connection)
{
	const struct event_exchange *exchange = &connection->exchange;
	__u64 bits = thin_trace(connection);
	__u64 server = exchange->event.side == SIDE_SERVER ? exchange->local_port : exchange->peer_port;
	__u64 client = exchange->event.side == SIDE_SERVER ? exchange->peer_port : exchange->local_port;
	__u64 place = (__u64)connection->request_sequence << 32 | server << 16 | client;

	return bits ? bits : thin_mix(place) >> (64 - RANDOM_BITS);
}

/* Whether an exchange whose record is due has failed: 5xx, no answer, or a call within a request that was answered with 4xx, which
 * may be why that fails. One of which only an interim response has come may fail yet.
 */
static __always_inline bool thin_failed(const struct connection *connection)
{
	__u8 side = connection->exchange.event.side;
	__u16 least = side == SIDE_CLIENT && connection->marks & MARK_CAUSED ? 400 : 500;

	return connection->status >= least || !connection->status;
}

/* The threshold that applies to an exchange: that of the budget, unless it has failed, or, when the ring is more than half full,
 * one that rises with every sixteenth of it, if that is higher.
 */
static __always_inline __u64 thin_threshold_now(const struct connection *connection, __u64 waiting)
{
	const __u64 one = 1ULL << RANDOM_BITS;
	__u64 threshold = thin_failed(connection) ? 0 : thin_threshold;
	__u64 sixteenths = waiting >> knob_ring_shift;

	if (sixteenths >= 8) {
		__u64 shed = one - (one >> (2 * (sixteenths - 7)));

		if (shed > threshold)
			threshold = shed;
	}
	return threshold;
}

/* Notes the threshold that applies to an exchange. False if there is none: every exchange gets a record. */
static __always_inline bool thin_applies(struct connection *connection, __u64 waiting)
{
	struct event_exchange *exchange = &connection->exchange;

	exchange->threshold = thin_threshold_now(connection, waiting);
	if (connection->marks & MARK_ALERTED)
		exchange->threshold = 0; /* it becomes no span, but the log record of a handshake */
	return exchange->threshold;
}

/* Whether an exchange gets no record, by the threshold that applies to it; if so, that is counted. */
static __always_inline bool thin_drops(const struct connection *connection)
{
	if (thin_random(connection) >= connection->exchange.threshold)
		return false;
	count(COUNTER_THINNED);
	return true;
}

#endif
