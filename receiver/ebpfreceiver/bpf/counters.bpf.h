/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copyright The otelcol-risk Authors */

#ifndef OTELCOL_RISK_COUNTERS_BPF_H
#define OTELCOL_RISK_COUNTERS_BPF_H

/* Adds one to a counter. Programs of one processor can interrupt each other (process context, softirq), so the addition
 * is atomic although the value is the processor's own.
 */
static __always_inline void count(__u32 counter)
{
	__u64 *value = bpf_map_lookup_elem(&counters, &counter);

	if (value)
		__sync_fetch_and_add(value, 1);
}

#endif
