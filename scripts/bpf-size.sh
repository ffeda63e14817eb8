#!/usr/bin/env bash
# Prints the number of instructions in each program of BPF objects. Usage: scripts/bpf-size.sh OBJECT...
set -euo pipefail
dump=$(command -v llvm-objdump-19 || command -v llvm-objdump) ||
	{ echo "needs llvm-objdump: apt-get install llvm-19" >&2; exit 1; }

for object in "$@"; do
	echo "$object"
	"$dump" --disassemble --no-show-raw-insn "$object" | awk '
		/^Disassembly of section/ { section = $4 }
		/^[0-9a-f]+ <.*>:$/ { name = $2; sub(/^</, "", name); sub(/>:$/, "", name) }
		/^ +[0-9]+:\t/ && name !~ /^LBB/ { count[section " " name]++ }
		END { for (program in count) printf "  %6d  %s\n", count[program], program }' | sort -rn
done
