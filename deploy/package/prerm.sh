#!/bin/sh
# Before a removal, not before an upgrade: the services end. The first argument is "remove" (deb) or 0 (rpm).
set -e
if [ "$1" = remove ] || [ "$1" = 0 ]; then
	if [ -d /run/systemd/system ]; then
		systemctl stop vpsbot.service 'vpsbot@*.service' || true
	fi
	if command -v systemctl >/dev/null; then
		systemctl --no-reload disable vpsbot.service vpsbot@.service >/dev/null 2>&1 || true
	fi
fi
