#!/usr/bin/env bash
# Tests modules and reports. Usage: scripts/test.sh "plain race" MODULE...
# tests/report reads what is printed in the block below: go test's JSON, and lines that begin with `skip: ` or `exit `.
set -euo pipefail
cd "$(dirname "$0")/.."
modes=$1
shift
export GOWORK=off
mkdir -p build
(cd tests && go build -o ../build/report ./report)

# Test programs watch the same kernel and the same two cores: one at a time, while the next ones are being compiled.
one_at_a_time=()
if command -v flock >/dev/null; then one_at_a_time=(-exec "flock $PWD/build/test.lock"); fi

run() { # run MODULE FLAG...
	local module=$1 code=0
	shift
	# Apart, or a message of the go command can land within a line of JSON and cost an event.
	(cd "$module" && go test -json -count=1 -timeout=20m "${one_at_a_time[@]}" "$@") 2>build/test.stderr || code=$?
	cat build/test.stderr
	echo "exit $code: go test in $module"
}

# What drives the built binary, or only the kernel's verifier, gains nothing from the race detector: neither has it in it.
# Nor does one goroutine that evaluates, like tests/eval.
# Brokers are killed in tests/kafka, too, so tests/kafka/chaos is left out for the time it takes.
unraced='/tests/(e2e|distro|budgets|bench|eval|score|kafka/chaos)(/|$)|/internal/bpfobj$'
# Tests with brokers, servers and captured traffic last longest: of these packages all that can be raced runs only so.
slow='/otelcol-risk/tests(/|$)|/ebpfreceiver$|/internal/(probe|fleet)$'
cc=$(command -v "$(go env CC | cut -d' ' -f1)") || cc=

race() { # race MODULE
	if [ -z "$cc" ]; then
		echo "skip: race detector in $1: needs a C compiler: apt-get install gcc"
	else
		CGO_ENABLED=1 some "$1" '!unraced' -race
	fi
}

plain() { # plain MODULE
	if [[ -n $cc && $modes == *race* ]]; then some "$1" 'unraced || !slow'; else run "$1" ./...; fi
}

some() { # some MODULE CONDITION FLAG...: the packages of which that is true
	local all packages
	all=$(cd "$1" && go list ./...)
	packages=$(awk -v unraced_="$unraced" -v slow_="$slow" "{ unraced = \$0 ~ unraced_; slow = \$0 ~ slow_ } $2" <<<"$all")
	# shellcheck disable=SC2086 # one word each
	if [ -n "$packages" ]; then run "$1" "${@:3}" $packages; fi
}

{
	for mode in $modes; do
		for module in "$@"; do
			echo "== $mode: $module"
			"$mode" "$module"
		done
	done
} | build/report
