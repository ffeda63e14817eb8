// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Copyright The otelcol-risk Authors

/* The usual way to watch HTTP/1: tracepoints at the entry and the exit of the system calls that move data, the
 * connection's state in a hash by process and descriptor, the request's head kept there until the response begins, then
 * one record for both in a ring buffer. What the receiver does at the socket, with the same captures.
 */
#include <stdbool.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define REQUEST_CAPACITY 480
#define RESPONSE_CAPACITY 256

char _license[] SEC("license") = "Dual BSD/GPL";

struct call {
	__u64 buffer;
	__u32 descriptor;
	__u32 vector; /* the buffer is an array of iovec */
};

struct connection {
	__u64 request_ns;
	__u64 response_ns;
	__u64 key;
	__u32 request_len;
	__u32 response_len;
	__u64 reserved[12]; /* as much as the receiver's record says beside the heads */
	__u8 data[REQUEST_CAPACITY + RESPONSE_CAPACITY];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct call);
} calls SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct connection);
} connections SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct connection);
} scratch SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 << 20);
} ring SEC(".maps");

struct enter {
	__u64 common;
	__s64 number;
	__u64 arguments[6];
};

struct leave {
	__u64 common;
	__s64 number;
	__s64 result;
};

static __always_inline int entered(struct enter *ctx, __u32 vector)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct call call = { .descriptor = ctx->arguments[0], .buffer = ctx->arguments[1], .vector = vector };

	bpf_map_update_elem(&calls, &thread, &call, BPF_ANY);
	return 0;
}

static __always_inline bool is_request(__u64 prefix)
{
	__u32 four = prefix;

	return four == 0x20544547 /* "GET " */ || four == 0x54534f50 /* "POST" */ || four == 0x20545550 /* "PUT " */ ||
	       four == 0x44414548 /* "HEAD" */ || four == 0x454c4544 /* "DELE" */;
}

static __always_inline void request(__u64 key, __u64 buffer, __u32 length)
{
	__u32 zero = 0;
	struct connection *connection = bpf_map_lookup_elem(&connections, &key);

	if (!connection) {
		struct connection *empty = bpf_map_lookup_elem(&scratch, &zero);

		if (!empty)
			return;
		bpf_map_update_elem(&connections, &key, empty, BPF_ANY);
		connection = bpf_map_lookup_elem(&connections, &key);
		if (!connection)
			return;
	}
	if (length > REQUEST_CAPACITY)
		length = REQUEST_CAPACITY;
	connection->key = key;
	connection->request_ns = bpf_ktime_get_ns();
	connection->request_len = length;
	bpf_probe_read_user(connection->data, length, (const void *)buffer);
}

static __always_inline void response(__u64 key, __u64 buffer, __u32 length)
{
	struct connection *connection = bpf_map_lookup_elem(&connections, &key);
	__u64 waiting;
	__u32 at;

	if (!connection || !connection->request_len)
		return;
	if (length > RESPONSE_CAPACITY)
		length = RESPONSE_CAPACITY;
	at = connection->request_len;
	if (at > REQUEST_CAPACITY)
		return;
	connection->response_ns = bpf_ktime_get_ns();
	connection->response_len = length;
	bpf_probe_read_user(connection->data + at, length, (const void *)buffer);
	waiting = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA);
	bpf_ringbuf_output(&ring, connection, sizeof(*connection) - sizeof(connection->data) + at + length,
			   waiting >= 256 << 10 ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
	connection->request_len = 0;
}

static __always_inline int left(struct leave *ctx)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct call *call = bpf_map_lookup_elem(&calls, &thread);
	__u64 vector[2] = {};
	__u64 prefix = 0;
	__u64 buffer;
	__u64 key;
	__u64 length = ctx->result;

	if (!call)
		return 0;
	buffer = call->buffer;
	if (call->vector && !bpf_probe_read_user(vector, sizeof(vector), (const void *)buffer)) {
		buffer = vector[0];
		if (length > vector[1])
			length = vector[1];
	}
	key = (thread & 0xffffffff00000000ULL) | call->descriptor;
	bpf_map_delete_elem(&calls, &thread);
	if (ctx->result < 8 || bpf_probe_read_user(&prefix, sizeof(prefix), (const void *)buffer))
		return 0;
	if (is_request(prefix))
		request(key, buffer, length > REQUEST_CAPACITY ? REQUEST_CAPACITY : length);
	else if ((prefix & 0xffffffffffffffULL) == 0x2e312f50545448ULL /* "HTTP/1." */)
		response(key, buffer, length > RESPONSE_CAPACITY ? RESPONSE_CAPACITY : length);
	return 0;
}

#define CALL(name, vector)                                                                                                  \
	SEC("tracepoint/syscalls/sys_enter_" #name) int enter_##name(struct enter *ctx) { return entered(ctx, vector); } \
	SEC("tracepoint/syscalls/sys_exit_" #name) int exit_##name(struct leave *ctx) { return left(ctx); }

CALL(read, 0)
CALL(write, 0)
CALL(recvfrom, 0)
CALL(sendto, 0)
CALL(readv, 1)
CALL(writev, 1)
