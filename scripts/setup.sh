#!/bin/sh
# Makes sure that what the tests use is on this machine: the aws command line,
# boto3 for python3, curl, rclone, s3cmd, the shells busybox, zsh and fish, podman, Node.js with npm and the packages of its
# lockfile, the issuer glewlwyd, PostgreSQL's server, moto's, and the C compiler that Go's race detector needs.
# With the argument "demo", only what the demo uses: aws. What is there is left alone; what is
# missing is installed through apt where that can be done, and named where not.
set -eu
cd "$(dirname "$0")/.."

for_demo=no
for argument in "$@"; do
	case $argument in
	demo) for_demo=yes ;;
	*)
		echo "setup: unknown argument $argument; there is only demo" >&2
		exit 2
		;;
	esac
done

has_aws() { aws --version >/dev/null 2>&1; }
has_boto3() {
	for candidate in python3 /usr/bin/python3; do
		if "$candidate" -c 'import boto3' >/dev/null 2>&1; then
			return 0
		fi
	done
	return 1
}
has_cc() { cc=$(go env CC) && command -v "${cc%% *}" >/dev/null 2>&1; }
# Both generations of the CLI are in use, and they differ in exit codes: the
# tests run with each that is there, and Debian's is of the second.
has_aws2() {
	for candidate in aws /usr/bin/aws /usr/local/bin/aws; do
		if "$candidate" --version 2>&1 | grep -q '^aws-cli/2\.'; then
			return 0
		fi
	done
	return 1
}

