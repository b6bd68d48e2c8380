#!/bin/sh
# Builds the console's pages anew and says what differs from those that are
# committed: "go build" embeds the committed ones, and needs no Node.js.
set -eu
cd "$(dirname "$0")/.."

make console
changed=$(git status --porcelain -- internal/console/dist)
if [ -n "$changed" ]; then
	echo "console: internal/console/dist is not what console/ builds; run 'make console' and commit it:" >&2
	echo "$changed" >&2
	exit 1
fi
bytes=$(cat internal/console/dist/* | wc -c)
echo "console: the pages are what console/ builds, $bytes bytes"
