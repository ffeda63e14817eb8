#!/usr/bin/env bash
# Generates everything and fails if that changed a file: what is committed must be what the sources say.
# Compares the work tree with itself, so it also works before a commit.
set -euo pipefail
cd "$(dirname "$0")/.."

snapshot() {
	git ls-files -z --cached --others --exclude-standard |
		xargs -0 sh -c 'for f; do if [ -f "$f" ]; then sha256sum "$f"; fi; done' sh | sort -k2
}

before=$(snapshot)
make -s generate
if ! diff <(echo "$before") <(snapshot); then
	echo "generated files differ from what is committed (above): run 'make generate' and commit" >&2
	exit 1
fi
echo "generated files are up to date"
