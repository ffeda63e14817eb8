/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copyright The otelcol-risk Authors */

/* Request bytes that pass the filter on the listener, because the packet that carries them also completes the
 * handshake; see struct early. Servers that set TCP_DEFER_ACCEPT (Apache httpd does) get every first request like this.
 */
#ifndef OTELCOL_RISK_EARLY_BPF_H
#define OTELCOL_RISK_EARLY_BPF_H

/* The peer's address and port, which the listener's socket does not know. */
static __always_inline void early_peer(struct __sk_buff *skb, const struct packet *packet, struct early *early)
{
	__u16 port = 0;
	__u32 address = 0;

	if (skb->protocol == bpf_htons(ETH_P_IPV4)) {
		bpf_skb_load_bytes(skb, 12, &address, sizeof(address));
		map_address4(early->peer_address, address);
	} else {
		bpf_skb_load_bytes(skb, 8, early->peer_address, sizeof(early->peer_address));
	}
	bpf_skb_load_bytes(skb, packet->transport, &port, sizeof(port));
	early->peer_port = bpf_ntohs(port);
}

/* Keeps the first bytes of a stream. False if the packet begins none. */
static __always_inline bool early_keep_stream(struct __sk_buff *skb, const struct packet *packet, struct early *early, __u64 prefix)
{
	__u32 zero = 0;
	struct early_record *record = bpf_map_lookup_elem(&early_records, &zero);

	if (knob_tls && tls_is_client_hello(prefix))
		early->protocol = STREAM_TLS;
	else if (knob_http2 && http2_is_preface(prefix))
		early->protocol = STREAM_HTTP2;
	if (!record || !early->protocol)
		return false;
	record->head.time_ns = bpf_ktime_get_ns();
	record->head.captured = packet_capture(skb, packet, 0, record->data, EARLY_CAPACITY);
	return true;
}

static __always_inline void early_keep(struct __sk_buff *skb, const struct packet *packet, struct bpf_sock *listener)
{
	__u32 zero = 0;
	struct early *early = bpf_map_lookup_elem(&early_data, &zero);
	__u64 prefix = packet_prefix(skb, packet, 0);

	if (!early)
		return;
	early->length = 0;
	early->protocol = 0;
	if (http1_is_request(prefix))
		early->captured = packet_capture(skb, packet, 0, early->data, REQUEST_CAPACITY);
	else if (!early_keep_stream(skb, packet, early, prefix))
		return;
	early->time_ns = bpf_ktime_get_ns();
	early->sequence = packet->sequence;
	early->segment = skb->len - packet->transport;
	early->head_complete = http1_ends_head(packet_tail(skb, packet, 4));
	early->local_port = listener->src_port;
	early_peer(skb, packet, early);
	early->length = packet->length;
}

/* Whether the bytes are those of the segment that makes this socket. TCP throws those of a SYN away, as a rule, and then a segment
 * without any completes the handshake.
 */
static __always_inline bool early_matches(struct bpf_sock_ops *ctx, const struct early *early, struct bpf_sock *sk)
{
	const __u32 *peer = (const __u32 *)early->peer_address;

	if (!early->length || early->segment != ctx->skb_len || early->local_port != sk->src_port || early->peer_port != bpf_ntohs(sk->dst_port))
		return false;
	if (sk->family == AF_INET)
		return peer[3] == sk->dst_ip4;
	return peer[0] == sk->dst_ip6[0] && peer[1] == sk->dst_ip6[1] && peer[2] == sk->dst_ip6[2] &&
	       peer[3] == sk->dst_ip6[3];
}

/* Begins the stream whose first bytes came with the connection: they are handed over as they are. */
static __always_inline void early_take_stream(struct bpf_sock_ops *ctx, struct bpf_sock *sk, const struct early *early,
					      struct owner *owner)
{
	__u32 zero = 0;
	struct early_record *record = bpf_map_lookup_elem(&early_records, &zero);
	struct stream *stream = stream_create(sk, owner, INGRESS, early->protocol);
	struct silence silence = { .from = early->sequence, .to = early->sequence };
	struct direction_state *state;
	__u64 captured;

	if (!record || !stream)
		return;
	stream->open.event.cookie = bpf_get_socket_cookie(ctx);
	if (early->protocol == STREAM_HTTP2)
		silence.rest = HTTP2_PREFACE;
	state = &stream->directions[0];
	state->next_known = 1;
	state->aligned = 0;
	state->first_sequence = early->sequence;
	state->next_sequence = early->sequence + early->length;
	state->reported = state->next_sequence;
	if (!stream_announce(stream))
		return;
	stream_flush(stream, state, &silence);
	captured = record->head.captured;
	OPAQUE(captured);
	if (captured > EARLY_CAPACITY)
		return; /* never: for the verifier */
	record->head.cookie = stream->open.event.cookie;
	record->head.kind = EVENT_STREAM;
	record->head.side = SIDE_SERVER;
	record->head.flags = FLAG_RAW;
	record->head.protocol = early->protocol;
	record->head.scale = stream->scale & REST_SHIFT;
	record->head.from = early->sequence;
	record->head.to = early->sequence + captured;
	if (bpf_ringbuf_output(&ring, record, sizeof(record->head) + captured, BPF_RB_NO_WAKEUP))
		count(COUNTER_STREAM_RING_FULL);
}

/* Called when an accepted connection's socket is there: begins its first exchange if the request came with it. */
static __always_inline void early_take(struct bpf_sock_ops *ctx, struct bpf_sock *sk)
{
	__u32 zero = 0;
	struct early *early = bpf_map_lookup_elem(&early_data, &zero);
	struct connection *connection;
	__u64 turn = rest_turn;
	struct owner *owner;

	if (!early || !early_matches(ctx, early, sk))
		return;
	owner = STORAGE_MAKE(&owners, sk);
	if (!owner) {
		count(COUNTER_LOST_STORAGE);
		return;
	}
	if (early->protocol) {
		early_take_stream(ctx, sk, early, owner);
		cause_other(owner);
		early->length = 0;
		return;
	}
	connection = connection_create(sk, owner, INGRESS);
	if (!connection) {
		owner->messages = 1; /* for whoever accepts it */
		cause_other(owner);
		return;
	}
	connection->exchange.event.cookie = bpf_get_socket_cookie(ctx);
	if (knob_rest && rest_of(bpf_htons(early->local_port) | (__u32)bpf_htons(early->peer_port) << 16, turn)) {
		early->length = 0;
		rest_begin(connection);
		count(COUNTER_RESTED);
		return;
	}
	connection->exchange.event.detail = turn & REST_SHIFT;
	connection->exchange.event.exchange = 1;
	connection->exchange.request_ns = early->time_ns;
	connection->exchange.request_bytes = early->length;
	connection->exchange.request_len = early->captured;
	__builtin_memcpy(connection->data, early->data, REQUEST_CAPACITY);
	connection->head_complete = early->head_complete;
	connection->method = http1_method(captured_prefix(early->data, early->captured));
	connection->request_sequence = early->sequence;
	connection->next_sequence[INGRESS] = early->sequence + early->length;
	connection->synchronized[INGRESS] = 1;
	connection->phase = PHASE_REQUEST;
	early->length = 0;
	count(COUNTER_REQUESTS);
}

#endif
