#!/bin/sh
# make deb: packs $DIST/intake for Debian, as $DIST/tocsin-intake.deb. The same
# commit gives the same bytes: every time in the package is the commit's.
set -eu
cd "$(dirname "$0")/.."
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
ARCH=$(go env GOARCH)
DEB_VERSION=$(deploy/version.sh "$VERSION" "$SOURCE_DATE_EPOCH")
export SOURCE_DATE_EPOCH ARCH DEB_VERSION DIST
exec go tool -modfile=tools/go.mod nfpm package --config deploy/nfpm.yaml --packager deb --target "$DIST/tocsin-intake.deb"
