/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copyright The otelcol-risk Authors */

/* Who owns a socket. Packets pass in softirq context, where the current process is a bystander; socket(), bind(),
 * connect() and accept() are the system calls that a hook of this family sees in the owner's own context on every kernel
 * since 5.10.
 */
#ifndef OTELCOL_RISK_OWNER_BPF_H
#define OTELCOL_RISK_OWNER_BPF_H

/* Key: process id. Value: under which name user space was told of it. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __u8[16]);
} processes_told SEC(".maps");

/* Tells user space of a process once, at its first socket, and wakes it: a short-lived client has ended before its
 * exchange is told, and leaves nothing to read. A new name is a new program.
 */
static __always_inline void owner_tell(const struct owner *owner)
{
	struct event_process record = { .event = { .kind = EVENT_PROCESS, .time_ns = owner->created_ns }, .owner = *owner };
	__u64 *told = bpf_map_lookup_elem(&processes_told, &owner->pid);
	const __u64 *name = (const __u64 *)owner->comm;

	if (!knob_tell_processes || owner->off || (told && told[0] == name[0] && told[1] == name[1]))
		return;
	bpf_map_update_elem(&processes_told, &owner->pid, owner->comm, BPF_ANY);
	if (bpf_ringbuf_output(&ring, &record, sizeof(record), BPF_RB_FORCE_WAKEUP))
		count(COUNTER_LATE_RING_FULL);
}

static __always_inline struct owner *owner_tag(struct bpf_sock *sk)
{
	struct owner *owner = STORAGE_MAKE(&owners, sk);

	if (!owner)
		return NULL; /* the owner stays unknown, which the span says by having none */
	owner->created_ns = bpf_ktime_get_ns();
	owner->pid = bpf_get_current_pid_tgid() >> 32;
	owner->off = self_pid && owner->pid == self_pid;
	owner->inherited = 0;
	bpf_get_current_comm(owner->comm, sizeof(owner->comm));
	return owner;
}

/* A connection came in: its owner is a copy of the listener's. */
static __always_inline void owner_inherit(struct bpf_sock *sk)
{
	struct owner *owner = bpf_sk_storage_get(&owners, sk, NULL, 0);

	if (owner)
		owner->inherited = OWNER_INHERITED;
}

#endif
