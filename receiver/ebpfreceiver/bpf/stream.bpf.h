/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copyright The otelcol-risk Authors */

/* Connections whose messages are frames: HTTP/2 frames and TLS records. The kernel follows the lengths of frames, so
 * that it copies what says something and leaves out payloads; what a frame means is user space's work.
 *
 *	packet   | frame ------------- | frame ---- | fra
 *	record   | header payload      | header     |        payloads of DATA and of encrypted records are left out,
 *	                                                     other frames without meaning to us are as a whole
 *
 * Packets of one direction come in order and one at a time as a rule, but not always: they are reordered on their way,
 * and two processors may have one each. A packet that comes while another is looked at, or before earlier bytes, waits
 * for a moment. If that does not help it is handed over as it is, and so is what follows, until a packet begins where a
 * frame begins without doubt. User space puts the records in order and sees the frames itself. seek.bpf.h has both.
 *
 * What a walk needs is in the socket's storage and not in registers, which also makes all steps look the same to the
 * verifier.
 */
#ifndef OTELCOL_RISK_STREAM_BPF_H
#define OTELCOL_RISK_STREAM_BPF_H

/* The programs that walk through packets of either direction, and the one for packets that are out of place. They and those that call them are all made for ingress, as
 * kernels since 6.18 want of programs that call each other; the kernel lets such a program be attached to egress, too.
 */
int walk_tiny(struct __sk_buff *skb);
int walk_small(struct __sk_buff *skb);
int walk_large(struct __sk_buff *skb);
int walk_raw(struct __sk_buff *skb);
int seek_packet(struct __sk_buff *skb);
int rest_stream(struct __sk_buff *skb);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, WALKERS);
	__uint(key_size, sizeof(__u32));
	__array(values, int(struct __sk_buff *));
} walkers SEC(".maps") = {
	.values = {
		[WALKER_TINY] = (void *)&walk_tiny,
		[WALKER_SMALL] = (void *)&walk_small,
		[WALKER_LARGE] = (void *)&walk_large,
		[WALKER_RAW] = (void *)&walk_raw,
		[WALKER_SEEK] = (void *)&seek_packet,
		[WALKER_REST] = (void *)&rest_stream,
	},
};

/* Fills what all records of a direction share. */
static __always_inline void stream_head(const struct stream *stream, bool response, struct event_stream *record)
{
	record->cookie = stream->open.event.cookie;
	record->time_ns = bpf_ktime_get_ns();
	record->kind = EVENT_STREAM;
	record->side = stream->open.event.side;
	record->protocol = stream->protocol;
	record->scale = stream->scale & REST_SHIFT;
	record->flags |= response ? FLAG_RESPONSE : 0;
}

/* How to wake the reader for a record of that size, which is in the ring already. */
static __always_inline __u64 stream_wake(const struct stream *stream, __u32 size)
{
	__u64 waiting = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA);

	stream_relieve(waiting);
	return stream->urgent ? BPF_RB_FORCE_WAKEUP : ring_wake(size, waiting - size);
}

static __always_inline bool is_response(const struct stream *stream, const struct direction_state *state)
{
	return state == &stream->directions[1];
}

/* Begins a frame at the next byte, whatever was before. */
static __always_inline void stream_restart(struct direction_state *state)
{
	state->take = 0;
	state->skip = 0;
	state->head_length = 0;
	state->last = 0;
	state->ending = 0;
}

/* Bytes that gave no record, because there was nothing in them. */
struct silence {
	__u32 from; /* TCP sequence numbers */
	__u32 to;
	__u32 rest; /* see struct event_stream */
};

/* Notes what is to be told of the bytes up to sequence number to. To be called under the lock: another packet may change
 * all that right afterwards.
 */
static __always_inline void stream_quiet(struct direction_state *state, __u32 to, struct silence *silence)
{
	silence->from = state->reported;
	silence->to = to;
	silence->rest = state->skip;
	state->reported = to;
}

