#!/bin/sh
# Makes the packages of npm and the bundles of desktop clients from what goreleaser built:
#
#   deploy/package/node.sh VERSION DIST      into DIST/npm and DIST/mcpb; MCPB names the CLI of @anthropic-ai/mcpb
#
# A system that was not built, as in a snapshot of one, has none.
set -eu
[ $# = 2 ] || { echo "usage: deploy/package/node.sh VERSION DIST" >&2; exit 2; }
command -v "${MCPB:-mcpb}" >/dev/null || { echo "deploy/package/node.sh: there is no mcpb: npm install @anthropic-ai/mcpb, and name its CLI in MCPB" >&2; exit 2; }
version=$1 dist=$2
set --
for system in linux-x64:linux_amd64 linux-arm64:linux_arm64 darwin-x64:darwin_amd64 darwin-arm64:darwin_arm64 win32-x64:windows_amd64 win32-arm64:windows_arm64; do
	node=${system%%:*} go=${system#*:}
	for program in "$dist/vpsbot_${go}_"*/vpsbot "$dist/vpsbot_${go}_"*/vpsbot.exe; do
		[ -e "$program" ] || continue
		set -- "$@" "$node=$program"
		node deploy/mcpb/pack.mjs "$version" "$dist/mcpb/vpsbot_${version}_${go}.mcpb" "${node%%-*}" "$program"
	done
done
node deploy/npm/pack.mjs "$version" "$dist/npm" "$@"
