/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copyright The otelcol-risk Authors */

/* The state machine of an HTTP/1 connection:
 *
 *               request bytes              first response bytes
 *      PHASE_IDLE ---------> PHASE_REQUEST ---------> PHASE_RESPONSE   (exchange record)
 *                                ^                         |  more response bytes (progress or response record)
 *                                +---- next request -------+
 *      PHASE_REQUEST -- 101 to an upgrade, 2xx to CONNECT --> PHASE_IDLE, MARK_TUNNEL (exchange record)
 *      any phase -- FIN of the responder, RST, close --> PHASE_IDLE    (end record, or an exchange record without response)
 *      PHASE_IDLE, PHASE_RESPONSE -- next request, but the connection is to rest --> PHASE_IDLE, see rest.bpf.h
 *
 * Where a response ends is not the kernel's business: that takes its head, which user space reads. The kernel says how
 * many bytes of it have passed, and when.
 */
#ifndef OTELCOL_RISK_CONNECTION_BPF_H
#define OTELCOL_RISK_CONNECTION_BPF_H

/* The first eight of the captured bytes, missing ones 0. */
static __always_inline __u64 captured_prefix(const __u8 *captured, __u32 length)
{
	__u64 prefix = *(const __u64 *)captured;

	return length >= 8 ? prefix : length >= 4 ? prefix & FIRST(4) : 0;
}

/* What a packet gives to do. */
enum verdict {
	WRITE_NOTHING = 0,
	WRITE_EXCHANGE = 1,
	WRITE_PROGRESS = 2,
	WRITE_END = 3,
	DETECT_AGAIN = 4, /* the connection speaks something else than HTTP/1 from now on */
	PIPELINE_SEARCH = 5, /* there may be more requests in the packet */
	PIPELINE_BEGIN = 6, /* a request has come while another waits */
	REST_BEGIN = 7, /* the connection rests from now on */
};

/* packet_tail, out of the copy if that is of all new payload: end is its place in data. A look at memory costs a fraction of
 * one at the packet.
 */
static __always_inline __u64 captured_tail(struct __sk_buff *skb, const struct packet *packet,
					   const struct connection *connection, __u32 skip, __u32 captured, __u32 end, __u32 size)
{
	__u32 at = end - 8;

	if (captured < 8 || captured != packet->length - skip)
		return packet_tail(skb, packet, size);
	OPAQUE(at);
	at &= 1023;
	if (at > sizeof(connection->data) - 8)
		return 0; /* never: for the verifier */
	return *(const __u64 *)(connection->data + at) >> (64 - 8 * size);
}

/* Begins an exchange if the bytes are the start of a request. They are captured first and looked at then: nearly
 * always they are one, and a look at memory costs less than one at the packet.
 */
static __always_inline enum verdict request_begin(struct __sk_buff *skb, const struct packet *packet,
					  struct connection *connection, struct span span)
{
	struct event_exchange *exchange = &connection->exchange;
	__u32 length = packet_capture(skb, packet, span.skip, connection->data, REQUEST_CAPACITY);
	__u32 bytes = packet->length - span.skip + span.behind;
	bool search;

	__u8 method = http1_method(captured_prefix(connection->data, length));

	if (method == METHOD_NONE) {
		/* A body behind an early response, unless nobody says what it is. */
		exchange->request_bytes += bytes;
		return connection->marks & MARK_TUNNEL ? DETECT_AGAIN : WRITE_NOTHING;
	}
	if (knob_rest && packet->rests) {
		rest_begin(connection);
		return REST_BEGIN;
	}
	connection->rests = 0;
	exchange->event.detail = packet->scale;
	exchange->previous_ns = connection->emitted ? connection->last_ns : 0;
	exchange->previous_bytes = exchange->event.response_bytes;
	exchange->event.exchange++;
	exchange->event.response_bytes = 0;
	exchange->event.flags = 0;
	exchange->request_ns = bpf_ktime_get_ns();
	exchange->request_bytes = bytes;
	exchange->request_len = length;
	connection->request_sequence = packet->sequence + span.skip;
	connection->method = method;
	connection->status = 0;
	connection->counted = 0;
	connection->interim_bytes = 0;
	connection->interim = 0;
	connection->phase = PHASE_REQUEST;
	connection->emitted = 0;
	connection->gap = 0;
	search = connection->marks & MARK_SEARCH;
	connection->marks &= ~(MARK_ALERTED | MARK_TUNNEL | MARK_SEARCH | MARK_RESET);
	/* What was held is not there to be appended. */
	connection->head_complete = span.behind ||
				    http1_ends_head(captured_tail(skb, packet, connection, span.skip, length, length, 4));
	count(COUNTER_REQUESTS);
	return search ? PIPELINE_SEARCH : WRITE_NOTHING;
}

