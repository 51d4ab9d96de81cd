#!/bin/sh
# version.sh VERSION SECONDS: the Debian version of what git describes as
# VERSION and was committed at SECONDS. dpkg wants a digit first and orders by
# it: v1.2-rc.1 becomes 1.2~rc.1, and v1.2-3-g0abcdef becomes 1.2+3.g0abcdef.
# What has no tag comes before all that have one, by its time.
set -eu
case $1 in
v[0-9]*) echo "${1#v}" | sed -E 's/-([0-9]+-g[0-9a-f]+)/+\1/; s/-dirty$/+dirty/; s/-(rc|beta|alpha)/~\1/; s/-/./g' ;;
*) echo "0~$(date -u -d "@$2" +%Y%m%d%H%M%S).$1" | sed 's/-/./g' ;;
esac
