/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copyright The otelcol-risk Authors */

/* Within which exchange a process calls others. A process that has exactly one request to answer, from before it calls until
 * the call is answered or fails, calls for that request: docs/attributes.md says what that takes to be certain. A process
 * that serves anything else than HTTP/1, where the programs cannot count what is open, is never certain.
 */
#ifndef OTELCOL_RISK_CAUSE_BPF_H
#define OTELCOL_RISK_CAUSE_BPF_H

#define SERVING_SLOTS 8192 /* a power of two */

/* What a process has to answer. A cache line each: worker processes have ids in a row, and run on different processors. */
struct serving {
	__u64 counts; /* requests that have come and are not answered yet, and, above bit 32, all that ever came */
	__u64 cookies; /* of the sockets of those that are open, added up: while there is one, it is its cookie */
	__u32 exchanges; /* and their numbers */
	__u32 pid; /* whose this is; 0: nobody's */
	__u32 hidden; /* connections of it that rest, swept or not, each of which may have a request that is not counted */
	struct bpf_spin_lock lock; /* of the above, with the notes of the connections; who only reads goes without */
	__u8 unsure; /* there may be more to answer than is counted */
	__u8 reserved[31];
};

_Static_assert(sizeof(struct serving) == 64, "serving fills a cache line");

/* Key: the low bits of a process id. Two processes that share a slot while both have something open are unsure. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SERVING_SLOTS);
	__type(key, __u32);
	__type(value, struct serving);
} servings SEC(".maps");

#define SERVING_OPEN(counts) ((__u32)(counts))
#define SERVING_BEGUN (1ULL << 32)

/* What was open when a client called. */
struct calling {
	struct within within;
};

/* Key: socket. Only of connections that have called. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct calling);
} callings SEC(".maps");

static __always_inline struct serving *serving_of(__u32 pid)
{
	__u32 slot = pid & (SERVING_SLOTS - 1);

	return bpf_map_lookup_elem(&servings, &slot);
}

/* Whether whose slot this is needs it. */
static __always_inline bool serving_used(const struct serving *serving)
{
	return SERVING_OPEN(serving->counts) || serving->hidden;
}

/* Makes a slot that of a process. False if another one needs it. */
static __always_inline bool serving_take(struct serving *serving, __u32 pid)
{
	if (serving->pid == pid)
		return true;
	if (serving_used(serving)) {
		serving->unsure = 1;
		return false;
	}
	serving->pid = pid;
	serving->unsure = 0;
	serving->cookies = 0;
	serving->exchanges = 0;
	return true;
}

/* A request came to a process that has the slot. */
static __always_inline void serving_begin(struct serving *serving, __u64 cookie, __u32 exchange)
{
	/* First what within_holds compares, and in serving_end last: who reads a sum in between is found out. */
	__sync_fetch_and_add(&serving->counts, SERVING_BEGUN + 1);
	__sync_fetch_and_add(&serving->cookies, cookie);
	__sync_fetch_and_add(&serving->exchanges, exchange);
}

static __always_inline void serving_end(struct serving *serving, __u64 cookie, __u32 exchange)
{
	__sync_fetch_and_add(&serving->cookies, -cookie);
	__sync_fetch_and_add(&serving->exchanges, -exchange);
	__sync_fetch_and_add(&serving->counts, -1);
}

/* A connection of a process may have a request that is not counted. Under the lock. False if another one needs the slot. */
static __always_inline bool serving_hide(struct serving *serving, __u32 pid)
{
	if (!serving_take(serving, pid))
		return false;
	serving->hidden++;
	__sync_fetch_and_add(&serving->counts, SERVING_BEGUN);
	return true;
}

/* The process serves something that is not counted. */
static __always_inline void serving_unsure(__u32 pid)
{
	struct serving *serving = serving_of(pid);

	if (!pid || !serving)
		return;
	if (serving->pid != pid && !serving_used(serving))
		serving->pid = pid;
	serving->unsure = 1;
}

