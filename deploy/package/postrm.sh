#!/bin/sh
# After a removal. State and configuration stay; "purge" (deb) deletes both. rpm knows no purge: there they stay until
# somebody deletes the folders below.
set -e
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
fi
if [ "$1" = purge ]; then
	# A unit with DynamicUser has its state in private, and a link to it; without systemd the link is a folder.
	# vpsbot-NAME is that of vpsbot@NAME.service. The secrets of both are where LoadCredential looks for them.
	rm -rf /var/lib/vpsbot /var/lib/vpsbot-* /var/lib/private/vpsbot /var/lib/private/vpsbot-* /etc/vpsbot
	rm -f /etc/credstore/vpsbot.* /etc/credstore/vpsbot-*.* /etc/credstore.encrypted/vpsbot.* /etc/credstore.encrypted/vpsbot-*.*
fi
