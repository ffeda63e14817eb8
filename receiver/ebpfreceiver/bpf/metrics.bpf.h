/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copyright The otelcol-risk Authors */

/* Counts the durations of exchanges where they are seen, so that metrics need no record of any of them.
 *
 * An exchange is counted when its final status line passes, with the time until then, and counted anew when more of its
 * response has passed, so that the numbers are right at any moment without a timer. Whether a response was cut off is
 * judged when its connection ends (judge.bpf.h). What the kernel would have to guess is not counted here.
 */
#ifndef OTELCOL_RISK_METRICS_BPF_H
#define OTELCOL_RISK_METRICS_BPF_H

/* Place of the bucket: how many of the limits are shorter. Without branches, because a verifier that follows each of them
 * would see the rest of the program once for every bucket.
 */
static __always_inline __u32 series_bucket(__u64 ns)
{
	__u32 place = 0;

#pragma unroll
	for (__u32 step = SERIES_BUCKETS / 2; step; step >>= 1) {
		if (step > knob_bucket_mask)
			continue;
		OPAQUE(place);
		place &= knob_bucket_mask;
		place += step & -(__u32)((knob_bucket_limits[(place + step - 1) & (SERIES_BUCKETS - 1)] - ns) >> 63);
	}
	return place & knob_bucket_mask;
}

static __always_inline void series_key_of(struct series_key *key, const struct connection *connection, __u8 failure)
{
	const struct event_exchange *exchange = &connection->exchange;
	const __u64 *peer = (const __u64 *)exchange->peer_address;
	__u64 *address = (__u64 *)key->address;

	address[0] = 0;
	address[1] = 0;
	key->port = exchange->local_port;
	if (exchange->event.side == SIDE_CLIENT) {
		address[0] = peer[0];
		address[1] = peer[1];
		key->port = exchange->peer_port;
	}
	key->pid = exchange->owner.pid;
	key->status = connection->status;
	key->side = exchange->event.side;
	key->method = connection->method;
	key->minor = connection->minor;
	key->failure = failure;
	key->inherited = exchange->owner.inherited;
	key->scaled = exchange->event.detail != 0;
	__builtin_memset(key->reserved, 0, sizeof(key->reserved));
}

/* The series of an exchange, made if it is new; that for what is too much if there is no room for it. */
static __always_inline struct series *series_get(const struct connection *connection, __u8 failure)
{
	struct series_key key;
	struct series *series;
	__u32 zero = 0;
	void *active = bpf_map_lookup_elem(&series_active, &zero);
	struct series *empty;

	if (!active)
		return NULL;
	series_key_of(&key, connection, failure);
	series = bpf_map_lookup_elem(active, &key);
	if (series)
		return series;
	empty = bpf_map_lookup_elem(&series_empty, &zero);
	if (!empty)
		return NULL;
	bpf_map_update_elem(active, &key, empty, BPF_NOEXIST);
	series = bpf_map_lookup_elem(active, &key);
	if (series) {
		series->cgroup_id = connection->exchange.cgroup_id;
		series->created_ns = connection->exchange.owner.created_ns;
		__builtin_memcpy(series->comm, connection->exchange.owner.comm, sizeof(series->comm));
		return series;
	}
	__builtin_memset(&key, 0, sizeof(key));
	key.side = connection->exchange.event.side;
	key.method = SERIES_OVERFLOW;
	key.scaled = connection->exchange.event.detail != 0;
	return bpf_map_lookup_elem(active, &key);
}

/* Adds an exchange, or takes it off again, as often as it stands for: see rest.bpf.h. */
static __always_inline void series_add(struct series *series, const struct connection *connection, __u32 bucket, __s32 count,
				       __s64 ns)
{
	__s32 weight = 1 << (connection->exchange.event.detail & REST_SHIFT);

	__sync_fetch_and_add(&series->buckets[bucket & knob_bucket_mask], count * weight);
	__sync_fetch_and_add(&series->sum_ns, ns * weight);
}

/* Counts an exchange that has come this far, or counts it anew. */
static __always_inline void metrics_count(struct connection *connection, __u64 now)
{
	__u64 ns = now - connection->exchange.request_ns;
	struct series *series;
	__u32 bucket;

	series = series_get(connection, 0);
	if (!series) {
		count(COUNTER_SERIES_LOST);
		return;
	}
	bucket = series_bucket(ns);
	if (connection->counted)
		series_add(series, connection, connection->bucket, -1, -(__s64)connection->counted_ns);
	series_add(series, connection, bucket, 1, ns);
	connection->counted = 1;
	connection->bucket = bucket;
	connection->counted_ns = ns;
}

/* Counts an exchange that has failed at that time; if it was counted already, as what it is now. */
static __always_inline void metrics_fail(struct connection *connection, __u8 failure, __u64 now)
{
	__u64 ns = now - connection->exchange.request_ns;
	struct series *series;

	if (connection->counted) {
		series = series_get(connection, 0);
		if (!series)
			return;
		series_add(series, connection, connection->bucket, -1, -(__s64)connection->counted_ns);
	}
	series = series_get(connection, failure);
	if (series)
		series_add(series, connection, series_bucket(ns), 1, ns);
	else
		count(COUNTER_SERIES_LOST);
	connection->counted = 0;
}

#endif
