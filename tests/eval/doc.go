// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

// Command eval measures how well learned outliers find labelled faults in real traces, beside simple detectors and
// contrib's tail_sampling.
//
// A folder holds, for each day, DAY.csv.gz (trace_id, span_id, parent_id or "root", pod, operation, start_unix_ns,
// duration_us; sorted by start) and DAY.faults.csv (inject_unix_ns, pod, service, fault). A trace is faulty when one of its
// spans starts at the faulty service within 120 s after an injection, and normal when it lies outside every such window;
// all others, and the first fifth of the day's traces, are learned from and not counted.
//
// The risk processor runs as it comes, without rules and labels: every trace goes through it when it ends, in the order
// of the day, with the day's time as its clock. Its score is the risk.score that comes out.
//
// The last line of the output is one JSON object.
package main
