#!/usr/bin/env bash
# Prints what tests could leave behind, one line each: network namespaces, BPF programs and links, and processes that
# carry MARK in the variable LEFTOVERS_MARK. Run it before and after and compare: ids are left out on purpose.
# Usage: scripts/leftovers.sh MARK
set -euo pipefail
mark=$1

if command -v ip >/dev/null; then
	ip netns list | awk '{ print "network namespace", $1 }'
fi
if command -v bpftool >/dev/null; then
	bpftool --json prog list | python3 -c '
import json, sys
for program in json.load(sys.stdin):
    print("BPF program", program["type"], program.get("name", "without name"))'
	bpftool --json link list | python3 -c '
import json, sys
for link in json.load(sys.stdin):
    print("BPF link", link["type"], link.get("attach_type", ""))'
fi
# The mark is inherited, so it also finds what a daemon has detached from its parent. A process may end meanwhile.
for process in /proc/[0-9]*; do
	if { tr '\0' '\n' <"$process/environ"; } 2>/dev/null | grep -qx "LEFTOVERS_MARK=$mark"; then
		echo "process $(tr '\0' ' ' <"$process/cmdline" 2>/dev/null || true)"
	fi
done