/* Tells that, and where a direction begins whose first packet is not the first to come. */
static __always_inline void stream_flush(const struct stream *stream, struct direction_state *state,
					 const struct silence *silence)
{
	struct event_stream record = { .from = silence->from, .to = silence->to, .rest = silence->rest };

	if (silence->from == silence->to && silence->to != state->first_sequence)
		return;
	stream_head(stream, is_response(stream, state), &record);
	if (!bpf_ringbuf_output(&ring, &record, sizeof(record), BPF_RB_NO_WAKEUP))
		return;
	state->untold = 1;
	count(COUNTER_STREAM_RING_FULL);
}

/* Ends the walk through a packet. */
static __always_inline void stream_leave(struct stream *stream, struct direction_state *state)
{
	struct silence silence = {};
	bool interrupted;

	if (state->left && state->aligned)
		count(COUNTER_STREAM_CUT);
	if (state->left || !state->aligned) {
		state->aligned = 0;
		state->joined = 1;
		state->untold = 1;
	}
	bpf_spin_lock(&stream->lock);
	interrupted = state->interrupted;
	state->interrupted = 0;
	if (interrupted) {
		state->aligned = 0;
		stream_quiet(state, state->end, &silence);
	}
	state->busy = 0;
	bpf_spin_unlock(&stream->lock);
	if (interrupted) {
		count(COUNTER_GAPS);
		stream_flush(stream, state, &silence);
	}
}

/* Writes what was filled, unless it says nothing. True if the packet has more. */
static __always_inline bool stream_submit(struct stream *stream, struct direction_state *state, struct event_stream *record,
					  __u8 *tail, __u32 size)
{
	__u32 to = state->end - state->left;

	if (!record->captured && !state->head_length && !record->flags && !state->guessed && state->aligned) {
		bpf_ringbuf_discard(record, BPF_RB_NO_WAKEUP);
		return state->left;
	}
	stream_head(stream, is_response(stream, state), record);
	record->flags |= state->guessed ? FLAG_GUESSED : 0;
	record->from = state->reported;
	record->to = to;
	record->rest = state->skip;
	record->tail = state->head_length & (STREAM_TAIL - 1);
	record->ending = state->last && state->skip;
	__builtin_memcpy(tail, state->head, HTTP2_HEADER);
	record->captured += record->tail;
	state->guessed = 0;
	state->untold = 0;
	state->reported = to;
	bpf_ringbuf_submit(record, stream_wake(stream, size));
	return state->left && state->aligned;
}

/* What is to be done with the bytes of a packet. */
enum claim {
	CLAIM_NOTHING = 0,
	CLAIM_WALK = 1,
	CLAIM_RAW = 2,
};

/* The number of the first byte of a direction. One that is joined begins with what is seen of it. */
static __always_inline __u32 stream_first(const struct packet *packet, struct bpf_sock *sk, const struct direction_state *state)
{
	return state->next_known || state->joined ? packet->sequence : packet_expected(sk, packet);
}

/* Decides that. First is stream_first. Begins says that the packet begins like a frame without doubt; skip becomes the
 * number of bytes that were seen before. Flush becomes true if this packet makes the direction lose its place: what was
 * walked up to it is then to be told.
 */
