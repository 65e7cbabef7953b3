#!/bin/sh
# Builds the image of deploy/Containerfile from a program that is built already:
#
#   deploy/image/build.sh VERSION TAG PROGRAM [FLAGS of buildah bud]     such as --platform linux/arm64
#
# Certificates and time zones are those of this machine: Debian's packages ca-certificates and tzdata.
set -eu
[ $# -ge 3 ] || { echo "usage: deploy/image/build.sh VERSION TAG PROGRAM [FLAGS]" >&2; exit 2; }
version=$1 tag=$2 program=$3
shift 3
here=$(cd "$(dirname "$0")/.." && pwd)
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
umask 022
mkdir -p "$context/root/usr/bin" "$context/root/usr/share/zoneinfo" "$context/root/etc/ssl/certs" "$context/root/var/lib" "$context/state"
install -m 0755 "$program" "$context/root/usr/bin/vpsbot"
cp -L /etc/ssl/certs/ca-certificates.crt "$context/root/etc/ssl/certs/ca-certificates.crt"
# posix is a copy, and right has leap seconds, which no program here counts.
tar -C /usr/share/zoneinfo --exclude=./posix --exclude=./right --exclude='./*.tab' --exclude=./localtime -cf - . | tar -C "$context/root/usr/share/zoneinfo" -xf -
echo 'vpsbot:x:65532:65532:vpsbot:/var/lib/vpsbot:/sbin/nologin' >"$context/root/etc/passwd"
echo 'vpsbot:x:65532:' >"$context/root/etc/group"
buildah bud --isolation chroot --format docker --timestamp "$(git -C "$here" log -1 --format=%ct 2>/dev/null || echo 0)" --build-arg VERSION="$version" \
	--build-arg REVISION="$(git -C "$here" rev-parse HEAD 2>/dev/null || echo unknown)" \
	-t "$tag" -f "$here/Containerfile" "$@" "$context"
