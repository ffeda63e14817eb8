/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copyright The otelcol-risk Authors */

/* Which connections are of interest, asked once a connection. Cgroups are filtered by where the programs are attached,
 * executables in user space.
 */
#ifndef OTELCOL_RISK_FILTER_BPF_H
#define OTELCOL_RISK_FILTER_BPF_H

static __always_inline bool filter_port(__u16 port)
{
	struct port_sets *sets;
	__u32 zero = 0;
	__u32 byte = port >> 3;
	__u8 bit = 1 << (port & 7);

	if (!knob_port_include && !knob_port_exclude)
		return true;
	sets = bpf_map_lookup_elem(&ports, &zero);
	if (!sets)
		return true;
	OPAQUE(byte);
	byte &= sizeof(sets->include) - 1; /* for the verifier, which may forget how large a swapped port can be */
	if (knob_port_exclude && sets->exclude[byte] & bit)
		return false;
	return !knob_port_include || sets->include[byte] & bit;
}

static __always_inline __u32 address_version(const __u8 *address)
{
	const __u32 *words = (const __u32 *)address;

	return !words[0] && !words[1] && words[2] == bpf_htonl(0xffff) ? 4 : 6;
}

static __always_inline bool filter_address(const __u8 *address)
{
	struct address_prefix key = { .bits = 32 + 128, .version = address_version(address) };

	if (!knob_address_include && !knob_address_exclude)
		return true;
	__builtin_memcpy(key.address, address, sizeof(key.address));
	if (knob_address_exclude && bpf_map_lookup_elem(&address_exclude, &key))
		return false;
	return !knob_address_include || bpf_map_lookup_elem(&address_include, &key);
}

/* Counts the reason when it says no. */
static __always_inline bool filter_admits(const struct event_exchange *exchange)
{
	if (!filter_port(exchange->event.side == SIDE_SERVER ? exchange->local_port : exchange->peer_port)) {
		count(COUNTER_OFF_PORT);
		return false;
	}
	if (!filter_address(exchange->peer_address)) {
		count(COUNTER_OFF_ADDRESS);
		return false;
	}
	return true;
}

#endif
