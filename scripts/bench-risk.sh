#!/usr/bin/env bash
# Benchmarks of the risk processor: CPU time and allocations a span, alone and beside contrib's tail_sampling, a flood of
# ten million addresses, a million entities.
# The last line is one JSON object: benchmark -> unit -> value, medians where one ran several times.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$(mktemp)
trap 'rm -f "$out"' EXIT

run() { # run FOLDER PATTERN BENCHTIME COUNT
	"${GO:-go}" -C "$1" test -run='^$' -bench="$2" -benchtime="$3" -count="$4" -timeout=20m . | tee -a "$out"
}
run processor/riskprocessor '^BenchmarkProcessor$' 300x "${COUNT:-5}"
for _ in $(seq "${COUNT:-5}"); do # in turns
	run tests/eval '^BenchmarkBeside$' 3x 1
done
run processor/riskprocessor '^Benchmark(Flood|MillionEntities)$' 1x 1

awk '
/^Benchmark/ {
	name = $1
	sub(/-[0-9]+$/, "", name)
	for (i = 3; i < NF; i += 2) {
		key = name SUBSEP $(i + 1)
		if (!(key in n)) { order[++keys] = key }
		v[key, ++n[key]] = $i
	}
}
END {
	printf "{"
	for (k = 1; k <= keys; k++) {
		key = order[k]
		split(key, part, SUBSEP)
		for (i = 2; i <= n[key]; i++) {
			for (j = i; j > 1 && v[key, j - 1] + 0 > v[key, j] + 0; j--) {
				t = v[key, j]; v[key, j] = v[key, j - 1]; v[key, j - 1] = t
			}
		}
		if (part[1] != last) { printf "%s\"%s\":{", (last == "" ? "" : "},"), part[1]; last = part[1] } else { printf "," }
		printf "\"%s\":%s", part[2], v[key, int((n[key] + 1) / 2)]
	}
	print (keys ? "}}" : "}")
}' "$out"