/* A process calls: notes what it has to answer, if that is one request. */
static __always_inline bool within_enter(struct within *within, __u32 pid)
{
	struct serving *serving = serving_of(pid);

	within->pid = 0;
	if (!pid || !serving || serving->pid != pid)
		return false;
	within->counts = serving->counts; /* first: a connection that begins to rest from here on changes it */
	if (SERVING_OPEN(within->counts) != 1 || *(volatile __u32 *)&serving->hidden || serving->unsure)
		return false;
	within->cookie = serving->cookies;
	within->exchange = serving->exchanges;
	within->pid = pid;
	return true;
}

/* Whether it has had that, and nothing else, to answer all the time since. */
static __always_inline bool within_holds(const struct within *within)
{
	struct serving *serving = serving_of(within->pid);

	return within->pid && serving && serving->pid == within->pid && serving->counts == within->counts && !serving->unsure;
}

/* Where a connection stood before a packet. */
struct standing {
	__u32 exchange;
	__u8 phase;
};

static __always_inline struct standing standing_of(const struct connection *connection)
{
	return (struct standing){ connection->exchange.event.exchange, connection->phase };
}

/* Tells user space that a client's exchange, whose record follows, was within a server's. */
static __always_inline void within_tell(const struct connection *connection, __u32 exchange, const struct within *within)
{
	struct event_within record = {
		.event = { .cookie = connection->exchange.event.cookie, .exchange = exchange, .kind = EVENT_WITHIN,
			   .side = SIDE_CLIENT },
		.cookie = within->cookie,
		.exchange = within->exchange,
	};

	if (bpf_ringbuf_output(&ring, &record, sizeof(record), BPF_RB_NO_WAKEUP))
		count(COUNTER_LATE_RING_FULL);
}

/* A client's connection has moved on. Most processes that call have nothing to answer, and their sockets no storage for it. */
static __always_inline void cause_call(struct bpf_sock *sk, struct connection *connection, struct standing before, bool begun,
				       bool ended)
{
	struct calling *calling;
	struct within within;

	if (ended && connection->marks & MARK_CAUSED) {
		calling = bpf_sk_storage_get(&callings, sk, NULL, 0);
		if (calling && within_holds(&calling->within))
			within_tell(connection, before.exchange, &calling->within);
	}
	if (!begun)
		return;
	connection->marks &= ~MARK_CAUSED;
	if (!within_enter(&within, connection->exchange.owner.pid))
		return;
	calling = STORAGE_MAKE(&callings, sk);
	if (!calling)
		return;
	calling->within = within;
	connection->marks |= MARK_CAUSED;
}

/* The connection's process has a request to answer, if one is open. A first request may come while its connection is
 * accepted, and either is enough: under the lock, it is counted once, and by nobody if it has ended meanwhile.
 */
static __always_inline void cause_serve(struct connection *connection)
{
	const struct event_exchange *exchange = &connection->exchange;
	__u32 pid = exchange->owner.pid;
	struct serving *serving = serving_of(pid);

	if (!pid || !serving)
		return;
	bpf_spin_lock(&serving->lock);
	if (connection->phase == PHASE_REQUEST && !(connection->marks & MARK_CAUSED) && serving_take(serving, pid)) {
		connection->marks |= MARK_CAUSED;
		serving_begin(serving, exchange->event.cookie, exchange->event.exchange);
	}
	bpf_spin_unlock(&serving->lock);
}

/* It has not any more to answer the exchange of that number. */
static __always_inline void cause_served(struct connection *connection, __u32 exchange)
{
	__u32 pid = connection->exchange.owner.pid;
	struct serving *serving = serving_of(pid);

	if (!serving)
		return;
	bpf_spin_lock(&serving->lock);
	if (connection->marks & MARK_CAUSED && serving->pid == pid)
		serving_end(serving, connection->exchange.event.cookie, exchange);
	connection->marks &= ~MARK_CAUSED;
	bpf_spin_unlock(&serving->lock);
}

/* If a server's connection rests, its process may have a request on it that nobody counts. What was certain until now is not
 * any more. A packet, the process that accepts the connection and the one that closes it may come at once: under the lock,
 * whoever comes second sees what the first has noted.
 */
