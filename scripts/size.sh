#!/bin/sh
# Watches the binary's size: README states it in MB, and it must be right within 1.
set -eu
cd "$(dirname "$0")/.."

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o "$dir/daypass" ./cmd/daypass
bytes=$(wc -c <"$dir/daypass")
size=$(((bytes + 500000) / 1000000))
stated=$(sed -n 's/.*static binary of \([0-9][0-9]*\) MB.*/\1/p' README.md)
echo "size: the binary has $size MB; README says ${stated:-nothing}"
if [ -z "$stated" ] || [ $((size - stated)) -gt 1 ] || [ $((stated - size)) -gt 1 ]; then
	echo "size: say in README.md what it is, and in CHANGELOG.md why it grew" >&2
	exit 1
fi
