#!/usr/bin/env bash
# Shows that the binary depends on the sources alone: builds them in another folder, with an empty build cache, and
# compares. Usage: scripts/build-check.sh BINARY; CHECK_CACHE=folder takes that build cache in place of the empty one.
set -euo pipefail
cd "$(dirname "$0")/.."
binary=$1
elsewhere=$(mktemp -d)
trap 'rm -rf "$elsewhere"' EXIT

git ls-files -z --cached --others --exclude-standard -- Makefile distro receiver processor exporter extension |
	xargs -0 sh -c 'for f; do if [ -e "$f" ]; then printf "%s\0" "$f"; fi; done' sh |
	tar --null --files-from=- -cf - | tar -xf - -C "$elsewhere"

start=$SECONDS
GOCACHE=${CHECK_CACHE:-$elsewhere/cache} make -s -C "$elsewhere" build
echo "built again in $((SECONDS - start)) s, with ${CHECK_CACHE:-an empty cache}"

if ! go version -m "$binary" | grep -q 'CGO_ENABLED=0'; then
	echo "$binary is linked against C: build it with CGO_ENABLED=0" >&2
	exit 1
fi
size=$(stat -c %s "$binary")
if [ "$size" -gt $((120 << 20)) ]; then
	echo "$binary has $((size >> 20)) MiB: the limit is 120" >&2
	exit 1
fi
sha256sum "$binary" "$elsewhere/bin/otelcol-risk"
cmp "$binary" "$elsewhere/bin/otelcol-risk"
echo "same bytes, $((size >> 20)) MiB, static"