/* Appends to a request head that came in more than one packet, of which all was captured so far. The room for the response is
 * borrowed, so that the copy has a bound the verifier can see.
 */
static __always_inline void request_append(struct __sk_buff *skb, const struct packet *packet,
					   struct connection *connection, __u32 skip)
{
	__u32 have = connection->exchange.request_len;

	OPAQUE(have);
	if (have >= REQUEST_CAPACITY)
		return;
	have += packet_capture(skb, packet, skip, connection->data + have, RESPONSE_CAPACITY);
	connection->exchange.request_len = have > REQUEST_CAPACITY ? REQUEST_CAPACITY : have;
}

static __always_inline enum verdict request_bytes(struct __sk_buff *skb, const struct packet *packet,
						  struct connection *connection, struct span span)
{
	__u32 bytes = packet->length - span.skip + span.behind;
	bool whole = !span.gap && connection->exchange.request_len == connection->exchange.request_bytes;

	if (connection->phase != PHASE_REQUEST) {
		/* Whoever was told to go on sends the body next, whatever that looks like. */
		if (connection->interim != INTERIM_CONTINUE || connection->gap)
			return request_begin(skb, packet, connection, span);
		connection->exchange.request_bytes += bytes;
		return WRITE_NOTHING;
	}
	if (connection->head_complete && http1_is_request(packet_prefix(skb, packet, span.skip)))
		return PIPELINE_BEGIN;
	connection->exchange.request_bytes += bytes;
	if (!connection->head_complete && whole)
		request_append(skb, packet, connection, span.skip);
	if (span.behind)
		connection->head_complete = 1; /* what was held is not there to be appended */
	return WRITE_NOTHING;
}

/* Whether anybody reads the record of this exchange. */
static __always_inline bool exchange_is_read(const struct connection *connection)
{
	return knob_exchanges || connection->marks & MARK_ALERTED;
}

/* Writes the exchange record: everything up to the response bytes that lie behind the request's in data. */
static __always_inline void exchange_write(struct connection *connection, __u64 waiting)
{
	struct event_exchange *exchange = &connection->exchange;
	__u32 request_len = exchange->request_len;
	__u32 response_len = exchange->response_len;

	OPAQUE(request_len);
	OPAQUE(response_len);
	if (request_len > REQUEST_CAPACITY || response_len > RESPONSE_CAPACITY)
		return; /* never: for the verifier, which does not know what the map holds */
	exchange->event.kind = EVENT_EXCHANGE;
	connection->emitted = connection->marks & MARK_ALERTED ?
		!bpf_ringbuf_output(&ring, exchange, sizeof(*exchange) + request_len + response_len, BPF_RB_FORCE_WAKEUP) :
		ring_write_after(exchange, sizeof(*exchange) + request_len + response_len, waiting);
	if (!connection->emitted)
		count(COUNTER_LOST_RING_FULL);
}

/* Notes what the end of a packet, or what is held behind it, says of the response. True if it ends a chunked body. */
static __always_inline bool response_flags(struct connection *connection, struct span span, __u8 ending)
{
	if (span.behind)
		ending = span.held & (HELD_CHUNK_END | HELD_EMPTY_LINE);
	connection->exchange.event.flags = ending | (connection->gap ? FLAG_GAP : 0);
	return ending & FLAG_CHUNK_END;
}

/* A status line has passed. That of an interim response says nothing yet. */
static __always_inline void response_status(struct connection *connection, const __u8 *line)
{
	__u16 status = http1_status(line);

	connection->interim = status >= 200 || status == 101 ? INTERIM_NONE : status == 100 ? INTERIM_CONTINUE : INTERIM_OTHER;
	if (connection->interim)
		return;
	connection->status = status;
	connection->minor = line[7] - '0';
	if (knob_metrics)
		metrics_count(connection, connection->last_ns);
	if (status == 101 || (connection->method == METHOD_CONNECT && status / 100 == 2)) {
		connection->phase = PHASE_IDLE;
		connection->marks |= MARK_TUNNEL;
	}
}

/* The first bytes of the response. True when the exchange can be told. */
static __always_inline bool response_begin(struct __sk_buff *skb, const struct packet *packet,
					   struct connection *connection, struct span span)
{
	__u32 have = connection->exchange.request_len;
	__u32 length;
	__u64 prefix;
	__u8 ending;