static __always_inline void cause_hidden(struct connection *connection)
{
	const struct event_exchange *exchange = &connection->exchange;
	__u32 pid = exchange->owner.pid;
	struct serving *serving;

	if (!knob_causes || !knob_rest || exchange->event.side != SIDE_SERVER || exchange->owner.inherited == OWNER_INHERITED)
		return;
	serving = serving_of(pid);
	if (!pid || !serving)
		return;
	bpf_spin_lock(&serving->lock);
	if (connection->rests && !connection->hidden && !connection->released)
		connection->hidden = serving_hide(serving, pid);
	bpf_spin_unlock(&serving->lock);
}

/* It has not any more: the next request has come, the connection has another owner, or it is closed. */
static __always_inline void cause_shown(struct connection *connection)
{
	__u32 pid = connection->exchange.owner.pid;
	struct serving *serving;

	if (!knob_causes || !knob_rest || connection->exchange.event.side != SIDE_SERVER)
		return;
	serving = serving_of(pid);
	if (!serving)
		return;
	bpf_spin_lock(&serving->lock);
	if (connection->hidden) {
		connection->hidden = 0;
		serving->hidden--;
	}
	bpf_spin_unlock(&serving->lock);
}

/* What a connection hid that was swept; see idle.bpf.h. */
struct hiding {
	struct bpf_spin_lock lock;
	__u32 pid; /* of the process that may have a request on it; 0: it has none any more */
};

/* Key: socket. Only of those whose connection hid something when it was swept. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct hiding);
} hidings SEC(".maps");

/* The connection is being swept: from now on it is the hiding that says what its process may have to answer. */
static __always_inline void hiding_begin(struct hiding *hiding, struct connection *connection)
{
	__u32 pid = connection->exchange.owner.pid;
	struct serving *serving = serving_of(pid);
	bool hidden;

	if (!serving)
		return;
	bpf_spin_lock(&serving->lock);
	hidden = connection->hidden;
	connection->hidden = 0;
	bpf_spin_unlock(&serving->lock);
	if (!hidden)
		return;
	bpf_spin_lock(&hiding->lock);
	hiding->pid = pid;
	bpf_spin_unlock(&hiding->lock);
}

/* What a swept connection hid is over: the next request has come, the connection has another owner, or its last descriptor is
 * closed. True if there was something.
 */
static __always_inline bool hiding_end(struct bpf_sock *sk)
{
	struct hiding *hiding;
	struct serving *serving;
	__u32 pid;

	if (!knob_causes || !knob_rest || !knob_idle)
		return false;
	hiding = bpf_sk_storage_get(&hidings, sk, NULL, 0);
	if (!hiding)
		return false;
	bpf_spin_lock(&hiding->lock);
	pid = hiding->pid;
	hiding->pid = 0;
	bpf_spin_unlock(&hiding->lock);
	serving = serving_of(pid);
	if (!pid || !serving)
		return false;
	bpf_spin_lock(&serving->lock);
	serving->hidden--;
	bpf_spin_unlock(&serving->lock);
	return true;
}

/* A swept connection becomes another process's, with what it hides. */
static __always_inline void hiding_pass(struct bpf_sock *sk, __u32 pid)
{
	struct serving *serving = serving_of(pid);
	struct hiding *hiding;
	bool taken;

	if (!hiding_end(sk) || !serving)
		return;
	hiding = bpf_sk_storage_get(&hidings, sk, NULL, 0);
	if (!hiding)
		return; /* never: it had something */
	bpf_spin_lock(&serving->lock);
	taken = serving_hide(serving, pid);
	bpf_spin_unlock(&serving->lock);
	if (!taken)
		return; /* it is unsure now */
	bpf_spin_lock(&hiding->lock);
	hiding->pid = pid;
	bpf_spin_unlock(&hiding->lock);
}

