/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copyright The otelcol-risk Authors */

/* Writes records, and says when that is to wake the reader. */
#ifndef OTELCOL_RISK_RING_BPF_H
#define OTELCOL_RISK_RING_BPF_H

/* How to wake the reader for a record of that size when so much waits already: each time that another knob_wakeup_bytes
 * are full, and not for every record above that. A reader that is awake reads on until nothing waits, and a wake-up costs
 * more than the record, because it is an interrupt. One that two processors miss together comes with the next, or the
 * reader polls.
 */
static __always_inline __u64 ring_wake(__u32 size, __u64 waiting)
{
	__u32 before = waiting;

	if (!knob_wakeup_bytes)
		return BPF_RB_FORCE_WAKEUP;
	return before % knob_wakeup_bytes + size >= knob_wakeup_bytes ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
}

/* Writes one record. */
static __always_inline bool ring_write_after(void *record, __u32 size, __u64 waiting)
{
	return !bpf_ringbuf_output(&ring, record, size, ring_wake(size, waiting));
}

static __always_inline bool ring_write(void *record, __u32 size)
{
	return ring_write_after(record, size, bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA));
}

#endif
