#!/bin/sh
# After an installation or an upgrade. Nothing is enabled or started by it; what runs already is started again with
# the new program. The first argument is "configure" and the second the version before (deb), or the first is how
# many versions there will be (rpm).
set -e
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
	if [ "$1" = configure ] && [ -n "$2" ] || [ "$1" = 2 ]; then
		systemctl try-restart vpsbot.service 'vpsbot@*.service' || true
	fi
fi
