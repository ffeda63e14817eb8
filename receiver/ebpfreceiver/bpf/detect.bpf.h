/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copyright The otelcol-risk Authors */

/* Which protocol a connection speaks, told by what is said on it, once. */
#ifndef OTELCOL_RISK_DETECT_BPF_H
#define OTELCOL_RISK_DETECT_BPF_H

/* Recognizes HTTP/2 and TLS by what a connection says first, and HTTP/2 also later on. */
static __always_inline struct stream *stream_detect(struct __sk_buff *skb, const struct packet *packet, struct bpf_sock *sk,
						    struct owner *owner, __u64 prefix)
{
	__u8 direction = packet->direction;
	__u8 protocol = STREAM_HTTP2;
	bool joined = false;
	struct stream *stream;

	if (knob_tls && tls_is_client_hello(prefix)) {
		protocol = STREAM_TLS;
	} else if (!knob_http2) {
		return NULL;
	} else if (!http2_is_preface(prefix)) {
		enum http2_block block = http2_is_headers(skb, packet, prefix);

		if (block == BLOCK_NONE)
			return NULL;
		joined = true;
		if (block == BLOCK_RESPONSE)
			direction = !direction;
	}
	stream = stream_create(sk, owner, direction, protocol);
	if (!stream)
		return NULL;
	if (protocol == STREAM_HTTP2 && !joined)
		stream->directions[0].skip = HTTP2_PREFACE;
	if (joined) {
		stream->directions[0].aligned = 0;
		stream->directions[1].aligned = 0;
		stream->directions[0].joined = 1;
		stream->directions[1].joined = 1;
		stream->open.event.flags = FLAG_GUESSED;
	}
	stream->open.event.cookie = bpf_get_socket_cookie(skb);
	stream->open.cgroup_id = bpf_skb_cgroup_id(skb);
	return stream;
}

/* What the first bytes of a message are. */
enum prefix_kind {
	PREFIX_UNKNOWN = 0,
	PREFIX_REQUEST = 1, /* of HTTP/1 */
	PREFIX_STREAM = 2, /* of a stream, whose state is made now, unless it is filtered out */
};

/* Looks at the first packet after a change of direction: only such a one can begin a message, so the body of a message
 * costs nothing more.
 */
static __always_inline enum prefix_kind detect(struct __sk_buff *skb, const struct packet *packet, struct bpf_sock *sk,
					       struct owner *owner, struct stream **stream)
{
	__u64 prefix;
	bool swept;

	if (!packet->length || owner->off || (owner->messages && (owner->direction & 1) == packet->direction))
		return PREFIX_UNKNOWN;
	if (idle_repeats(packet, sk, owner))
		return PREFIX_UNKNOWN;
	prefix = packet_prefix(skb, packet, 0);
	if (packet_is_ahead(sk, packet)) {
		/* The message begins with a packet that is still to come; but what is in this one will not come again. */
		if (!knob_http2 || !packet_is_early(sk) || !stream_begins(skb, packet, STREAM_HTTP2))
			return PREFIX_UNKNOWN;
		prefix = HTTP2_PREFIX;
	}
	swept = owner->direction & OWNER_SWEPT;
	owner->direction = (owner->direction & ~1) | packet->direction;
	owner->messages++;
	if (http1_is_request(prefix))
		return PREFIX_REQUEST;
	/* What a server says first may be the rest of an answer to a request from before the programs were there. */
	if (!swept && packet->direction == INGRESS && !http1_is_response(prefix))
		cause_other(owner);
	*stream = stream_detect(skb, packet, sk, owner, prefix);
	if (*stream) {
		if (knob_causes && !swept && (*stream)->open.event.side == SIDE_SERVER)
			serving_unsure(owner->pid);
		return PREFIX_STREAM;
	}
	if (knob_http2 && http2_is_idle(prefix)) {
		owner->messages--; /* it is HTTP/2: a message will tell more */
		return PREFIX_UNKNOWN;
	}
	if (http1_is_response(prefix))
		count(owner->direction & OWNER_RESTED ? COUNTER_RESTED : COUNTER_RESPONSE_UNMATCHED);
	if (!owner->off && !swept && owner->messages >= knob_detect_messages) {
		owner->off = 1;
		count(COUNTER_OFF_UNKNOWN);
	}
	return PREFIX_UNKNOWN;
}

/* A packet on a socket whose connection is not known to speak HTTP/1. Returns the connection if it turns out to. */
static __always_inline struct connection *connection_detect(struct __sk_buff *skb, const struct packet *packet,
							    struct bpf_sock *sk)
{
	struct owner *owner;
	struct stream *stream = NULL;
	struct connection *connection;

	owner = packet->length ? STORAGE_MAKE(&owners, sk) : bpf_sk_storage_get(&owners, sk, NULL, 0);
	if (!owner) {
		if (packet->length)
			count(COUNTER_LOST_STORAGE);
		return NULL;
	}
	if (owner->direction == OWNER_STREAM) {
		if (owner->off)
			return NULL;
		stream = bpf_sk_storage_get(&streams, sk, NULL, 0);
	} else if (detect(skb, packet, sk, owner, &stream) == PREFIX_REQUEST) {
		connection = connection_create(sk, owner, packet->direction);
		if (connection) {
			connection->exchange.event.cookie = bpf_get_socket_cookie(skb);
			connection->exchange.cgroup_id = bpf_skb_cgroup_id(skb);
			idle_resume(packet, sk, connection, owner);
		} else {
			cause_other(owner);
		}
		return connection;
	}
	if (stream)
		stream_packet(skb, packet, stream, sk);
	return NULL;
}

/* The first packet of a client's that is no request, on a connection whose last response turned it into something else.
 * What the server has said in between was not followed.
 */
static __always_inline int step_detect_packet(struct __sk_buff *skb)
{
	struct packet packet = { .direction = skb->cb[CB_VERDICT] };
	struct bpf_sock *sk = skb->sk;
	struct stream *stream = NULL;
	struct owner *owner;

	if (!sk)
		return 1;
	sk = bpf_sk_fullsock(sk);
	if (!sk || !packet_read(skb, &packet))
		return 1;
	owner = bpf_sk_storage_get(&owners, sk, NULL, 0);
	if (!owner)
		return 1;
	bpf_sk_storage_delete(&connections, sk);
	owner->messages = 0;
	owner->direction = 0;
	detect(skb, &packet, sk, owner, &stream);
	if (!stream)
		return 1;
	if (stream->protocol == STREAM_HTTP2) {
		stream->directions[1].aligned = 0;
		stream->directions[1].joined = 1;
		stream->open.event.flags = FLAG_RESPONSE;
	}
	stream_packet(skb, &packet, stream, sk);
	return 1;
}

#endif
