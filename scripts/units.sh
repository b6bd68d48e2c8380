#!/bin/sh
# Has systemd read the unit, and say how much of the machine it lets the service touch:
# 0.0 is nothing, 10.0 everything.
set -eu
cd "$(dirname "$0")/.."

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
# The binary is not installed here; systemd asks for one that is.
sed 's,^ExecStart=/usr/bin/daypass,ExecStart=/bin/true,' packaging/systemd/daypass.service >"$dir/daypass.service"
cp packaging/systemd/daypass.socket "$dir/"
said=$(systemd-analyze verify "$dir/daypass.service" "$dir/daypass.socket" 2>&1) || true
if [ -n "$said" ]; then
	echo "units: $said" >&2
	exit 1
fi
systemd-analyze security --offline=yes --threshold=15 --no-pager "$dir/daypass.service" | tail -1
for part in sysusers tmpfiles; do
	grep -Eq '^[a-z]' "packaging/systemd/$part.conf"
done
cp packaging/systemd/sysusers.conf "$dir/"
systemd-sysusers --dry-run "$dir/sysusers.conf" >/dev/null
