/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copyright The otelcol-risk Authors */

/* Who owns a socket. Packets pass in softirq context, where the current process is a bystander; socket(), bind() and
 * connect() are the system calls that a hook of this family sees in the owner's own context on every kernel since 5.10.
 */
#ifndef OTELCOL_RISK_OWNER_BPF_H
#define OTELCOL_RISK_OWNER_BPF_H

static __always_inline void owner_tag(struct bpf_sock *sk)
{
	struct owner *owner = bpf_sk_storage_get(&owners, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);

	if (!owner)
		return; /* the owner stays unknown, which the span says by having none */
	owner->created_ns = bpf_ktime_get_ns();
	owner->pid = bpf_get_current_pid_tgid() >> 32;
	owner->off = self_pid && owner->pid == self_pid;
	bpf_get_current_comm(owner->comm, sizeof(owner->comm));
}

#endif
