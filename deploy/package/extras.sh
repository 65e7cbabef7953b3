#!/bin/sh
# Writes what packages and archives have beside the program into .release/extras: the scripts by which shells complete,
# and the manual, as it is (man) and compressed (manz). Run it in the folder of the project; goreleaser does.
set -eu
epoch=${1:-}
case $epoch in -*) epoch='' ;; esac # goreleaser's for a repository without a remote
out=.release/extras
rm -rf "$out"
mkdir -p "$out/completions"
# The words of the help are those of this machine's program; they are the same for every system.
CGO_ENABLED=0 GOOS='' GOARCH='' go build -o "$out/vpsbot" ./cmd/vpsbot
"$out/vpsbot" completion bash >"$out/completions/vpsbot.bash"
"$out/vpsbot" completion zsh >"$out/completions/_vpsbot"
"$out/vpsbot" completion fish >"$out/completions/vpsbot.fish"
"$out/vpsbot" completion powershell >"$out/completions/vpsbot.ps1"
rm "$out/vpsbot"
SOURCE_DATE_EPOCH=$epoch GOOS='' GOARCH='' go run ./internal/manpages "$out/man"
cp -r "$out/man" "$out/manz"
find "$out/manz" -type f -exec gzip -9n {} +
