#!/usr/bin/env bash
# Builds one collector around each component, as another distribution would: ocb, a line with the component's module
# and a path in its place, and nothing else of this repository. Usage: scripts/import-check.sh FOLDER...
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
export GOWORK=off
builder=$(go -C tools tool -n builder)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

for folder in "$@"; do
	name=$(basename "$folder")
	cat >"$scratch/$name.yaml" <<-MANIFEST
		dist:
		  module: example.org/scratch/$name
		  name: $name
		  output_path: $scratch/$name
		$(dirname "$folder")s:
		  - gomod: github.com/otelcol-risk/otelcol-risk/$folder v0.0.0
		    path: $root/$folder
	MANIFEST
	"$builder" --config "$scratch/$name.yaml" --skip-strict-versioning=false \
		>"$scratch/$name.log" 2>&1 || { cat "$scratch/$name.log" >&2; exit 1; }
	"$scratch/$name/$name" components | grep -A1 "^$(dirname "$folder")s:"
	if grep otelcol-risk/otelcol-risk "$scratch/$name/go.mod" | grep -v "/$folder"; then
		echo "$folder needs another module of this repository (above): components must stand alone" >&2
		exit 1
	fi
done
