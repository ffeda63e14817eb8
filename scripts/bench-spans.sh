#!/usr/bin/env bash
# What a span costs the eBPF receiver in user space, from recorded records of the ring to pdata that a consumer takes.
# The last line is JSON: medians of COUNT (5) runs, beside what was asked.
set -euo pipefail
cd "$(dirname "$0")/../receiver/ebpfreceiver"
out=$("${GO:-go}" test -run '^$' -bench RecordToSpan -benchtime "${1:-500x}" -count "${COUNT:-5}" .)
echo "$out"
median() { awk -v unit="$1" '/^Benchmark/ { for (i = 4; i <= NF; i++) if ($i == unit) print $(i - 1) }' <<<"$out" |
	sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
printf '{"cpu_ns_a_span": %s, "asked_cpu_ns_a_span": 1200, "allocations_a_span": %s, "asked_allocations_a_span": 3, "bytes_a_span": %s}\n' \
	"$(median cpu-ns/span)" "$(median allocs/span)" "$(median B/span)"
