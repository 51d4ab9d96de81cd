#!/bin/sh
# make run: sets up a demonstration organisation once, then serves it.
set -eu
umask 077
here=$(dirname "$0")
"$here/setup.sh" "$DATA" "$DESK"
cat <<EOF

The witness page:   http://$LISTEN/
A case worker types next, in another terminal:
  bin/triage --home $DATA/alice pull && bin/triage --home $DATA/alice list
An auditor types next:
  bin/intake snapshot --data $DATA/intake --to $DATA/snapshot && bin/audit verify --roster $DATA/roster --org-key $DATA/org.pub --checkpoint $DATA/last.checkpoint $DATA/snapshot
Stop with Ctrl-C. In $DATA lie private keys of a demonstration: no real report belongs here.

EOF
exec "$here/../bin/intake" serve --data "$DATA/intake" --listen "$LISTEN" --desk "$DESK"
