#!/usr/bin/env bash
# Rule packs on sets of attacks that others have made. Downloads what no Go module carries to build/eval-packs, once, at fixed
# versions and check sums (needs npm; apt-get and dpkg-deb of Debian 12). Arguments go to the program. The last line is one
# JSON object.
set -euo pipefail
cd "$(dirname "$0")/.."
data=$PWD/build/eval-packs

check() { # check FILE SHA256
	echo "$2  $1" | sha256sum --check --quiet || { echo "$1 is not the version that was measured" >&2; exit 1; }
}

npm_file() { # npm_file PACKAGE VERSION SHA256 FILE
	npm pack --silent "$1@$2" >/dev/null
	check "$1-$2.tgz" "$3"
	tar -xzOf "$1-$2.tgz" "package/$4" >"$1.json"
}

fail2ban() { # fail2ban VERSION SHA256
	apt-get download -qq "fail2ban=$1" 2>/dev/null
	check "fail2ban_$1_all.deb" "$2"
	dpkg-deb -x "fail2ban_$1_all.deb" deb
	cp -r deb/usr/lib/python3/dist-packages/fail2ban/tests/files/logs fail2ban
}

if [ ! -e "$data/complete" ]; then
	rm -rf "$data"
	mkdir -p "$data"
	(
		cd "$data"
		npm_file crawler-user-agents 1.60.0 355ff319e17919f1738122752c8036d605d0e1bcba81de31e84377d12b286d79 crawler-user-agents.json
		npm_file user-agents 2.1.198 581c4f5074669b6f125263b8ddf302d221a26a06842488c6cc8d50dc5c5c0851 dist/user-agents.json
		fail2ban 1.0.2-2 9717b7aeef7b00f0df4c76045cd6dab2755cbe9fc99dbfe3cd114126880ec7f7
		touch complete
	)
fi
cd tests/eval
exec "${GO:-go}" run ./packs -data "$data" "$@"
