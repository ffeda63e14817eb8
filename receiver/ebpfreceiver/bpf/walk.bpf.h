/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copyright The otelcol-risk Authors */

/* The programs that copy a packet's bytes into records: frame by frame, or as they are. */
#ifndef OTELCOL_RISK_WALK_BPF_H
#define OTELCOL_RISK_WALK_BPF_H

/* Moves on within the packet. */
static __always_inline void stream_advance(struct direction_state *state, __u32 length)
{
	state->offset += length;
	state->left -= length;
}

/* Reads the header of the next frame, or what there is of it, and copies it if it is of interest. False if it is not whole. */
static __always_inline bool stream_header(struct __sk_buff *skb, struct stream *stream, struct direction_state *state,
					  struct event_stream *record, __u8 *data, __u64 fill)
{
	__u32 size = stream->protocol == STREAM_TLS ? TLS_HEADER : HTTP2_HEADER;
	__u64 have = state->head_length;
	__u64 length = state->left;
	__u8 first = 0;
	bool copy;

	if (have >= size)
		return false; /* never */
	if (length > size - have)
		length = size - have;
	OPAQUE(have);
	if (have > HTTP2_HEADER - 1)
		return false;
	OPAQUE(length);
	if (length > HTTP2_HEADER)
		return false;
	OPAQUE(length);
	if ((__s64)length < 1)
		return false;
	if (bpf_skb_load_bytes(skb, state->offset, state->head + have, length))
		return false;
	stream_advance(state, length);
	state->head_length += length;
	if (state->head_length != size)
		return false;
	state->head_length = 0;
	if (stream->protocol == STREAM_TLS) {
		if (state->left)
			bpf_skb_load_bytes(skb, state->offset, &first, 1);
		copy = tls_begin(stream, state, first);
	} else {
		copy = http2_begin(state);
	}
	if (copy) {
		__builtin_memcpy(data + fill, state->head, HTTP2_HEADER);
		record->captured += size;
	}
	return true;
}

/* Copies the next bytes of a payload. False if that is not possible. */
static __always_inline bool stream_take(struct __sk_buff *skb, struct direction_state *state, struct event_stream *record,
					__u8 *data, const __u32 capacity, const __u32 chunk)
{
	__u64 fill = record->captured;
	__u64 length = state->left;

	if (length > state->take)
		length = state->take;
	if (length > chunk)
		length = chunk;
	OPAQUE(fill);
	if (fill > capacity)
		return false;
	OPAQUE(length);
	if (length > chunk)
		return false;
	OPAQUE(length);
	if ((__s64)length < 1)
		return false;
	if (bpf_skb_load_bytes(skb, state->offset, data + fill, length))
		return false;
	record->captured += length;
	state->take -= length;
	stream_advance(state, length);
	return true;
}

/* One step: a frame, or a part of a long one. False when there is nothing left to do. */
static __always_inline bool stream_step(struct __sk_buff *skb, struct stream *stream, struct direction_state *state,
					struct event_stream *record, __u8 *data, const __u32 capacity, const __u32 chunk)
{
	__u64 fill = record->captured;
	__u32 length;

	if (!state->left || !state->aligned || fill > capacity - HTTP2_HEADER)
		return false;
	OPAQUE(fill);
	if (fill > capacity)
		return false;
	if (!state->skip && !state->take && !stream_header(skb, stream, state, record, data, fill))
		return false;
	if (state->skip) {
		length = state->left < state->skip ? state->left : state->skip;
		state->skip -= length;
		stream_advance(state, length);
		if (!state->skip && state->ending) {
			state->ending = 0;
			record->flags |= FLAG_BODY_END;
		}
		return true;
	}
	return !state->take || !state->left || stream_take(skb, state, record, data, capacity, chunk);
}