static __always_inline enum claim stream_claim(const struct packet *packet, struct stream *stream, struct direction_state *state,
					       __u32 first, bool begins, __u32 *skip, struct silence *silence, bool *flush)
{
	__u32 end = packet->sequence + packet->length;
	enum claim claim = CLAIM_RAW;
	__u32 before;
	__s32 behind;

	bpf_spin_lock(&stream->lock);
	if (!state->next_known) {
		state->next_known = 1;
		state->next_sequence = first;
		state->first_sequence = first;
		state->reported = first;
	}
	before = state->next_sequence;
	behind = state->next_sequence - packet->sequence;
	if (behind >= (__s32)packet->length) {
		/* A retransmission, unless it fills a hole. */
		if (state->hole_start == state->hole_end || (__s32)(state->hole_end - packet->sequence) <= 0 || (__s32)(end - state->hole_start) <= 0)
			claim = CLAIM_NOTHING;
		else if (packet->sequence == state->hole_start)
			state->hole_start = (__s32)(state->hole_end - end) > 0 ? end : state->hole_end;
	} else {
		state->next_sequence = end;
		if (behind < 0) {
			if (state->hole_start == state->hole_end)
				state->hole_start = before;
			state->hole_end = packet->sequence;
		} else {
			*skip = behind;
		}
		if (state->busy) {
			state->interrupted = 1;
		} else if (behind < 0) {
			*flush = state->aligned;
			if (state->aligned)
				stream_quiet(state, before, silence);
			state->aligned = 0;
		} else {
			if (!state->aligned && begins && !behind) {
				state->aligned = 1;
				state->guessed = 1;
				state->reported = packet->sequence;
			}
			if (state->aligned) {
				state->busy = 1;
				state->end = end;
				claim = CLAIM_WALK;
			}
		}
	}
	bpf_spin_unlock(&stream->lock);
	return claim;
}

/* Whether a packet begins with the beginning of a frame, beyond doubt: DATA has too little that is always the same. */
static __always_inline bool stream_begins(struct __sk_buff *skb, const struct packet *packet, __u8 protocol)
{
	__u8 head[12] = {};

	if (packet->length < HTTP2_HEADER || bpf_skb_load_bytes(skb, packet->payload, head, HTTP2_HEADER))
		return false;
	if (protocol == STREAM_TLS)
		return head[0] >= TLS_CHANGE && head[0] <= TLS_DATA && head[1] == 3 && head[2] <= 4;
	return http2_is_certain(head);
}

/* Notes how far that is told who talks to whom, if it was so far before; 0 is what it was in any case. Returns that. */
static __always_inline __u8 stream_tells(struct stream *stream, __u8 before, __u8 opened)
{
	__u8 was;

	bpf_spin_lock(&stream->lock);
	was = stream->opened;
	if (!before || was == before)
		stream->opened = opened;
	bpf_spin_unlock(&stream->lock);
	return was;
}

/* Says who talks to whom, before anything that they say, and again when the owner has changed, perhaps at this moment. True if
 * user space knows the connection.
 */
static __always_inline bool stream_announce(struct stream *stream)
{
	__u8 was;

	if (stream->opened == OPENED)
		return true;
	was = stream_tells(stream, 0, OPENED_SOON);
	if (ring_write(&stream->open, sizeof(stream->open))) {
		stream_tells(stream, OPENED_SOON, OPENED);
		return true;
	}
	count(COUNTER_STREAM_RING_FULL);
	stream_tells(stream, 0, was == OPENED_SOON ? OPENED_NOT : was);
	return was == OPENED_STALE || was == OPENED;
}

/* Says that the connection is over; with FLAG_GAP, that more was said on it than was told. */
static __always_inline void stream_end(struct stream *stream, __u8 flags)
{
	struct event_stream record = {
		.cookie = stream->open.event.cookie,
		.time_ns = bpf_ktime_get_ns(),
		.kind = EVENT_STREAM_END,
		.side = stream->open.event.side,
		.flags = flags,
		.protocol = stream->protocol,
	};

	if (stream->ended || stream->opened == OPENED_NOT)
		return;
	if (stream->directions[0].untold || stream->directions[1].untold)
		record.flags |= FLAG_GAP;
	stream_announce(stream);
	stream->ended = 1;
	if (bpf_ringbuf_output(&ring, &record, sizeof(record),
			       stream->protocol == STREAM_TLS ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP))
		count(COUNTER_STREAM_RING_FULL);
}

/* Whether a direction ends behind the bytes of a packet with these TCP flags: at once, or because nothing is missing any
 * more before an end that has come. Where more was missing than one hole, the socket's end tells.
 */
