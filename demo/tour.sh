#!/usr/bin/env bash
# make tour: the whole way once, with the real programs, in a temporary
# directory and on free ports. Each command is printed with what came of it;
# the first that does not do what it should ends the tour with an error.
set -euo pipefail
umask 077
bin=$(cd "$(dirname "$0")/../bin" && pwd)
demo=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
server=
finish() {
	code=$?
	if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; fi
	rm -rf "$work"
	if [ "$code" != 0 ]; then echo "tour: the last command did not do what it should (exit code $code)" >&2; fi
	exit "$code"
}
trap finish EXIT
cd "$work"
PATH=$bin:$PATH

say() { printf '\n== %s\n' "$*"; }
run() { printf '$ %s\n' "$*"; "$@"; }
# must FILE PATTERN: the text must be in what a command printed.
must() { grep -q -- "$2" "$1" || { echo "tour: expected \"$2\" in the output above" >&2; exit 1; }; }
fails() { # CODE command…: must exit with that code
	local want=$1 got=0
	shift
	printf '$ %s\n' "$*"
	"$@" || got=$?
	[ "$got" = "$want" ] || { echo "tour: exit code $got, expected $want" >&2; exit 1; }
}

say "An organisation is set up: its offline key, an intake, two case workers, two destinations"
run "$demo/setup.sh" . 127.0.0.1:1

say "The intake serves"
printf '$ intake serve --data intake --listen 127.0.0.1:0 --desk 127.0.0.1:0\n'
intake serve --data intake --listen 127.0.0.1:0 --desk 127.0.0.1:0 >server.log 2>&1 &
server=$!
for _ in $(seq 200); do
	grep -q 'desk' server.log && grep -q 'http://' server.log && break
	kill -0 "$server" 2>/dev/null || { cat server.log; exit 1; }
	sleep 0.05
done
cat server.log
web=$(sed -n 's/.*\(http:\/\/127\.0\.0\.1:[0-9]*\).*/\1/p' server.log | head -n 1)
desk=$(sed -n 's/.*desk.*\(127\.0\.0\.1:[0-9]*\).*/\1/p' server.log | head -n 1)

say "A witness reports, with two photographs"
head -c 700000 /dev/urandom >plate.jpg
head -c 90000 /dev/urandom >facade.jpg
run curl -sS --fail -o form.html "$web/en/report"
codename=$(sed -n 's/.*name="codename"[^>]*value="\([^"]*\)".*/\1/p' form.html | head -n 1)
echo "the form shows the codename: $codename"
[ "$(echo "$codename" | wc -w)" = 8 ]
run curl -sS --fail -o received.html \
	-F "codename=$codename" -F "danger.now=yes" \
	-F "what.seen=A man took a girl of about twelve to room 214" \
	-F "where.country=TH" -F "where.city=Pattaya" -F "where.place=Hotel Example" \
	-F "suspect.nationality=BE" -F "suspect.plate=1-ABC-234" \
	-F "witness.contact=witness@example.org" -F "consent=caseworkers" \
	-F "files=@plate.jpg;type=image/jpeg" -F "files=@facade.jpg;type=image/jpeg" \
	"$web/en/report"
must received.html "$(echo "$codename" | cut -d' ' -f1)"
echo "received"

say "A case worker pulls and reads, offline from here on"
run triage --home alice pull --desk "$desk"
run triage --home alice list | tee list.txt
must list.txt TH
id=$(triage --home alice list --json | sed -n 's/.*"case": *"\([a-z2-7]*\)".*/\1/p' | head -n 1)
run triage --home alice show "$id" | tee show.txt
must show.txt "room 214"
run triage --home alice files "$id"

say "The case goes to the police"
run triage --home alice propose "$id"
run triage --home alice route "$id" --to police
run triage --home alice push --desk "$desk"
bag=$(ls alice/outbox/police/*.age)

say "The police open it with their key and nothing but age, tar and sha512sum"
mkdir police
printf '$ age -d -i destinations/police.key %s | tar -x -C police\n' "$bag"
age -d -i destinations/police.key "$bag" | tar -x -C police
dir=$(ls -d police/*/)
printf '$ cd %s && sha512sum -c manifest-sha512.txt && sha512sum -c tagmanifest-sha512.txt\n' "$dir"
(cd "$dir" && sha512sum -c manifest-sha512.txt && sha512sum -c tagmanifest-sha512.txt)
run grep -c "room 214" "$dir/data/report.html"
fails 1 grep -r "witness@example.org" police
echo "the witness's contact stayed behind: consent was given for case workers only"
for photo in plate.jpg facade.jpg; do
	sum=$(sha512sum <"$photo" | cut -d' ' -f1)
	grep -q "$sum" "$dir/manifest-sha512.txt"
	echo "$photo is in the bag, untouched"
done

say "The auditor, who has no key, checks the store"
run intake snapshot --data intake --to snapshot
run audit verify --roster roster --org-key org.pub --memory memory snapshot | tee audit.txt
must audit.txt "whole; 0 findings"

say "One byte of a sealed photograph is flipped"
blob=$(ls snapshot/blobs/* | head -n 1)
cp --remove-destination "$blob" blob.copy && mv -f blob.copy "$blob" # the snapshot's own, not the store's
byte=$(od -An -tu1 -j 500000 -N 1 "$blob" | tr -d ' ')
printf "\\x$(printf %02x $((byte ^ 1)))" | dd of="$blob" bs=1 seek=500000 conv=notrunc status=none
fails 3 audit verify --roster roster --org-key org.pub --memory memory snapshot | tee audit.txt
must audit.txt "message-digest: report of case $id"

say "The server stops"
run kill -TERM "$server"
wait "$server"
server=
echo "exit code 0"
echo
echo "The tour ended where it should."
