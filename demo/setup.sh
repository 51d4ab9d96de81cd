#!/bin/sh
# Sets up an organisation under the directory $1, as its people would on
# machines of their own: an intake, two case workers, the destinations police
# and foreign-affairs, and the organisation's offline key that signs for them.
#
#   $1/intake        what the server opens, and nothing that opens a report
#   $1/organisation  the organisation's offline key, the signed roster
#   $1/alice, /bob   the case workers' homes, with their private keys
#   $1/destinations  the private keys of police and foreign-affairs
#
# The programs are taken from $BIN, or bin/ beside this folder. Nothing that is
# there already is made again, so that an interrupted set-up can be repeated.
set -eu
umask 077
bin=${BIN:-$(cd "$(dirname "$0")/../bin" && pwd)}
dir=$1
desk=$2
mkdir -p "$dir" "$dir/destinations"
dir=$(cd "$dir" && pwd)
org() { "$bin/triage" --home "$dir/organisation" org "$@"; }

if [ ! -e "$dir/intake/ledger.key" ]; then
	"$bin/intake" keygen --data "$dir/intake" --origin "demo.example/tocsin" >"$dir/intake.card"
fi
for worker in alice bob; do
	if [ ! -e "$dir/$worker/worker.key" ]; then
		"$bin/triage" --home "$dir/$worker" keygen --name "$worker" >"$dir/$worker.card"
	fi
done
for destination in police foreign-affairs; do
	if [ ! -e "$dir/destinations/$destination.key" ]; then
		"$bin/age-keygen" -pq -o "$dir/destinations/$destination.key" 2>/dev/null
	fi
done
if [ ! -e "$dir/organisation/org/roster" ]; then
	rm -rf "$dir/organisation"
	org init --name "Demonstration" >/dev/null
	org set-intake "$dir/intake.card" >/dev/null
	org add-worker "$dir/alice.card" >/dev/null
	org add-worker "$dir/bob.card" >/dev/null
	org add-destination police --title "Federal Police" --kind police --country BE --language fr \
		--recipient "$("$bin/age-keygen" -y "$dir/destinations/police.key")" >/dev/null
	org add-destination foreign-affairs --title "Foreign Affairs" --kind foreign-affairs --country BE --language nl \
		--recipient "$("$bin/age-keygen" -y "$dir/destinations/foreign-affairs.key")" >/dev/null
	org set-policy --withdraw >/dev/null
	org key >"$dir/organisation/org.pub"
	org sign >/dev/null
fi
cp "$dir/organisation/org/roster" "$dir/roster"
cp "$dir/organisation/org.pub" "$dir/org.pub"
if [ ! -e "$dir/intake/vault.db" ]; then
	"$bin/intake" init --data "$dir/intake" --roster "$dir/roster" --org-key "$dir/org.pub"
fi
for worker in alice bob; do
	if [ ! -e "$dir/$worker/roster" ]; then
		"$bin/triage" --home "$dir/$worker" join --org-key "$dir/org.pub" --roster "$dir/roster" --desk "$desk" >/dev/null
	fi
done
