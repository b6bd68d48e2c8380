#!/bin/sh
# Makes sure that what the tests use is on this machine: the aws command line,
# boto3 for python3, and the C compiler that Go's race detector needs. With the
# argument "demo", only what the demo uses: aws. What is there is left alone;
# what is missing is installed through apt where that can be done, and named
# where not.
set -eu

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
	has_boto3 || echo python3-boto3
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
if [ "$for_demo" = no ] && ! has_boto3; then
	echo "setup: install boto3 (Debian: python3-boto3) so that python3 can import it" >&2
	failed=yes
fi
if [ "$for_demo" = no ] && ! has_cc; then
	echo "setup: there is no C compiler (Debian: gcc libc6-dev); the tests will run without the race detector" >&2
fi
if [ "$failed" = yes ]; then
	echo "setup: then run this again; 'go test ./...' runs what needs none of it" >&2
	exit 1
fi
