#!/bin/sh
# make run: sets up a demonstration organisation once, then serves it. The desk
# listens at DESK, or else on loopback 363 ports above the page (8080, 8443), so
# that two demonstrations with a LISTEN each don't meet there.
set -eu
umask 077
here=$(dirname "$0")
if [ -z "${DESK-}" ]; then
	port=${LISTEN##*:}
	DESK=127.0.0.1:$((port > 65172 ? port - 363 : port + 363))
fi
"$here/setup.sh" "$DATA" "$DESK"
printf '{"address": "http://%s"}\n' "$LISTEN" >"$DATA/intake.json"
cat <<EOF

The witness page:   http://$LISTEN/
A case worker types next, in another terminal:
  bin/triage --home $DATA/alice pull --desk $DESK && bin/triage --home $DATA/alice list
An auditor types next:
  rm -rf $DATA/snapshot && bin/intake snapshot --data $DATA/intake --to $DATA/snapshot && bin/audit verify --roster $DATA/roster --org-key $DATA/org.pub --memory $DATA/memory $DATA/snapshot
Stop with Ctrl-C. In $DATA lie private keys of a demonstration: no real report belongs here.

EOF
exec "$here/../bin/intake" serve --data "$DATA/intake" --listen "$LISTEN" --desk "$DESK" --config "$DATA/intake.json"