/* The body of a program that fills one record and writes it. */
#define STREAM_WALK(skb, capacity, chunk, steps, walker)                                                                 \
	({                                                                                                             \
		struct {                                                                                               \
			struct event_stream head;                                                                      \
			__u8 data[(capacity) + (chunk) + STREAM_TAIL];                                                 \
		} *record;                                                                                             \
		struct bpf_sock *sk = (skb)->sk;                                                                       \
		struct direction_state *state;                                                                         \
		struct stream *stream;                                                                                 \
		__u64 fill;                                                                                            \
		int i;                                                                                                 \
                                                                                                                       \
		if ((!knob_http2 && !knob_tls) || !sk)                                                                 \
			return 1;                                                                                      \
		sk = bpf_sk_fullsock(sk);                                                                              \
		if (!sk)                                                                                               \
			return 1;                                                                                      \
		stream = bpf_sk_storage_get(&streams, sk, NULL, 0);                                                    \
		if (!stream)                                                                                           \
			return 1;                                                                                      \
		state = (skb)->cb[CB_RESPONSE] ? &stream->directions[1] : &stream->directions[0];    \
		record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);                                               \
		if (record) {                                                                                          \
			record->head.captured = 0;                                                                     \
			record->head.flags = 0;                                                                        \
			for (i = 0; i < (steps); i++)                                                             \
				if (!stream_step(skb, stream, state, &record->head, record->data, (capacity), (chunk)))\
					break;                                                                         \
			fill = record->head.captured;                                                                  \
			OPAQUE(fill);                                                                                  \
			if (fill > (capacity) + (chunk))                                                               \
				fill = 0; /* never: for the verifier */                                                \
			if (stream_submit(stream, state, &record->head, record->data + fill, sizeof(*record)))                          \
				bpf_tail_call(skb, &walkers, walker);                                                     \
		} else {                                                                                               \
			count(COUNTER_STREAM_RING_FULL);                                                               \
			state->reported = state->end;                                                                  \
			state->aligned = 0;                                                                            \
		}                                                                                                      \
		stream_leave(stream, state);                                                                           \
		stream_after(sk, stream, state == &stream->directions[1], (skb)->cb[CB_TCP_FLAGS]);                    \
		1;                                                                                                     \
	})

/* Copies bytes as they are, as many as a record of that capacity can have, and returns how many; 0: that is not possible. */
static __always_inline __u32 raw_record(struct __sk_buff *skb, struct stream *stream, bool response, __u64 length,
					const __u32 capacity)
{
	struct {
		struct event_stream head;
		__u8 data[STREAM_LARGE];
	} *record;
	const __u32 size = sizeof(record->head) + capacity;

	record = bpf_ringbuf_reserve(&ring, size, 0);
	if (!record) {
		count(COUNTER_STREAM_RING_FULL);
		return 0;
	}
	if (length > capacity)
		length = capacity;
	OPAQUE(length);
	if (length > capacity)
		goto discard;
	OPAQUE(length);
	if ((__s64)length < 1)
		goto discard;
	if (bpf_skb_load_bytes(skb, skb->cb[CB_OFFSET], record->data, length))
		goto discard;
	record->head.flags = FLAG_RAW;
	stream_head(stream, response, &record->head);
	record->head.from = skb->cb[CB_SEQUENCE];
	record->head.to = record->head.from + length;
	record->head.captured = length;
	record->head.rest = 0;
	record->head.tail = 0;
	record->head.ending = 0;
	bpf_ringbuf_submit(record, stream_wake(stream, size));
	return length;
discard:
	bpf_ringbuf_discard(record, BPF_RB_NO_WAKEUP);
	return 0;
}

/* The body of a program that hands over bytes as they are. */
static __always_inline int stream_raw(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct direction_state *state;
	struct stream *stream;
	__u64 left = skb->cb[CB_LEFT];
	__u32 length;
	bool response;

	if (!sk)
		return 1;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return 1;
	stream = bpf_sk_storage_get(&streams, sk, NULL, 0);
	if (!stream)
		return 1;
	response = skb->cb[CB_RESPONSE];
	state = response ? &stream->directions[1] : &stream->directions[0];
	state->untold = 1;
	if (left > STREAM_SMALL)
		length = raw_record(skb, stream, response, left, STREAM_LARGE);
	else
		length = raw_record(skb, stream, response, left, STREAM_SMALL);
	if (length) {
		state->untold = 0;
		skb->cb[CB_OFFSET] += length;
		skb->cb[CB_SEQUENCE] += length;
		skb->cb[CB_LEFT] -= length;
		if (skb->cb[CB_LEFT])
			bpf_tail_call(skb, &walkers, WALKER_RAW);
	}
	stream_after(sk, stream, response, skb->cb[CB_TCP_FLAGS]);
	return 1;
}

#endif
