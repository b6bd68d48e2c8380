#!/bin/sh
# Makes sure that what the tests and the demo use is on this machine: the aws
# command line of any version, boto3 for python3, and, unless --no-race is
# given, the C compiler that Go's race detector needs. What is there is left
# alone; what is missing is installed through apt where that can be done, and
# named where not.
set -eu

race=yes
for argument in "$@"; do
	case $argument in
	--no-race) race=no ;;
	*)
		echo "setup: unknown argument $argument; there is only --no-race" >&2
		exit 2
		;;
	esac
done

has_aws() { aws --version >/dev/null 2>&1; }
has_boto3() { python3 -c 'import boto3' >/dev/null 2>&1; }
has_cc() { cc=$(go env CC) && command -v "${cc%% *}" >/dev/null 2>&1; }

if ! command -v go >/dev/null 2>&1; then
	echo "setup: go is not on PATH; install Go 1.26 or newer: https://go.dev/doc/install" >&2
	exit 1
fi

missing() {
	has_aws || echo awscli
	has_boto3 || echo python3-boto3
	if [ "$race" = yes ] && ! has_cc; then
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

packages=$(missing | tr '\n' ' ')
if [ -z "$packages" ]; then
	exit 0
fi
echo "setup: missing here: $packages"
if ! command -v apt-get >/dev/null 2>&1; then
	echo "setup: there is no apt-get to install them with" >&2
else
	# An archive that does not answer may still be in apt's cache.
	as_root apt-get update -q || true
	# shellcheck disable=SC2086 # a list of package names
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $packages ||
		echo "setup: apt-get could not install them (it takes root, or sudo, and a reachable archive)" >&2
fi

failed=no
if ! has_aws; then
	echo "setup: install the aws command line (Debian: awscli) so that 'aws --version' works" >&2
	failed=yes
fi
if ! has_boto3; then
	echo "setup: install boto3 (Debian: python3-boto3) so that python3 can import it" >&2
	failed=yes
fi
if [ "$race" = yes ] && ! has_cc; then
	echo "setup: there is no C compiler (Debian: gcc libc6-dev); the tests will run without the race detector" >&2
fi
if [ "$failed" = yes ]; then
	echo "setup: then run this again; 'go test ./...' runs what needs none of it" >&2
	exit 1
fi
