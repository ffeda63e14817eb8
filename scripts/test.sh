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
if command -v flock >/dev/null; then
	one_at_a_time=(-exec "flock $PWD/build/test.lock")
fi

run() { # run MODULE FLAG...
	local module=$1 code=0
	shift
	# Apart, or a message of the go command can land within a line of JSON and cost an event.
	(cd "$module" && go test -json -count=1 -timeout=20m "${one_at_a_time[@]}" "$@") 2>build/test.stderr || code=$?
	cat build/test.stderr
	echo "exit $code: go test in $module"
}

race() { # race MODULE
	local cc
	cc=$(go env CC)
	if ! command -v "${cc%% *}" >/dev/null; then
		echo "skip: race detector in $1: needs a C compiler: apt-get install gcc"
	else
		# What drives the built binary would only be run a second time: that binary has no race detector in it. Brokers are
		# killed in tests/kafka, too, so tests/kafka/chaos is left out for the time it takes.
		local packages
		packages=$(cd "$1" && go list ./... | grep -v -e /tests/e2e -e /tests/distro -e /tests/budgets -e /tests/bench -e /tests/score -e /tests/kafka/chaos) || return 0
		# shellcheck disable=SC2086 # one word each
		CGO_ENABLED=1 run "$1" -race $packages
	fi
}

{
	for mode in $modes; do
		for module in "$@"; do
			echo "== $mode: $module"
			case $mode in
			plain) run "$module" ./... ;;
			race) race "$module" ;;
			*) echo "exit 2: unknown mode '$mode'" ;;
			esac
		done
	done
} | build/report
