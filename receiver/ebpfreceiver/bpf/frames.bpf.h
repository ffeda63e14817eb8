/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copyright The otelcol-risk Authors */

/* What HTTP/2 frames and TLS records look like: how they are told from anything else, and what of them is copied. */
#ifndef OTELCOL_RISK_FRAMES_BPF_H
#define OTELCOL_RISK_FRAMES_BPF_H

enum {
	HTTP2_HEADER = 9,
	HTTP2_PREFACE = 24, /* bytes that a client sends first */
	HTTP2_DATA = 0,
	HTTP2_HEADERS = 1,
	HTTP2_RESET = 3,
	HTTP2_SETTINGS = 4,
	HTTP2_PUSH_PROMISE = 5,
	HTTP2_PING = 6,
	HTTP2_GOAWAY = 7,
	HTTP2_WINDOW_UPDATE = 8,
	HTTP2_CONTINUATION = 9,
	HTTP2_END_STREAM = 1,
	HTTP2_USUAL_FRAME = 1 << 14, /* bytes of a frame that every receiver takes (RFC 9113 section 4.2) */
	HTTP2_MAX_FRAME = 1 << 20, /* longer ones are not believed, but for DATA */
	TLS_HEADER = 5,
	TLS_CHANGE = 20,
	TLS_ALERT = 21,
	TLS_HANDSHAKE = 22,
	TLS_DATA = 23,
	TLS_MAX_RECORD = (1 << 14) + 2048,
	TLS_MAX_HANDSHAKE = 1 << 17, /* bytes of a direction after which there was no handshake */
	STREAM_TINY = 96, /* capacity of a record for a packet that is no longer: how many the ring has room for matters most */
	STREAM_SMALL = 256,
	STREAM_LARGE = 2048, /* of any other */
	STREAM_CHUNK_TINY = 48, /* bytes that are copied at once; a record has room for one above its capacity */
	STREAM_CHUNK_SMALL = 64,
	STREAM_CHUNK_LARGE = 256,
	STREAM_TAIL = 16, /* room for the beginning of a header, more than it can be: a power of two */
	STREAM_STEPS_SMALL = 8, /* a record; a step is a frame, or a chunk of a long one. 33 records a packet at most, or the rest of it is cut */
	STREAM_STEPS_LARGE = 64, /* a client that was held up sends over a thousand WINDOW_UPDATEs at once */
	WALKER_TINY = 0,
	WALKER_SMALL = 1,
	WALKER_LARGE = 2,
	WALKER_RAW = 3,
	WALKER_SEEK = 4,
	WALKER_REST = 5,
	WALKERS = 6,
};

/* What http2_is_headers found. */
enum http2_block {
	BLOCK_NONE = 0,
	BLOCK_REQUEST = 1,
	BLOCK_RESPONSE = 2,
};

#define HTTP2_PREFIX TEXT8('P', 'R', 'I', ' ', '*', ' ', 'H', 'T') /* of the preface */

static __always_inline bool http2_is_preface(__u64 prefix)
{
	return prefix == HTTP2_PREFIX;
}

/* Frames that connections exchange while nothing happens; nothing else begins like them. */
static __always_inline bool http2_is_idle(__u64 prefix)
{
	return (prefix & ~(1ULL << 32)) == TEXT8(0, 0, 8, HTTP2_PING, 0, 0, 0, 0) ||
	       prefix == TEXT8(0, 0, 4, HTTP2_WINDOW_UPDATE, 0, 0, 0, 0) ||
	       prefix == TEXT8(0, 0, 0, HTTP2_SETTINGS, 1, 0, 0, 0);
}

/* Whether a packet of a connection whose beginning was not seen starts with a whole HEADERS frame of a client's stream
 * whose block starts with a pseudo-header field of the static table, and whose: that tells the direction, too.
 */
static __always_inline enum http2_block http2_is_headers(struct __sk_buff *skb, const struct packet *packet, __u64 prefix)
{
	__u8 flags = prefix >> 32;
	__u32 length = (prefix & 0xff) << 16 | (prefix & 0xff00) | (__u8)(prefix >> 16);
	__u32 front = HTTP2_HEADER + (flags & 0x20 ? 5 : 0);
	__u8 low = 0;
	__u8 first = 0;

	if ((__u8)(prefix >> 24) != HTTP2_HEADERS || (flags & 0xda) || !(flags & 4) || (prefix >> 40 & 0x80) ||
	    length < front - HTTP2_HEADER + 1 || length > 1 << 14 || packet->length < HTTP2_HEADER + length)
		return BLOCK_NONE;
	bpf_skb_load_bytes(skb, packet->payload + HTTP2_HEADER - 1, &low, 1);
	bpf_skb_load_bytes(skb, packet->payload + front, &first, 1);
	if (!(low & 1))
		return BLOCK_NONE;
	if (first >= 0x82 && first <= 0x87)
		return BLOCK_REQUEST;
	return first >= 0x88 && first <= 0x8e ? BLOCK_RESPONSE : BLOCK_NONE;
}

