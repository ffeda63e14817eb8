/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copyright The otelcol-risk Authors */

/* From a packet at the socket to what the state machine needs of it. */
#ifndef OTELCOL_RISK_PACKET_BPF_H
#define OTELCOL_RISK_PACKET_BPF_H

enum direction {
	INGRESS = 0,
	EGRESS = 1,
};

enum {
	ETH_P_IPV4 = 0x0800,
	ETH_P_IPV6 = 0x86dd,
	IP_PROTOCOL_TCP = 6,
	AF_INET = 2,
	SOCK_STREAM = 1,
	TCP_FLAG_FIN = 0x01,
	TCP_FLAG_SYN = 0x02,
	TCP_FLAG_RST = 0x04,
	TCP_FLAG_PSH = 0x08,
};

/* Headers that may come between that of IPv6 and that of TCP: hop by hop, routing, fragment, authentication, destination. */
#define IP_EXTENSIONS (1ULL << 0 | 1ULL << 43 | 1ULL << 44 | 1ULL << 51 | 1ULL << 60)

/* Keeps the compiler from proving away, or doing on a copy, a comparison that the verifier must see. */
#define OPAQUE(value) asm volatile("" : "+r"(value))

struct packet {
	__u32 sequence; /* TCP sequence number of the first payload byte */
	__u32 transport; /* offset of the TCP header in the packet */
	__u32 payload; /* offset of the payload in the packet */
	__u32 length; /* bytes of payload */
	__u32 ports; /* both, as they are in the header */
	__u32 rests; /* not 0: its connection is to rest, if it is of HTTP/1 */
	__u8 scale; /* log2 of how many such connections one is followed of */
	__u8 flags; /* TCP flags */
	__u8 direction; /* enum direction */
	bool zero_window; /* its sender has no room; known only if TCP is counted */
};

/* Where the header of TCP begins behind that of IPv6, and perhaps one hop by hop, which a packet above 64 KiB has; 0: it is none of
 * TCP's, or has other headers before, which is counted. The place is calculated, and not chosen: a verifier would follow all that
 * comes once for each.
 */
static __always_inline __u32 packet_transport6(const __u8 *ip, const void *end)
{
	__u32 next, hop;

	if ((void *)ip + 48 > end)
		goto unreadable;
	next = ip[6];
	hop = (next - 1) >> 31; /* 1 if that comes first */
	OPAQUE(hop);
	if (!next) {
		next = ip[40];
		if (ip[41])
			goto unreadable; /* it has more than eight bytes */
	}
	if (next == IP_PROTOCOL_TCP)
		return 40 + (hop & 1) * 8;
	if (next > 63 || !(IP_EXTENSIONS >> next & 1))
		return 0;
unreadable:
	count(COUNTER_UNREADABLE);
	return 0;
}

/* Reads the IP and TCP headers; false when this is no TCP packet or its headers are not linear. A program of this type
 * sees the packet from the IP header on. The length is the packet's, not the IP header's, whose field is 0 for a
 * BIG TCP packet.
 */
static __always_inline bool packet_read(struct __sk_buff *skb, struct packet *packet)
{
	void *data = (void *)(long)skb->data;
	void *end = (void *)(long)skb->data_end;
	__u8 *ip = data;
	__u8 *tcp;
	__u32 ip_length;
	__u32 tcp_length;

	if (skb->protocol == bpf_htons(ETH_P_IPV4)) {
		if (data + 20 > end)
			goto unreadable;
		if (ip[9] != IP_PROTOCOL_TCP)
			return false;
		ip_length = (ip[0] & 0x0f) << 2;
	} else if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
		ip_length = packet_transport6(ip, end);
		if (!ip_length)
			return false;
	} else {
		return false;
	}
	tcp = data + ip_length;
	if ((void *)tcp + 20 > end)
		goto unreadable;
	tcp_length = (tcp[12] >> 4) << 2;
	packet->ports = *(__u32 *)tcp;
	packet->sequence = bpf_ntohl(*(__u32 *)(tcp + 4));
	packet->flags = tcp[13];
	if (packet->flags & TCP_FLAG_SYN)
		packet->sequence++; /* the SYN has a number of its own; data on it is TCP Fast Open's */
	if (knob_tcp_metrics)
		packet->zero_window = !*(__u16 *)(tcp + 14) && !(packet->flags & (TCP_FLAG_SYN | TCP_FLAG_RST));
	packet->transport = ip_length;
	packet->payload = ip_length + tcp_length;
	packet->length = skb->len > packet->payload ? skb->len - packet->payload : 0;
	return true;
