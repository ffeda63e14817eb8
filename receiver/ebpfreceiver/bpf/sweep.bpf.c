// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Copyright The otelcol-risk Authors

/* Takes away the state of connections of HTTP/1 that are idle; see idle.bpf.h. An object apart, because it is the only program
 * that needs BTF of the kernel, and Linux 5.11: without them, connections keep their state.
 */
#include <stdbool.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#include "event.h"
#include "knobs.bpf.h"
#include "maps.bpf.h"
#include "counters.bpf.h"
#include "ring.bpf.h"
#include "packet.bpf.h"
#include "http1.bpf.h"
#include "filter.bpf.h"
#include "owner.bpf.h"
#include "metrics.bpf.h"
#include "judge.bpf.h"
#include "thin.bpf.h"
#include "rest.bpf.h"
#include "order.bpf.h"
#include "connection.bpf.h"
#include "cause.bpf.h"
#include "idle.bpf.h"

char _license[] SEC("license") = "Dual BSD/GPL";

/* What the kernel passes to programs that iterate over open files, each field in eight bytes since they came (Linux 5.9). */
struct sweep_context {
	void *meta;
	void *task;
	__u64 descriptor;
	void *file; /* NULL, once, behind the last */
};

/* What is read of the kernel's struct of that name; where it is, the loader finds out. */
struct socket {
	void *sk;
} __attribute__((preserve_access_index));

/* IDLE_NOTED or IDLE_NOTED_TOO, in turns, one a sweep: several descriptors may be of the same socket. */
volatile __u8 sweep_note = IDLE_NOTED;

/* A connection to judge as if it had ended, which writes to it. One sweep is under way at a time. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct connection);
} swept SEC(".maps");

/* Whether the connection has nothing to do until its next request: what nobody can tell for certain is kept. */
static __always_inline bool sweep_over(struct connection *copy)
{
	if (copy->released || copy->held || copy->interim || copy->marks & MARK_TUNNEL)
		return false; /* what the client of a tunnel says first decides what it is */
	if (copy->phase == PHASE_IDLE)
		return true;
	if (copy->phase != PHASE_RESPONSE || !copy->status)
		return false;
	copy->ended = FLAG_RESET;
	if (judge_failure(copy, copy->last_ns))
		return false;
	/* Text may look like the end of trailers. */
	return !copy->held || copy->exchange.event.flags & FLAG_CHUNK_END;
}

/* Tells what no record has told yet of the last exchange. */
static __always_inline void sweep_tell(const struct connection *copy)
{
	struct event event = copy->exchange.event;

	if (!copy->emitted || !copy->untold)
		return;
	event.kind = EVENT_PROGRESS;
	if (bpf_ringbuf_output(&ring, &event, sizeof(event), BPF_RB_NO_WAKEUP))
		count(COUNTER_LATE_RING_FULL);
}

/* Takes away the state of a connection that was noted by an earlier sweep, if it can be spared. */
static __always_inline void sweep_connection(void *sk, struct connection *connection)
{
	struct hiding *hiding = NULL;
	struct connection *copy;
	struct owner *owner;
	__u32 zero = 0;

	copy = bpf_map_lookup_elem(&swept, &zero);
	if (!copy)
		return;
	*copy = *connection;
	if (!sweep_over(copy))
		return;
	if (copy->hidden) {
		hiding = STORAGE_MAKE(&hidings, sk);
		if (!hiding)
			return;
	}
	if (!idle_become(connection, IDLE_GONE))
		return;
	sweep_tell(copy);
	if (hiding)
		hiding_begin(hiding, connection);
	owner = bpf_sk_storage_get(&owners, sk, NULL, 0);
	if (owner) {
		owner->messages = 0;
		owner->direction = OWNER_SWEPT | (copy->rests ? OWNER_RESTED : 0);
	}
	bpf_sk_storage_delete(&callings, sk);
	if (bpf_sk_storage_delete(&connections, sk))
		connection->idle = IDLE_NOT; /* never: the socket is open, and has it */
	else
		count(COUNTER_SWEPT);
}

/* Every open file of every process passes. */
SEC("iter/task_file")
int sweep(struct sweep_context *ctx)
{
	struct connection *connection;
	struct socket *socket;
	__u8 idle;
	void *sk;

	if (!ctx->file)
		return 0;
	socket = bpf_sock_from_file(ctx->file);
	if (!socket)
		return 0;
	sk = socket->sk;
	if (!sk)
		return 0;
	connection = bpf_sk_storage_get(&connections, sk, NULL, 0);
	if (!connection)
		return 0;
	idle = connection->idle;
	if (idle == IDLE_NOT)
		connection->idle = sweep_note;
	else if (idle != sweep_note)
		sweep_connection(sk, connection);
	return 0;
}