static __always_inline bool tls_is_client_hello(__u64 prefix)
{
	return (__u8)prefix == TLS_HANDSHAKE && (__u8)(prefix >> 8) == 3 && (__u8)(prefix >> 16) <= 4 &&
	       (__u8)(prefix >> 24) <= TLS_MAX_RECORD >> 8 && (__u8)(prefix >> 40) == 1;
}

/* Whether a direction may go on with a frame like this. */
static __always_inline bool http2_plausible(const __u8 *head, __u32 length)
{
	__u8 stream = (head[5] & 0x7f) | head[6] | head[7] | head[8];

	switch (head[3]) {
	case HTTP2_DATA:
		return stream;
	case HTTP2_HEADERS:
	case HTTP2_PUSH_PROMISE:
	case HTTP2_CONTINUATION:
		return stream && length <= HTTP2_MAX_FRAME;
	case HTTP2_RESET:
		return stream && length == 4;
	case HTTP2_PING:
		return !stream && length == 8;
	case HTTP2_WINDOW_UPDATE:
		return length == 4;
	}
	return length <= 1 << 14;
}

static __always_inline __u32 http2_length(const __u8 *head)
{
	return head[0] << 16 | head[1] << 8 | head[2];
}

/* Whether this can be nothing but the header of a frame. */
static __always_inline bool http2_is_certain(const __u8 *head)
{
	__u32 length = http2_length(head);

	switch (head[3]) {
	case HTTP2_HEADERS:
		return !(head[4] & 0xd2) && length && length <= HTTP2_USUAL_FRAME && !(head[5] & 0x80) && http2_plausible(head, length);
	case HTTP2_RESET:
	case HTTP2_PING:
	case HTTP2_WINDOW_UPDATE:
		return !(head[4] & 0xfe) && !(head[5] & 0x80) && http2_plausible(head, length);
	case HTTP2_SETTINGS:
		return !length && head[4] == 1 && !(head[5] | head[6] | head[7] | head[8]);
	}
	return false;
}

/* Whether this looks like the header of DATA that most senders send: without padding, on a stream that a client opened. Of
 * 134 million random headers one does.
 */
static __always_inline bool http2_is_usual_data(const __u8 *head)
{
	__u32 length = http2_length(head);

	return head[3] == HTTP2_DATA && !(head[4] & ~HTTP2_END_STREAM) && length && length <= HTTP2_USUAL_FRAME && !(head[5] & 0x80) &&
	       head[8] & 1;
}

/* Begins an HTTP/2 frame. True if its header is to be copied. */
static __always_inline bool http2_begin(struct direction_state *state)
{
	const __u8 *head = state->head;
	__u32 length = http2_length(head);

	if (!http2_plausible(head, length)) {
		state->aligned = 0;
		return false;
	}
	switch (head[3]) {
	case HTTP2_HEADERS:
	case HTTP2_RESET:
	case HTTP2_PUSH_PROMISE:
	case HTTP2_GOAWAY:
	case HTTP2_CONTINUATION:
		state->take = length;
		return true;
	case HTTP2_DATA:
		state->skip = length;
		state->last = head[4] & HTTP2_END_STREAM;
		return true;
	}
	state->skip = length;
	state->last = 0;
	return false;
}

/* Begins a TLS record; first is the first byte of its payload, if it is in the packet. The handshake is over when the
 * server sends something encrypted after the client did.
 */
static __always_inline bool tls_begin(struct stream *stream, struct direction_state *state, __u8 first)
{
	const __u8 *head = state->head;
	__u32 length = head[3] << 8 | head[4];
	bool sealed = head[0] == TLS_DATA || (head[0] == TLS_HANDSHAKE && state->changed && first > 2);

	if (head[0] < TLS_CHANGE || head[0] > TLS_DATA || head[1] != 3 || length > TLS_MAX_RECORD) {
		state->aligned = 0;
		stream->urgent = 1;
		return true; /* user space is to see that this is no TLS */
	}
	if (head[0] == TLS_CHANGE)
		state->changed = 1;
	if (head[0] == TLS_ALERT || (head[0] == TLS_DATA && length <= 2 + 1 + 16))
		stream->urgent = 1;
	if (sealed && state == &stream->directions[0])
		stream->sealed = stream->directions[1].next_known;
	else if (sealed && stream->sealed)
		stream->done = 1;
	if (head[0] == TLS_DATA)
		state->skip = length;
	else
		state->take = length;
	return true;
}

#endif
