/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copyright The otelcol-risk Authors */

#ifndef OTELCOL_RISK_ACCEPT_BPF_H
#define OTELCOL_RISK_ACCEPT_BPF_H

/* accept(), if the caller wants to know whom it accepted, which nearly every server does, and getpeername(): whoever calls
 * it has the connection, whichever process made the listener. The first request may have come before.
 */
static __always_inline void owner_accept(struct bpf_sock *sk)
{
	struct owner *owner = bpf_sk_storage_get(&owners, sk, NULL, 0);
	__u32 pid = bpf_get_current_pid_tgid() >> 32;
	__u8 how = owner && owner->inherited ? OWNER_ACCEPTED : 0;
	struct connection *connection;
	struct stream *stream;

	if (owner && owner->pid == pid && owner->inherited != OWNER_INHERITED)
		return;
	if (owner && owner->off) {
		/* Of no interest, whoever has it, but that it may have something to answer. */
		if (knob_causes && owner->inherited && owner->messages)
			serving_unsure(pid);
		return;
	}
	owner = owner_tag(sk);
	if (!owner)
		return;
	owner->inherited = how;
	connection = bpf_sk_storage_get(&connections, sk, NULL, 0);
	if (connection && knob_idle && connection->idle && !idle_ends(connection))
		return;
	if (connection) {
		cause_accepted(connection, owner);
	} else if (owner->direction & OWNER_SWEPT) {
		hiding_pass(sk, pid);
	} else if (owner->messages || owner->direction == OWNER_STREAM) {
		cause_other(owner);
	}
	if (owner->direction != OWNER_STREAM)
		return;
	stream = bpf_sk_storage_get(&streams, sk, NULL, 0);
	if (stream) {
		bpf_spin_lock(&stream->lock);
		stream->open.owner = *owner;
		if (stream->opened != OPENED_NOT)
			stream->opened = OPENED_STALE;
		bpf_spin_unlock(&stream->lock);
	}
}

#endif