static __always_inline bool stream_closes(const struct direction_state *state, __u8 tcp_flags)
{
	return tcp_flags & TCP_FLAG_FIN || (state->closing && state->hole_start == state->hole_end &&
					    (__s32)(state->next_sequence - state->close_sequence) >= 0);
}

/* What there is to do behind the bytes of a packet with these TCP flags. */
static __always_inline void stream_after(struct bpf_sock *sk, struct stream *stream, bool response, __u8 tcp_flags)
{
	const struct direction_state *state = response ? &stream->directions[1] : &stream->directions[0];
	__u8 flags = response ? FLAG_RESPONSE : 0;
	bool fin = stream_closes(state, tcp_flags);
	struct owner *owner;

	if (tcp_flags & TCP_FLAG_RST)
		flags |= FLAG_RESET;
	else if (fin && response && stream->released && stream->open.event.side == SIDE_CLIENT)
		flags = FLAG_GIVEN_UP; /* the server closes, too, when its client has gone */
	else if (fin && (response || stream->protocol == STREAM_TLS))
		flags |= FLAG_FIN;
	if (flags & ~FLAG_RESPONSE)
		stream_end(stream, flags);
	if (stream->protocol != STREAM_TLS)
		return;
	if (!stream->done && state->next_sequence - state->first_sequence > TLS_MAX_HANDSHAKE) {
		count(COUNTER_OFF_HANDSHAKE);
		stream_end(stream, FLAG_GAP);
		stream->done = 1;
	}
	if (!stream->done)
		return;
	owner = bpf_sk_storage_get(&owners, sk, NULL, 0);
	if (owner)
		owner->off = 1;
	bpf_sk_storage_delete(&streams, sk);
}

/* Where a program that goes on finds what the one before it knew: in the packet's control block. */
enum {
	CB_OFFSET = 0,
	CB_LEFT = 1,
	CB_SEQUENCE = 2,
	CB_TCP_FLAGS = 3,
	CB_RESPONSE = 4, /* whether the packet is one of the server's */
	CB_DIRECTION = 0, /* of the packet: for WALKER_SEEK, which comes before the others */
};

/* Whether the packet before this one has been seen to its end. Those that leave are sent under the socket's lock, in order. */
static __always_inline bool stream_is_next(const struct packet *packet, const struct direction_state *state)
{
	const volatile __u8 *busy = &state->busy;
	const volatile __u32 *next = &state->next_sequence;

	return packet->direction != INGRESS || !state->next_known || (!*busy && (__s32)(*next - packet->sequence) >= 0);
}

/* Which program walks through so many bytes. */
static __always_inline __u32 stream_walker(__u32 left)
{
	if (left <= STREAM_TINY)
		return WALKER_TINY;
	return left <= STREAM_SMALL ? WALKER_SMALL : WALKER_LARGE;
}

/* What becomes of a packet; begins as in stream_claim. The walk through its frames is done by programs of their own, one run a
 * record, because the verifier follows every step of it: it ends with stream_after, too, and does not come back.
 */
static __always_inline void stream_enter(struct __sk_buff *skb, const struct packet *packet, struct stream *stream,
					 struct bpf_sock *sk, bool begins)
{
	bool response = packet->direction != stream->request_direction;
	struct direction_state *state = response ? &stream->directions[1] : &stream->directions[0];
	enum claim claim = CLAIM_NOTHING;
	struct silence silence = {};
	__u8 tcp_flags = packet->flags;
	__u32 skip = 0;
	bool flush = false;

