#!/bin/sh
# Installs what the tests need beside Go, where this machine can; otherwise
# says what to type. The programs themselves need none of it. With the argument
# deb, also what make test-deb needs; with screenshots, the fonts of all languages.
set -eu
missing=
need() { # command package
	command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}
need curl curl
need tar tar
need sha512sum coreutils
need strace strace
need openssl openssl
need ssh-keygen openssh-client
need minisign minisign
need python3 python3 # runs the verifier that was written from docs/formats.md
need gcc gcc # for the race detector
need chromium chromium
need tor tor
need dpkg-deb dpkg
need systemd-analyze systemd
need npm npm
need tmux tmux # in which the case worker's screen is looked at
need exiftool libimage-exiftool-perl # judges what triage says of images
need dwebp webp
need postfix postfix
need sqlite3 sqlite3 # tells the cosigner of the tests which ledger to sign
if [ "${1-}" = deb ]; then
	need mmdebstrap mmdebstrap
	need systemd-nspawn systemd-container
fi
if [ "${1-}" = screenshots ] && [ ! -e /usr/share/fonts/truetype/noto/NotoSansBengali-Regular.ttf ]; then
	missing="$missing fonts-noto-core"
fi
if [ -n "$missing" ]; then
	# shellcheck disable=SC2086
	if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
		echo "installing$missing"
		apt-get update -qq
		# The tests start a postfix of their own; Debian's is not to listen here.
		echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends libc6-dev $missing >/dev/null
	else
		echo "the tests need$missing; on Debian: sudo apt-get install$missing" >&2
		exit 1
	fi
fi
# axe-core, which the pages are held against: at the version and with the digest
# of its lock file, and without running anything of it here.
axe=$(cd "$(dirname "$0")/../e2e/axe" && pwd)
if ! cmp -s "$axe/package-lock.json" "$axe/node_modules/installed"; then
	npm ci --ignore-scripts --no-audit --no-fund --silent --prefix "$axe"
	cp "$axe/package-lock.json" "$axe/node_modules/installed"
fi
