#!/usr/bin/env bash
# Runs a test program when it is its turn: go test -exec "scripts/turn.sh LOCK".
# Test programs watch the same kernel and the same two cores: one at a time, while the next ones are being compiled.
set -euo pipefail
lock=$1
shift
case $1 in
*/chaos.test) exec "$@" ;; # watches no kernel, and waits for brokers half of its time
esac
if command -v flock >/dev/null; then exec flock "$lock" "$@"; fi
exec "$@"