# Debian 12's is 18. npm comes with Node.js where that is not Debian's.
has_node() { [ "$(node --version 2>/dev/null | sed 's/^v\([0-9]*\)\..*/\1/')" -ge 18 ] 2>/dev/null; }
has_npm() { npm --version >/dev/null 2>&1; }
node_dir=cmd/daypass/testdata/node
# npm writes the hidden lockfile last.
has_packages() { [ "$node_dir/node_modules/.package-lock.json" -nt "$node_dir/package-lock.json" ]; }
# Browser tests need the console's packages for axe-core; building its pages needs Node.js 20.19.
console_dir=console
has_console_packages() { [ "$console_dir/node_modules/.package-lock.json" -nt "$console_dir/package-lock.json" ]; }
has_chromium() { command -v chromium >/dev/null 2>&1; }
has_curl() { command -v curl >/dev/null 2>&1; }
has_rclone() { command -v rclone >/dev/null 2>&1; }
has_s3cmd() { command -v s3cmd >/dev/null 2>&1; }
# Static, since the image that the tests run in containers holds nothing else.
has_busybox() { [ -x /bin/busybox ] && ! ldd /bin/busybox >/dev/null 2>&1; }
has_podman() { podman --version >/dev/null 2>&1 && command -v catatonit >/dev/null 2>&1 && PATH=$PATH:/usr/sbin command -v runc >/dev/null 2>&1; }
# It answers as AWS's services do; the tests put it behind the gateway.
moto_dir=cmd/daypass/testdata/moto # a virtual environment of its own
has_moto() { moto_server --help >/dev/null 2>&1 || "$moto_dir/bin/moto_server" --help >/dev/null 2>&1; }
moto_version=5.2.1
has_zsh() { command -v zsh >/dev/null 2>&1; }
has_units() { command -v systemd-analyze >/dev/null 2>&1 && command -v systemd-sysusers >/dev/null 2>&1; }
has_promtool() { command -v promtool >/dev/null 2>&1; }
has_openssl() { command -v openssl >/dev/null 2>&1; }
has_fish() { command -v fish >/dev/null 2>&1; }
# Debian keeps the server's programs out of PATH; the tests make a cluster of their own.
has_postgresql() { for initdb in /usr/lib/postgresql/*/bin/initdb "$(command -v initdb)"; do [ -x "$initdb" ] && return 0; done; return 1; }
has_glewlwyd() { command -v glewlwyd >/dev/null 2>&1; }

if ! command -v go >/dev/null 2>&1; then
	echo "setup: go is not on PATH; install Go 1.26 or newer: https://go.dev/doc/install" >&2
	exit 1
fi

missing() {
	if [ "$for_demo" = yes ]; then
		has_aws || echo awscli
		return
	fi
	has_aws2 || echo awscli
	has_curl || echo curl
	has_boto3 || echo python3-boto3
	has_node || echo nodejs
	has_npm || echo npm
	has_glewlwyd || echo glewlwyd
	has_postgresql || echo postgresql
	has_rclone || echo rclone
	has_s3cmd || echo s3cmd
	has_busybox || echo busybox-static
	has_podman || printf '%s\n' podman runc catatonit netavark aardvark-dns iptables
	has_moto || python3 -c 'import ensurepip' >/dev/null 2>&1 || echo python3-venv
	has_chromium || echo chromium
	has_zsh || echo zsh
	has_fish || echo fish
	has_units || echo systemd
	has_openssl || echo openssl
	has_promtool || echo prometheus
	[ -f /etc/ssl/certs/ca-certificates.crt ] || echo ca-certificates
	if ! has_cc; then
		echo gcc
		echo libc6-dev
	fi
}

# as_root runs a command as root, or fails.
as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif command -v sudo >/dev/null 2>&1; then
		sudo "$@"
	else
		return 1
	fi
}

apt_install() { as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@"; }

packages=$(missing | tr '\n' ' ')
if [ -n "$packages" ]; then
	echo "setup: missing here: $packages"
	if ! command -v apt-get >/dev/null 2>&1; then
		echo "setup: there is no apt-get to install them with" >&2
	else
		# An archive that does not answer may still be in apt's cache.
		as_root apt-get update -q || true
		# One that the archive lacks must not keep the others away.
		# shellcheck disable=SC2086 # a list of package names
		apt_install $packages || for package in $packages; do
			apt_install "$package" || echo "setup: apt-get could not install $package (it takes root, or sudo, and a reachable archive)" >&2
		done
	fi
fi
case " $packages" in *" postgresql "*)
	if [ -d /run/systemd/system ] && has_postgresql; then
		as_root systemctl disable --now postgresql || true
	fi
	;;
esac
case " $packages" in *" glewlwyd "*)
	# The tests start their own; the package's service is not wanted.
	if [ -d /run/systemd/system ] && has_glewlwyd; then
		as_root systemctl disable --now glewlwyd || true
	fi
	;;
esac
if [ "$for_demo" = no ] && has_node && has_npm && ! has_packages; then
	echo "setup: npm ci in $node_dir"
	(cd "$node_dir" && npm ci --loglevel=error) || echo "setup: npm could not install its packages (it takes a reachable registry)" >&2
fi

if [ "$for_demo" = no ] && has_node && has_npm && ! has_console_packages; then
	echo "setup: npm ci in $console_dir"
	(cd "$console_dir" && npm ci --loglevel=error) || echo "setup: npm could not install the console's packages (it takes a reachable registry and Node.js 20.19 or newer)" >&2
fi

if [ "$for_demo" = no ] && ! has_moto; then
	# Debian has no package of it.
	echo "setup: pip install moto[server]==$moto_version into $moto_dir"
	{ python3 -m venv "$moto_dir" && "$moto_dir/bin/pip" install -q "moto[server]==$moto_version"; } ||
		echo "setup: pip could not install moto (it takes a reachable package index)" >&2
fi

failed=no
if ! has_aws; then
	echo "setup: install the aws command line (Debian: awscli) so that 'aws --version' works" >&2
	failed=yes
fi
if [ "$for_demo" = no ] && ! has_curl; then
	echo "setup: install curl (Debian: curl)" >&2
	failed=yes
fi
if [ "$for_demo" = no ] && ! has_boto3; then
	echo "setup: install boto3 (Debian: python3-boto3) so that python3 can import it" >&2
	failed=yes
fi
if [ "$for_demo" = no ] && ! { has_node && has_npm && has_packages; }; then
	echo "setup: install Node.js 18 or newer and npm (Debian: nodejs npm), and run 'npm ci' in $node_dir" >&2
	failed=yes
fi
if [ "$for_demo" = no ] && ! has_console_packages; then
	echo "setup: run 'npm ci' in $console_dir, with Node.js 20.19 or newer; without it the console's pages cannot be built nor their accessibility tested" >&2
fi
if [ "$for_demo" = no ] && ! has_chromium; then
	echo "setup: install chromium (Debian: chromium), with which the console is tested" >&2
	failed=yes
fi
if [ "$for_demo" = no ] && ! has_glewlwyd; then
	echo "setup: install glewlwyd (Debian: glewlwyd), an issuer that the tests federate with" >&2
	failed=yes
fi
if [ "$for_demo" = no ] && ! has_moto; then
	echo "setup: install moto's server (pip install 'moto[server]==$moto_version'), so that 'moto_server --help' works or $moto_dir/bin has it" >&2
	failed=yes
fi
if [ "$for_demo" = no ] && ! has_postgresql; then
	echo "setup: install PostgreSQL's server (Debian: postgresql), of which the tests start their own" >&2
	failed=yes
fi
if [ "$for_demo" = no ] && ! { has_rclone && has_s3cmd; }; then
	echo "setup: install rclone and s3cmd (Debian: rclone s3cmd), clients of S3 that the tests run" >&2
	failed=yes
fi
if [ "$for_demo" = no ] && ! has_cc; then
	echo "setup: there is no C compiler (Debian: gcc libc6-dev); the tests will run without the race detector" >&2
fi
if [ "$failed" = yes ]; then
	echo "setup: then run this again; 'go test ./...' runs what needs none of it" >&2
	exit 1
fi