unreadable:
	count(COUNTER_UNREADABLE);
	return false;
}

/* The first eight payload bytes as they lie in memory, missing ones 0. */
static __always_inline __u64 packet_prefix(struct __sk_buff *skb, const struct packet *packet, __u32 skip)
{
	__u32 length = packet->length - skip;
	__u64 prefix = 0;

	if (length >= 8)
		bpf_skb_load_bytes(skb, packet->payload + skip, &prefix, 8);
	else if (length >= 4)
		bpf_skb_load_bytes(skb, packet->payload + skip, &prefix, 4);
	return prefix;
}

/* Copies payload bytes, from skip on and at most capacity of them, and returns how many. The bounds of the length are
 * shown to the verifier one by one, on 64 bits, and the lower one as a signed comparison: merged into one comparison, or
 * as one with 0, the verifiers of 5.10, 6.1 and 6.12 do not see them.
 */
static __always_inline __u32 packet_capture(struct __sk_buff *skb, const struct packet *packet, __u32 skip, void *to,
					    __u32 capacity)
{
	__u64 length = packet->length - skip;

	if (length > capacity)
		length = capacity;
	OPAQUE(length);
	if (length > capacity)
		return 0;
	OPAQUE(length);
	if ((__s64)length < 1)
		return 0;
	return bpf_skb_load_bytes(skb, packet->payload + skip, to, length) ? 0 : length;
}

/* The last size payload bytes, at most eight, as they lie in memory; 0 when it has fewer. */
static __always_inline __u64 packet_tail(struct __sk_buff *skb, const struct packet *packet, __u32 size)
{
	__u64 tail = 0;

	if (packet->length >= size)
		bpf_skb_load_bytes(skb, packet->payload + packet->length - size, &tail, size);
	return tail;
}

/* Whether a packet comes before earlier bytes of its stream: TCP itself waits for them. What leaves is always in order. */
static __always_inline bool packet_is_ahead(struct bpf_sock *sk, const struct packet *packet)
{
	struct bpf_tcp_sock *tcp;

	if (packet->direction != INGRESS)
		return false;
	tcp = bpf_tcp_sock(sk);
	return tcp && (__s32)(packet->sequence - tcp->rcv_nxt) > 0;
}

/* Where the direction of a packet goes on of which nothing was seen: of what comes in, TCP knows it, since another packet than the
 * first may be the first to come.
 */
static __always_inline __u32 packet_expected(struct bpf_sock *sk, const struct packet *packet)
{
	__u32 expected = packet->sequence;
	struct bpf_tcp_sock *tcp;

	if (packet->direction != INGRESS)
		return expected;
	tcp = bpf_tcp_sock(sk);
	if (tcp)
		expected = tcp->rcv_nxt;
	OPAQUE(expected); /* else the compiler chooses between two addresses, which is not allowed */
	return expected;
}

/* Whether a RST ends its connection: TCP ignores one that is not in place, whoever sent it. It may be in place when TCP comes to
 * it, behind packets that wait: then the socket's end tells.
 */
static __always_inline bool packet_resets(struct bpf_sock *sk, const struct packet *packet)
{
	return packet_expected(sk, packet) == packet->sequence;
}

/* How long before the end of a connection a RST may have come that ended it, if it was not in place then: the connection may have
 * lived on and been closed in order much later. A second, by reset_clock.
 */
#define RESET_RECENT 60

/* The time in 16.8 ms, never 0: begins anew after two years. */
static __always_inline __u32 reset_clock(void)
{
	__u32 now = bpf_ktime_get_ns() >> 24;

	return now ? now : 1;
}

/* Whether a RST that was seen at that time, if it is not 0, can be what ends a connection now. */
static __always_inline bool reset_is_recent(__u32 when)
{
	return when && reset_clock() - when < RESET_RECENT;
}

/* Whether TCP still waits for the very first byte of the peer. */
static __always_inline bool packet_is_early(struct bpf_sock *sk)
{
	struct bpf_tcp_sock *tcp = bpf_tcp_sock(sk);

	return tcp && !tcp->bytes_received;
}

#endif
