#!/usr/bin/env bash
# Runs the eBPF receiver's tests on other kernels, in qemu, and on the running one. Usage: run.sh [-quick] [SUITE...];
# without a suite: those of Debian that have 5.10, 6.1 and 6.12. -quick is for every change: without a suite 5.10 and 6.1
# only, not the running kernel, and of the tests those that load and verify all programs, attach them, and see one
# conversation of every protocol; none of them may be skipped.
#
# Each kernel boots from an initial file system that holds the compiled tests and, as process 1, tests/kernels/guest. qemu
# runs without KVM, which not every machine has, and as many at once as there are processors.
set -euo pipefail
cd "$(dirname "$0")/../.."
limit=3600 choice='' chosen=0 suites=(bullseye bookworm trixie)
if [[ ${1-} == -quick ]]; then
	shift
	tests=(TestProgramsKeepToTheirSize TestBothEndsOfARequestAreSeenWithTheirOwners TestARequestBecomesAServerAndAClientSpan
		TestDurationsOfHTTP2EndWithTheStream TestACallOfGRPCIsSeenWithItsStatusAtBothEnds
		TestAFailedHandshakeIsLoggedAtBothEnds TestARefusedConnectionIsLogged)
	limit=600 choice="^($(IFS='|' && echo "${tests[*]}"))\$" chosen=${#tests[@]} suites=(bullseye bookworm)
fi
[[ $# -eq 0 ]] || suites=("$@")
export GOWORK=off CGO_ENABLED=0
unset GOFLAGS
[[ $(uname -sm) == "Linux x86_64" ]] || { echo "kernels: needs Linux on x86_64" >&2; exit 1; }
for tool in qemu-system-x86_64 cpio; do
	command -v $tool >/dev/null || { echo "kernels: needs $tool: apt-get install qemu-system-x86 cpio" >&2; exit 1; }
done

out=$PWD/build/kernels
rm -rf "$out/root" "$out/summary"
mkdir -p "$out/root/tests"
# Flags as those of `make build`, whose cache serves then.
(cd tests && go build -trimpath -ldflags='-s -w' -o "$out/root/init" ./kernels/guest)
receiver=receiver/ebpfreceiver
for package in . internal/bpfobj internal/probe; do
	name=$(basename "$(cd "$receiver/$package" && pwd)")
	mkdir "$out/root/tests/$name"
	(cd $receiver && go test -c -trimpath -ldflags='-s -w' -o "$out/root/tests/$name/$name.test" "./$package")
	find "$receiver/$package" -maxdepth 1 \( -name '*.md' -o -name '*.yaml' -o -name '*_test.go' -o -name testdata \) \
		-exec cp -r {} "$out/root/tests/$name" \;
done
# What parsers are tested with, the programs are, too.
(cd $receiver/internal && find protocol -name testdata -exec cp -r --parents {} "$out/root/tests" \;)
(cd "$out/root" && find . | cpio --quiet -o -H newc) >"$out/initrd" # gzip would take longer to undo than it saves

boot() { # boot SUITE: runs the tests on its kernel
	timeout --kill-after=10 $limit nice qemu-system-x86_64 -accel tcg -cpu max -smp 1 -m 1024 -nographic -no-reboot \
		-nic none -kernel "$out/$1/vmlinuz" -initrd "$out/initrd" -append "console=ttyS0 quiet panic=-1 no_timer_check TESTS=$choice" \
		</dev/null >"$out/$1/log" 2>&1 || echo "qemu: exit $?" >>"$out/$1/log"
}

summarize() { # summarize LOG NAME: a row of the table, from the last line that the guest wrote; and what did not pass
	local result
	result=$(tr -d '\r' <"$1" | sed -n 's/^result: //p' | tail -n 1)
	echo "${result:-$2}" >>"$out/summary"
	tr -d '\r' <"$1" | grep -E '^[a-z]+: (failed|skipped|exit)|instructions verified' || [[ -n $result ]] || tail -n 20 "$1"
}

for suite in "${suites[@]}"; do
	tests/kernels/fetch.sh "$suite" "$out/$suite"
done
trap 'kill $(jobs -rp) 2>/dev/null || true' EXIT
for suite in "${suites[@]}"; do
	while (($(jobs -rp | wc -l) >= $(nproc))); do wait -n; done
	boot "$suite" &
done
wait
logs=()
for suite in "${suites[@]}"; do
	logs+=("$out/$suite/log")
	echo "== $(<"$out/$suite/release") (Debian $suite)"
	summarize "$out/$suite/log" "$suite"
done
if [[ -z $choice ]]; then
	echo "== the running kernel"
	flock "$PWD/build/test.lock" "$out/root/init" "$out/root/tests" >"$out/log" 2>&1 || true
	summarize "$out/log" "running"
fi
if [[ -n $choice ]] && grep -qE '^[a-z]+: skipped' "${logs[@]}"; then
	echo "kernels: none of these tests may be skipped, nor a part of one" >&2
	exit 1
fi

awk -v programs=3 -v chosen="$chosen" '
	BEGIN { printf "%-28s %6s %6s %7s\n", "kernel", "passed", "failed", "skipped" }
	NF != 5 { bad = 1; print $0 ": no result; see its log"; next }
	{ ok = $2 > 0 && $3 == 0 && $5 == programs && (!chosen || $2 == chosen && $4 == 0); bad += !ok }
	{ printf "%-28s %6d %6d %7d%s\n", $1, $2, $3, $4, ok ? "" : "  see its log" }
	END { if (bad) print "logs: build/kernels/log and build/kernels/SUITE/log"; exit bad > 0 }' "$out/summary"