	connection->phase = PHASE_RESPONSE;
	OPAQUE(have);
	if (have > REQUEST_CAPACITY)
		return false; /* never: for the verifier, which does not know what the map holds */
	length = packet_capture(skb, packet, span.skip, connection->data + have, RESPONSE_CAPACITY);
	prefix = captured_prefix(connection->data + have, length);
	ending = packet->length < 7 ? packet_ending(skb, packet) :
				      http1_ending(captured_tail(skb, packet, connection, span.skip, length, have + length, 7));
	response_flags(connection, span, ending);
	if (!http1_is_response(prefix) && !tls_is_alert(prefix)) {
		count(COUNTER_LOST_NO_STATUS_LINE);
		return false;
	}
	connection->exchange.response_len = length;
	if (tls_is_alert(prefix))
		connection->marks |= MARK_ALERTED;
	if (length >= 12 && !(connection->marks & MARK_ALERTED))
		response_status(connection, connection->data + have);
	return true;
}

/* Another status line: the one behind an interim response, or the answer to a request that was not seen because it began
 * within a packet, behind the last bytes of a body.
 */
static __always_inline void response_again(struct __sk_buff *skb, const struct packet *packet,
					   struct connection *connection, __u32 skip)
{
	struct {
		struct event_response head;
		__u8 data[RESPONSE_CAPACITY];
	} *record;

	if (connection->interim) {
		__u64 line[2] = {};

		bpf_skb_load_bytes(skb, packet->payload + skip, line, 12);
		connection->interim_bytes = connection->exchange.event.response_bytes - (packet->length - skip);
		response_status(connection, (const __u8 *)line);
	}
	if (!connection->emitted)
		return;
	record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	if (!record) {
		count(COUNTER_LATE_RING_FULL);
		return;
	}
	record->head.event = connection->exchange.event;
	record->head.event.kind = EVENT_RESPONSE;
	record->head.reserved = 0;
	record->head.response_len = packet_capture(skb, packet, skip, record->data, RESPONSE_CAPACITY);
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
}

static __always_inline void response_more(struct connection *connection, __u8 kind)
{
	struct event event = connection->exchange.event;

	event.kind = kind;
	if (ring_write(&event, sizeof(event)))
		return;
	connection->untold = 1;
	count(COUNTER_LATE_RING_FULL);
}

static __always_inline enum verdict response_bytes(struct __sk_buff *skb, const struct packet *packet,
					   struct connection *connection, struct span span)
{
	struct event *event = &connection->exchange.event;
	bool chunk_end;
	bool push;

	if (connection->phase == PHASE_IDLE)
		return WRITE_NOTHING;
	connection->gap |= span.gap;
	push = packet->flags & TCP_FLAG_PSH || span.held & HELD_PUSH;
	connection->last_ns = bpf_ktime_get_ns();
	event->time_ns = connection->last_ns;
	event->response_bytes += span.advance;
	if (connection->phase == PHASE_REQUEST)
		return response_begin(skb, packet, connection, span) ? WRITE_EXCHANGE : WRITE_NOTHING;
	chunk_end = response_flags(connection, span, packet_ending(skb, packet));
	if (!connection->emitted && !knob_metrics && !connection->interim)
		return WRITE_NOTHING;
	if (http1_is_response(packet_prefix(skb, packet, span.skip))) {
		if (!connection->interim) {
			connection->marks |= MARK_SEARCH;
			connection->counted = 0; /* what follows is not of the exchange that was counted, unless it is text like this */
		}
		response_again(skb, packet, connection, span.skip);
		return WRITE_NOTHING;
	}
	/* The sender marks the end of each of its writes with PSH: no other packet can end a response. */
	connection->untold = !chunk_end && !push;
	if (connection->untold)
		return WRITE_NOTHING;
	if (knob_metrics && connection->counted)
		metrics_count(connection, connection->last_ns);
	return connection->emitted ? WRITE_PROGRESS : WRITE_NOTHING;
}

/* The connection ended: whatever is open ends with it. A packet that carries both the last bytes and the end has its
 * bytes counted already, so one record tells both.
 */
static __always_inline enum verdict connection_end(struct connection *connection, __u8 flag, enum verdict verdict)
{
	struct event *event = &connection->exchange.event;
	__u8 phase = connection->phase;

	connection->phase = PHASE_IDLE;
	if (phase == PHASE_IDLE)
		return verdict;
	/* The server closes, too, when its client has gone. */
	if (flag == FLAG_FIN && phase == PHASE_REQUEST && connection->released && connection->request_direction == EGRESS)
		flag = FLAG_GIVEN_UP;
	connection->ended = flag; /* through memory, so that the verifier follows what comes next once */
	judge_end(connection, phase == PHASE_RESPONSE, bpf_ktime_get_ns());
	event->flags |= connection->ended;
	if (verdict == WRITE_EXCHANGE)
		return verdict;
	if (phase == PHASE_REQUEST) {
		connection->exchange.response_len = 0;
		event->time_ns = bpf_ktime_get_ns();
		return WRITE_EXCHANGE;
	}
	if (!connection->emitted)
		return WRITE_NOTHING;
	/* Else the last byte was the end. */
	if (verdict == WRITE_NOTHING && (connection->ended & (FLAG_FIN | FLAG_RESET) || connection->interim))
		event->time_ns = bpf_ktime_get_ns();
	return WRITE_END;
}

