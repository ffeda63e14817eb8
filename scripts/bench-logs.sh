#!/usr/bin/env bash
# How old a log record is when it leaves the eBPF receiver, from the packet that it is about: percentiles in milliseconds,
# on an idle host and beside saturating HTTP clients. The last line is JSON. Needs root.
set -euo pipefail
cd "$(dirname "$0")/../receiver/ebpfreceiver"
out=$(go test -run '^$' -bench 'ConnectionToLog|HandshakeToLog' -benchtime "${1:-2000x}" .)
echo "$out"
echo "$out" | awk '
	/^Benchmark(Connection|Handshake)ToLog\// {
		split($1, name, "/"); sub(/-[0-9]+$/, "", name[2])
		if ($1 ~ /Handshake/) name[2] = "handshake_" name[2]
		for (i = 3; i < NF; i += 2)
			if ($(i + 1) ~ /-ms$/) {
				key = $(i + 1); gsub("-", "_", key)
				json = json (json ? ", " : "") "\"" name[2] "_" key "\": " $i
			}
		count++
	}
	END { print "{" json "}"; exit count != 4 }'
