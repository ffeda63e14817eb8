#!/usr/bin/env bash
# Runs the eBPF receiver's tests on other kernels, in qemu, and on the running one. Usage: run.sh [SUITE...]; without a
# suite: those of Debian that have 5.10, 6.1 and 6.12. Each kernel boots from an initial file system that holds the
# compiled tests and, as process 1, tests/kernels/guest. qemu runs without KVM, which not every machine has.
set -euo pipefail
cd "$(dirname "$0")/../.."
suites=("$@")
[[ $# -gt 0 ]] || suites=(bullseye bookworm trixie)
export GOWORK=off CGO_ENABLED=0
unset GOFLAGS
[[ $(uname -sm) == "Linux x86_64" ]] || { echo "kernels: needs Linux on x86_64" >&2; exit 1; }
for tool in qemu-system-x86_64 cpio gzip; do
	command -v $tool >/dev/null || { echo "kernels: needs $tool: apt-get install qemu-system-x86 cpio gzip" >&2; exit 1; }
done

out=$PWD/build/kernels
rm -rf "$out/root" "$out/summary"
mkdir -p "$out/root/tests"
(cd tests && go build -trimpath -ldflags='-s -w' -o "$out/root/init" ./kernels/guest)
receiver=receiver/ebpfreceiver
for package in . internal/bpfobj internal/probe; do
	name=$(basename "$(cd "$receiver/$package" && pwd)")
	mkdir "$out/root/tests/$name"
	(cd $receiver && go test -c -ldflags='-s -w' -o "$out/root/tests/$name/$name.test" "./$package")
	find "$receiver/$package" -maxdepth 1 \( -name '*.md' -o -name '*.yaml' -o -name '*_test.go' -o -name testdata \) \
		-exec cp -r {} "$out/root/tests/$name" \;
done
(cd "$out/root" && find . | cpio --quiet -o -H newc | gzip -1) >"$out/initrd.gz"

summarize() { # summarize LOG NAME: a row of the table, from the last line that the guest wrote; and what did not pass
	local result
	result=$(tr -d '\r' <"$1" | sed -n 's/^result: //p' | tail -n 1)
	echo "${result:-$2}" >>"$out/summary"
	tr -d '\r' <"$1" | grep -E '^[a-z]+: (failed|skipped|exit)' || [[ -n $result ]] || tail -n 20 "$1"
}

for suite in "${suites[@]}"; do
	tests/kernels/fetch.sh "$suite" "$out/$suite"
	echo "== $(<"$out/$suite/release") (Debian $suite)"
	timeout --kill-after=10 900 nice qemu-system-x86_64 -accel tcg -cpu max -smp 1 -m 1024 -nographic -no-reboot \
		-nic none -kernel "$out/$suite/vmlinuz" -initrd "$out/initrd.gz" \
		-append 'console=ttyS0 quiet panic=-1' </dev/null >"$out/$suite/log" 2>&1 || echo "qemu: exit $?"
	summarize "$out/$suite/log" "$suite"
done
echo "== the running kernel"
flock "$PWD/build/test.lock" "$out/root/init" "$out/root/tests" >"$out/log" 2>&1 || true
summarize "$out/log" "running"

awk -v programs=3 '
	BEGIN { printf "%-28s %6s %6s %7s\n", "kernel", "passed", "failed", "skipped" }
	NF != 5 { bad = 1; print $0 ": no result; see its log"; next }
	{ ok = $2 > 0 && $3 == 0 && $5 == programs; bad += !ok }
	{ printf "%-28s %6d %6d %7d%s\n", $1, $2, $3, $4, ok ? "" : "  see its log" }
	END { if (bad) print "logs: build/kernels/log and build/kernels/SUITE/log"; exit bad > 0 }' "$out/summary"
