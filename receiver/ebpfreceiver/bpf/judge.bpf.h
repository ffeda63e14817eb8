/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copyright The otelcol-risk Authors */

/* Whether a response was whole when its connection ended (RFC 9112, section 6.3). Asked once a connection, and only for
 * metrics: of an exchange whose record is written, user space reads the head.
 */
#ifndef OTELCOL_RISK_JUDGE_BPF_H
#define OTELCOL_RISK_JUDGE_BPF_H

#define LOWER8 0x2020202020202020ULL
#define JUDGE_LINE 16 /* bytes of a line that are looked at */

/* Finds the line of the captured response head that begins like this, in lower case, and returns the place of its first
 * byte; 0 if there is none. The loop has one way through it, and a place that is not a constant, so a verifier does not
 * follow it once for every place.
 */
static __always_inline __u32 judge_find(const struct connection *connection, __u64 begin, __u64 begin_mask, __u64 rest, __u64 rest_mask)
{
	__u32 at = connection->exchange.request_len;
	__u32 end = at + connection->exchange.response_len;

	for (__u32 i = 0; i < RESPONSE_CAPACITY; i++) {
		const __u8 *line;

		OPAQUE(at);
		at &= 1023;
		if (at >= REQUEST_CAPACITY + RESPONSE_CAPACITY - JUDGE_LINE - 1 || at + 3 > end)
			return 0;
		line = connection->data + at;
		at++;
		if (*line != '\n')
			continue;
		line++;
		if (((*(const __u64 *)line | LOWER8) & begin_mask) == begin &&
		    ((*(const __u64 *)(line + 8) | LOWER8) & rest_mask) == rest) {
			OPAQUE(at);
			return at & 1023; /* the same range, whichever round it is */
		}
	}
	return 0;
}

/* Reads the number behind `content-length:`, at that place; 0 if there is none. */
static __always_inline __u64 judge_number(const struct connection *connection, __u32 at)
{
	__u64 number = 0;

	at += JUDGE_LINE - 1;
	for (__u32 i = 0; i < 20; i++) {
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

/* Returns how the response of a connection that ends with that flag has failed; 0 if it is whole. */
static __always_inline __u8 judge_failure(const struct connection *connection)
{
	__u8 flag = connection->ended;
	const struct event *event = &connection->exchange.event;
	__u64 bytes = event->response_bytes - connection->interim_bytes;
	__u16 status = connection->status;
	__u32 head;
	__u32 length;

	if (connection->method == METHOD_HEAD || status == 101 || status == 204 || status == 304 ||
	    (connection->method == METHOD_CONNECT && status / 100 == 2))
		return 0;
	if (judge_find(connection, TEXT8('t', 'r', 'a', 'n', 's', 'f', 'e', 'r'), ~0ULL, 0, 0))
		return event->flags & FLAG_CHUNK_END ? 0 : flag;
	head = judge_find(connection, TEXT4('\r' | 0x20, '\n' | 0x20, 0, 0), FIRST(2), 0, 0);
	length = judge_find(connection, TEXT8('c', 'o', 'n', 't', 'e', 'n', 't', '-'), ~0ULL,
			    TEXT8('l', 'e', 'n', 'g', 't', 'h', ':', 0), FIRST(7));
	if (head && length)
		return bytes >= head + 2 - connection->exchange.request_len + judge_number(connection, length) ? 0 : flag;
	return flag == FLAG_FIN ? 0 : flag;
}

/* The connection has ended at that time: whatever was under way has come to nothing. */
static __always_inline void judge_end(struct connection *connection, bool answered, __u64 now)
{
	__u8 flag = connection->ended;

	if (!knob_metrics)
		return;
	if (answered && connection->counted) {
		flag = judge_failure(connection);
		/* The end of an orderly close is the last byte. */
		if (flag)
			metrics_fail(connection, flag, flag == FLAG_FIN ? connection->last_ns : now);
	} else if (!answered || connection->interim) {
		metrics_fail(connection, flag, now);
	}
}

#endif