	if (stream->ended)
		return;
	if (tcp_flags & TCP_FLAG_FIN && packet_is_ahead(sk, packet)) {
		state->closing = 1;
		state->close_sequence = packet->sequence + packet->length;
		tcp_flags &= ~TCP_FLAG_FIN;
	}
	if (tcp_flags & TCP_FLAG_RST && !packet_resets(sk, packet)) {
		stream->reset_at = reset_clock();
		tcp_flags &= ~TCP_FLAG_RST;
	}
	if (packet->length && stream_announce(stream))
		claim = stream_claim(packet, stream, state, stream_first(packet, sk, state), begins, &skip, &silence, &flush);
	skb->cb[CB_TCP_FLAGS] = tcp_flags;
	skb->cb[CB_RESPONSE] = response;
	if (claim == CLAIM_WALK) {
		state->joined = 0;
		if (state->guessed)
			stream_restart(state);
		state->offset = packet->payload + skip;
		state->left = packet->length - skip;
		state->ending = state->last && state->skip;
		bpf_tail_call(skb, &walkers, stream_walker(state->left));
		stream_leave(stream, state); /* not reached */
	} else if (claim == CLAIM_RAW && !state->joined) {
		if (flush) {
			count(COUNTER_GAPS);
			stream_flush(stream, state, &silence);
		}
		skb->cb[CB_OFFSET] = packet->payload + skip;
		skb->cb[CB_LEFT] = packet->length - skip;
		skb->cb[CB_SEQUENCE] = packet->sequence + skip;
		bpf_tail_call(skb, &walkers, WALKER_RAW);
	}
	stream_after(sk, stream, response, tcp_flags);
}

/* Whether a packet is not to be looked at, because its connection rests; that is counted. A connection that begins to rest, or
 * is to be followed again, has a program of its own (streamrest.bpf.h).
 */
static __always_inline bool stream_rests(struct __sk_buff *skb, const struct packet *packet, struct stream *stream)
{
	__u32 shift = stream_turn & REST_SHIFT;
	bool rests = rest_of(packet->ports, shift);

	if (stream->protocol != STREAM_HTTP2)
		return false;
	if (rests == stream->rests) {
		if (rests)
			count(COUNTER_RESTED);
		else
			stream->scale = shift;
		return rests;
	}
	skb->cb[CB_DIRECTION] = packet->direction;
	bpf_tail_call(skb, &walkers, WALKER_REST);
	return true; /* not reached */
}

/* A packet of a known stream. One that is out of place is rare, and has a program of its own. */
static __always_inline void stream_packet(struct __sk_buff *skb, const struct packet *packet, struct stream *stream,
					  struct bpf_sock *sk)
{
	bool response = packet->direction != stream->request_direction;
	const struct direction_state *state = response ? &stream->directions[1] : &stream->directions[0];

	if (knob_rest && stream_rests(skb, packet, stream))
		return;
	if (packet->length && stream->protocol != STREAM_PIPELINED && !(state->aligned && stream_is_next(packet, state))) {
		skb->cb[CB_DIRECTION] = packet->direction;
		bpf_tail_call(skb, &walkers, WALKER_SEEK);
	}
	stream_enter(skb, packet, stream, sk, false);
}

/* Makes the state of a connection whose protocol was just recognized. NULL when it is filtered out or there is no memory. */
static __always_inline struct stream *stream_create(struct bpf_sock *sk, struct owner *owner, __u8 direction, __u8 protocol)
{
	struct stream *stream = STORAGE_MAKE(&streams, sk);

	if (!stream) {
		count(COUNTER_LOST_STORAGE);
		return NULL;
	}
	stream->protocol = protocol;
	stream->scale = stream_turn & REST_SHIFT;
	stream->request_direction = direction;
	stream->directions[0].aligned = 1;
	stream->directions[1].aligned = 1;
	connection_describe(&stream->open, sk, owner, direction == INGRESS ? SIDE_SERVER : SIDE_CLIENT);
	if (!filter_admits(&stream->open)) {
		owner->off = 1;
		bpf_sk_storage_delete(&streams, sk);
		return NULL;
	}
	stream->open.event.kind = EVENT_STREAM_OPEN;
	stream->open.event.detail = protocol;
	stream->open.event.time_ns = bpf_ktime_get_ns();
	owner->direction = OWNER_STREAM;
	return stream;
}

#endif
