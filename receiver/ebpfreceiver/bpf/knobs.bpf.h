/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Copyright The otelcol-risk Authors */

/* Settings that the loader writes before the programs are verified. The verifier knows them as constants, so what is
 * off is removed and costs no instruction.
 */
#ifndef OTELCOL_RISK_KNOBS_BPF_H
#define OTELCOL_RISK_KNOBS_BPF_H

const volatile __u32 knob_wakeup_bytes = 256 << 10; /* bytes waiting in the ring that wake the reader, once; 0: every record does */
const volatile __u8 knob_detect_messages = 8; /* messages of unknown protocol before a connection is switched off */
const volatile __u8 knob_exchanges = 1; /* write exchange records and what follows them */
const volatile __u8 knob_http2 = 1; /* follow HTTP/2 */
const volatile __u8 knob_tls = 1; /* follow TLS handshakes */
const volatile __u8 knob_port_include = 0; /* only server ports in port_sets.include */
const volatile __u8 knob_port_exclude = 0; /* no server ports in port_sets.exclude */
const volatile __u8 knob_address_include = 0; /* only peers in address_include */
const volatile __u8 knob_address_exclude = 0; /* no peers in address_exclude */
const volatile __u8 knob_tell_processes = 1; /* processes are read from /proc as soon as they have a socket */
const volatile __u8 knob_rest = 1; /* connections of HTTP/1 may rest */
const volatile __u8 knob_idle = 1; /* connections of HTTP/1 may be swept */
const volatile __u8 knob_causes = 0; /* tell within which exchange of a server its process called others */
const volatile __u8 knob_tcp_metrics = 0; /* count what becomes of TCP connections */
const volatile __u8 knob_tcp_logs = 0; /* tell of TCP connections that end badly */

const volatile __u8 knob_ring_shift = 19; /* log2 of the ring's size, less 4 */
const volatile __u8 knob_metrics = 0; /* count durations */
const volatile __u32 knob_bucket_mask = 15; /* number of buckets, a power of two up to SERIES_BUCKETS, less one */
const volatile __u64 knob_bucket_limits[SERIES_BUCKETS] = {}; /* their upper bounds in ns, ascending; unused ones 1 << 62 */

/* The receiver's own process, whose sockets are left alone: what it exports over HTTP would be seen, exported, seen again.
 * Not a constant, because the id that the kernel knows it by is only known when the first programs are attached. 0: none.
 */
volatile __u32 self_pid = 0;

/* Of 2^56: exchanges whose randomness is below get no record. User space adapts it to the budget. */
volatile __u64 thin_threshold = 0;

/* Which connections are followed: the lowest byte is the shift of which 2^shift groups there are, above it is the group whose
 * turn it is. 0: all are. One number, so that a program sees both of one moment. User space adapts it to the budget.
 */
volatile __u64 rest_turn = 0;

/* The same for connections of HTTP/2, of which always the same group is followed: the lowest byte is the shift in force, above it
 * is the one that user space chose. The programs raise the former when the ring fills; see streamrest.bpf.h.
 */
volatile __u32 stream_turn = 0;

#define REST_SHIFT 15 /* the bits of rest_turn, and of an exchange's event.detail, that are the shift */
#define REST_GROUP 8 /* where in rest_turn the group begins */

#endif
