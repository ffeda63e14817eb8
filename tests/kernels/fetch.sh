#!/usr/bin/env bash
# Fetches the kernel of a Debian suite. Usage: tests/kernels/fetch.sh SUITE DIR; it leaves DIR/vmlinuz and DIR/release.
# The mirror and the keys are those this machine's apt uses; apt's own lists and state are not touched: it works on
# copies in DIR. What is there already is not fetched again.
set -euo pipefail
suite=$1
mkdir -p "$2"
dir=$(cd "$2" && pwd)
[[ ! -s $dir/vmlinuz || ! -s $dir/release ]] || exit 0

stop() {
	echo "fetch kernel of Debian $suite: $*" >&2
	exit 1
}

command -v apt-get >/dev/null || stop "needs apt-get, with a Debian mirror among its sources"
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Component: main' |
	grep -v security | sort -u | head -n 1) || true
[[ -n $mirror ]] || stop "no Debian mirror in this machine's apt sources, or 'apt-get update' has not been run"
keys=/usr/share/keyrings/debian-archive-keyring.gpg
[[ -r $keys ]] || stop "needs $keys: apt-get install debian-archive-keyring"

mkdir -p "$dir"/apt/{lists,cache/archives}/partial
: >"$dir/apt/status"
echo "deb [arch=amd64 signed-by=$keys] $mirror $suite main" >"$dir/apt/sources.list"
apt() { # apt TOOL ARGUMENT...: with the copies
	local tool=$1
	shift
	"$tool" -q -o "Dir::Etc::SourceList=$dir/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null \
		-o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null -o "Dir::State=$dir/apt" -o "Dir::State::Lists=$dir/apt/lists" \
		-o "Dir::State::Status=$dir/apt/status" -o "Dir::Cache=$dir/apt/cache" -o APT::Architecture=amd64 \
		-o APT::Sandbox::User=root -o Acquire::Languages=none \
		-o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false "$@"
}
apt apt-get update --error-on=any >&2 ||
	stop "the mirror does not have this suite, or its signature is not by a key in $keys"
package=$(apt apt-cache show --no-all-versions linux-image-amd64 |
	sed -n 's/^Depends: \(linux-image-[^ ,]*\).*/\1/p' | head -n 1)
[[ -n $package ]] || stop "it has no linux-image-amd64"
(cd "$dir" && apt apt-get download "$package" >&2) || stop "download of $package failed"

# Only the kernel itself: what the tests need is built into it.
dpkg-deb --fsys-tarfile "$dir/$package"_*.deb | tar -x -C "$dir" ./boot
rm -rf "$dir"/*.deb
mv "$dir"/boot/vmlinuz-* "$dir/vmlinuz"
rm -rf "$dir/boot" "$dir/apt"
echo "$package" >"$dir/release"