/* A connection has moved on: from before, to where it stands now. Nothing of the exchange was written yet. */
static __always_inline void cause_follow(struct bpf_sock *sk, struct connection *connection, struct standing before)
{
	const struct event_exchange *exchange = &connection->exchange;
	bool begun = connection->phase == PHASE_REQUEST && exchange->event.exchange != before.exchange;
	bool ended = before.phase == PHASE_REQUEST && (connection->phase != PHASE_REQUEST || begun);

	if (!knob_causes || !(begun || ended))
		return;
	if (exchange->event.side == SIDE_CLIENT) {
		cause_call(sk, connection, before, begun, ended);
		return;
	}
	if (ended)
		cause_served(connection, before.exchange);
	if (ended && exchange->owner.inherited == OWNER_INHERITED && (connection->phase != PHASE_IDLE || connection->status))
		serving_unsure(exchange->owner.pid); /* it answers, on a connection whose requests are not counted */
	if (begun && exchange->owner.inherited != OWNER_INHERITED)
		cause_serve(connection);
}

/* The connection becomes this owner's, perhaps while a request waits for it. */
static __always_inline void cause_accepted(struct connection *connection, const struct owner *owner)
{
	struct event_exchange *exchange = &connection->exchange;
	bool serves = knob_causes && exchange->event.side == SIDE_SERVER;

	if (serves)
		cause_served(connection, exchange->event.exchange);
	cause_shown(connection);
	exchange->owner = *owner;
	cause_hidden(connection);
	if (serves)
		cause_serve(connection);
}

/* A client closes a connection whose request was not answered: it has given up, which says nothing about the connection, but
 * may be why the process answers its own client with an error.
 */
static __always_inline void cause_abandoned(struct bpf_sock *sk, const struct connection *connection)
{
	const struct event_exchange *exchange = &connection->exchange;
	struct calling *calling;
	struct event_tcp record = {
		.event = { .kind = EVENT_TCP, .side = SIDE_CLIENT, .cookie = exchange->event.cookie },
		.end = TCP_END_CANCELLED,
	};

	if (!knob_causes || connection->phase != PHASE_REQUEST || !(connection->marks & MARK_CAUSED))
		return;
	calling = bpf_sk_storage_get(&callings, sk, NULL, 0);
	if (!calling || !within_holds(&calling->within))
		return;
	record.event.time_ns = bpf_ktime_get_ns();
	record.opened_ns = exchange->request_ns;
	record.established_ns = exchange->request_ns;
	record.owner = exchange->owner;
	__builtin_memcpy(record.local_address, exchange->local_address, 16);
	__builtin_memcpy(record.peer_address, exchange->peer_address, 16);
	record.local_port = exchange->local_port;
	record.peer_port = exchange->peer_port;
	record.within_cookie = calling->within.cookie;
	record.within_exchange = calling->within.exchange;
	if (bpf_ringbuf_output(&ring, &record, sizeof(record), BPF_RB_NO_WAKEUP))
		count(COUNTER_LATE_RING_FULL);
}

/* A message on a connection that may have been accepted: one that is no request of HTTP/1, or one of no interest. */
static __always_inline void cause_other(const struct owner *owner)
{
	if (knob_causes && owner->inherited)
		serving_unsure(owner->pid);
}

/* Wakes the reader when a server answered with 5xx: the cause of that is to be told while it is new. */
static __always_inline void cause_wake(const struct connection *connection)
{
	__u32 head = connection->exchange.request_len;
	void *nothing;

	if (!knob_causes || connection->exchange.event.side != SIDE_SERVER)
		return;
	OPAQUE(head);
	if (head > REQUEST_CAPACITY || connection->exchange.response_len < 12 || connection->data[head + 9] != '5')
		return;
	nothing = bpf_ringbuf_reserve(&ring, 8, 0);
	if (nothing)
		bpf_ringbuf_discard(nothing, BPF_RB_FORCE_WAKEUP);
}

/* More requests than are counted wait on one connection, which is not followed any more. */
static __always_inline void cause_pipelined(struct connection *connection)
{
	if (!knob_causes || connection->exchange.event.side != SIDE_SERVER)
		return;
	cause_served(connection, connection->exchange.event.exchange);
	serving_unsure(connection->exchange.owner.pid);
}

#endif
