/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copyright The otelcol-risk Authors */

/* Whether a response was whole when its connection ended (RFC 9112, section 6.3). Asked once a connection, and only for
 * metrics: of an exchange whose record is written, user space reads the head.
 */
#ifndef OTELCOL_RISK_JUDGE_BPF_H
#define OTELCOL_RISK_JUDGE_BPF_H

#define LOWER8 0x2020202020202020ULL
#define JUDGE_LINE 16 /* bytes of a line that are looked at */
#define JUDGE_DIGITS 20 /* of a length, with the space before it */
#define JUDGE_QUIET 1000000000ULL /* for how long a response is quiet that has mostly ended, as user space has it */

/* Returns at if nothing is wrong, else before; without a branch, which also the compiler is not to make. */
static __always_inline __u32 judge_select(__u64 wrong, __u32 at, __u32 before)
{
	__u64 sign = wrong | -wrong;

	OPAQUE(sign);
	sign >>= 63;
	OPAQUE(sign);
	return before | (at & ((__u32)sign - 1));
}

/* Finds the lines in the captured head of the final response that say where its body ends; none if interim responses came in
 * packets of their own. A connection that has ended holds no packets, so the results take the place of what is known of these:
 * held becomes 1 if there is a Transfer-Encoding, held_start the place behind the first byte of Content-Length, held_end that of
 * the empty line; 0: there is none.
 *
 * The loop has two ways through it, a place that is not a constant, and its results in memory, so a verifier does not
 * follow it once for every place. A line that comes twice has no meaning, and no place of use.
 */
static __always_inline void judge_read(struct connection *connection)
{
	__u32 at = connection->exchange.request_len;
	__u32 end = at + connection->exchange.response_len;

	connection->held = 0;
	connection->held_start = 0;
	connection->held_end = 0;
	if (connection->interim_bytes > connection->exchange.response_len)
		return;
	at += connection->interim_bytes;
	for (__u32 i = 0; i < RESPONSE_CAPACITY; i++) {
		const __u8 *line;
		__u64 first, second;

		OPAQUE(at);
		at &= 1023;
		if (at >= REQUEST_CAPACITY + RESPONSE_CAPACITY - JUDGE_LINE - 1 || at + 3 > end)
			return;
		line = connection->data + at;
		at++;
		if (*line != '\n')
			continue;
		line++;
		first = *(const __u64 *)line | LOWER8;
		second = *(const __u64 *)(line + 8) | LOWER8;
		if ((first & FIRST(2)) == TEXT4('\r' | 0x20, '\n' | 0x20, 0, 0)) {
			connection->held_end = at;
			return;
		}
		connection->held |= judge_select((first ^ TEXT8('t', 'r', 'a', 'n', 's', 'f', 'e', 'r')) |
							 (second ^ TEXT8('-', 'e', 'n', 'c', 'o', 'd', 'i', 'n')), 1, 0);
		connection->held_start = judge_select((first ^ TEXT8('c', 'o', 'n', 't', 'e', 'n', 't', '-')) |
								  ((second ^ TEXT8('l', 'e', 'n', 'g', 't', 'h', ':', 0)) & FIRST(7)),
							  at, connection->held_start);
	}
}

/* Reads the number behind `content-length:`, at that place; 0 if there is none, or its end may not have been captured. */
static __always_inline __u64 judge_number(const struct connection *connection, __u32 at)
{
	__u64 number = 0;

	if (!at || (!connection->held_end && at + JUDGE_LINE + JUDGE_DIGITS > connection->exchange.request_len +
										    connection->exchange.response_len))
		return 0;
	at += JUDGE_LINE - 1;
	for (__u32 i = 0; i < JUDGE_DIGITS; i++) {
		__u8 digit;

		OPAQUE(at);
		at &= 1023;
		if (at >= REQUEST_CAPACITY + RESPONSE_CAPACITY)
			return 0;
		digit = connection->data[at] - '0';
		at++;
		if (digit <= 9)
			number = number * 10 + digit;
		else if (i || digit != (__u8)(' ' - '0'))
			break;
	}
	OPAQUE(number);
	return number & (~0ULL >> 1);
}

/* Returns how the response of a connection that ends with that flag, now, has failed; 0 if it is whole. Where that cannot be told,
 * because its head was cut, it is if as much has passed as it has at least, and then nothing for long.
 */
static __always_inline __u8 judge_failure(struct connection *connection, __u64 now)
{
	__u8 flag = connection->ended;
	const struct event *event = &connection->exchange.event;
	__u64 bytes = event->response_bytes;
	__u64 length;
	__u16 status = connection->status;

	if (connection->method == METHOD_HEAD || status == 101 || status == 204 || status == 304 ||
	    (connection->method == METHOD_CONNECT && status / 100 == 2))
		return 0;
	judge_read(connection);
	if (connection->held) {
		if (event->flags & FLAG_EMPTY_LINE && bytes > connection->held_end + 2 - connection->exchange.request_len)
			return 0; /* it may be that of trailers */
		return event->flags & FLAG_CHUNK_END ? 0 : flag;
	}
	length = judge_number(connection, connection->held_start);
	if (connection->held_end && connection->held_start)
		return bytes >= connection->held_end + 2 - connection->exchange.request_len + length ? 0 : flag;
	if (!connection->held_end && bytes > connection->exchange.response_len + length && now - connection->last_ns >= JUDGE_QUIET)
		return 0;
	return flag == FLAG_FIN ? 0 : flag;
}

/* The connection has ended at that time: whatever was under way has come to nothing. */
static __always_inline void judge_end(struct connection *connection, bool answered, __u64 now)
{
	__u8 flag = connection->ended;

	if (!knob_metrics)
		return;
	if (answered && connection->counted) {
		flag = judge_failure(connection, now);
		/* Unless something came that ended it, the last byte did, however long ago. */
		if (flag)
			metrics_fail(connection, flag, flag == FLAG_RESET ? now : connection->last_ns);
	} else if (!answered || connection->interim) {
		metrics_fail(connection, flag, now);
	}
}

#endif