/* How a connection ends that goes from state to TCP_CLOSE: this end's process aborted it, or closed it before, or TCP gave up. */
static __always_inline __u8 closed_flag(bool released, __u32 state)
{
	if (!released)
		return FLAG_TIMEOUT;
	return state == BPF_TCP_ESTABLISHED || state == BPF_TCP_CLOSE_WAIT ? FLAG_RESET : FLAG_GIVEN_UP;
}

/* A packet of a known connection. Ended becomes the flag with which the connection ends behind the packet's bytes, if it
 * does.
 */
static __always_inline enum verdict connection_packet(struct __sk_buff *skb, const struct packet *packet, struct bpf_sock *sk,
						      struct connection *connection, __u8 *ended)
{
	bool is_request = packet->direction == connection->request_direction;
	bool fin = packet->flags & TCP_FLAG_FIN;
	enum verdict verdict = WRITE_NOTHING;

	if (packet->length || fin) {
		struct span span = connection_follow(skb, packet, sk, connection);

		fin = (fin && !span.waits) || span.held & HELD_FIN;
		if (span.skip < packet->length) {
			if (is_request)
				verdict = request_bytes(skb, packet, connection, span);
			else
				verdict = response_bytes(skb, packet, connection, span);
		}
	}
	if (packet->flags & TCP_FLAG_RST && packet_resets(sk, packet))
		*ended = FLAG_RESET;
	else if (packet->flags & TCP_FLAG_RST)
		connection->marks |= MARK_RESET;
	else if (fin && !is_request)
		*ended = FLAG_FIN;
	/* Through memory, so that the verifier follows what comes next once, and not for every verdict. */
	connection->verdict = verdict;
	return connection->verdict;
}

static __always_inline void map_address4(__u8 *to, __u32 address)
{
	__builtin_memset(to, 0, 10);
	to[10] = 0xff;
	to[11] = 0xff;
	__builtin_memcpy(to + 12, &address, 4);
}

/* The two ends of a socket, as records have them. */
static __always_inline void socket_addresses(struct bpf_sock *sk, __u8 *local_address, __u8 *peer_address)
{
	__u32 *local = (__u32 *)local_address;
	__u32 *peer = (__u32 *)peer_address;

	if (sk->family == AF_INET) {
		__u32 local4 = sk->src_ip4;
		__u32 peer4 = sk->dst_ip4;

		/* Else the compiler chooses between this field's address and the last of IPv6's, which is not allowed. */
		OPAQUE(local4);
		OPAQUE(peer4);
		map_address4(local_address, local4);
		map_address4(peer_address, peer4);
		return;
	}
	local[0] = sk->src_ip6[0];
	local[1] = sk->src_ip6[1];
	local[2] = sk->src_ip6[2];
	local[3] = sk->src_ip6[3];
	peer[0] = sk->dst_ip6[0];
	peer[1] = sk->dst_ip6[1];
	peer[2] = sk->dst_ip6[2];
	peer[3] = sk->dst_ip6[3];
}

/* Fills what stays the same for the life of the connection. */
static __always_inline void connection_describe(struct event_exchange *exchange, struct bpf_sock *sk,
						const struct owner *owner, __u8 side)
{
	exchange->event.side = side;
	exchange->local_port = sk->src_port;
	exchange->peer_port = bpf_ntohs(sk->dst_port);
	socket_addresses(sk, exchange->local_address, exchange->peer_address);
	exchange->owner = *owner;
}

/* Makes the state of a connection whose first request was just recognized. NULL when it is filtered out or there is no
 * memory for it.
 */
static __always_inline struct connection *connection_create(struct bpf_sock *sk, struct owner *owner, __u8 direction)
{
	struct connection *connection;

	connection = STORAGE_MAKE(&connections, sk);
	if (!connection) {
		count(COUNTER_LOST_STORAGE);
		return NULL;
	}
	connection->request_direction = direction;
	connection->marks = MARK_SEARCH;
	connection_describe(&connection->exchange, sk, owner, direction == INGRESS ? SIDE_SERVER : SIDE_CLIENT);
	if (!filter_admits(&connection->exchange)) {
		owner->off = 1;
		bpf_sk_storage_delete(&connections, sk);
		return NULL;
	}
	return connection;
}

#endif
