#!/bin/sh
# Builds the container image, from what is on this machine alone: no registry is asked.
# With "test" it also starts it as it should be run and asks it something.
#
#	scripts/image.sh [test] [NAME]
set -eu
cd "$(dirname "$0")/.."

test=no
if [ "${1:-}" = test ]; then
	test=yes
	shift
fi
name=${1:-daypass}
engine=$(command -v podman || command -v docker) || {
	echo "image: there is neither podman nor docker" >&2
	exit 1
}
certificates=/etc/ssl/certs/ca-certificates.crt
[ -f "$certificates" ] || {
	echo "image: there are no certificate authorities at $certificates (Debian: ca-certificates); without them no issuer is believed" >&2
	exit 1
}

dir=$(mktemp -d)
clean() {
	if [ "$test" = yes ]; then
		$run rm -f "$container" >/dev/null 2>&1 || true
		$run rmi -f "$name" >/dev/null 2>&1 || true
	fi
	rm -rf "$dir"
}
container=daypass-image-$$
run=$engine
if [ "$test" = yes ] && [ "$(basename "$engine")" = podman ] && [ "$(id -u)" = 0 ]; then
	# An engine of the test's own, which leaves nothing behind and asks for no more than
	# a sandbox gives: no limits that somebody has to raise, any hierarchy of cgroups.
	printf '%s\n' '[containers]' 'default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]' '[engine]' \
		'runtime = "runc"' 'cgroup_manager = "cgroupfs"' 'events_logger = "file"' >"$dir/containers.conf"
	export CONTAINERS_CONF="$dir/containers.conf"
	PATH=$PATH:/usr/sbin
	run="$engine --root $dir/root --runroot $dir/run --storage-driver vfs"
fi
trap clean EXIT

mkdir -p "$dir/context/etc/ssl/certs" "$dir/context/data"
CGO_ENABLED=0 GOOS=linux go build -trimpath -ldflags '-s -w' -o "$dir/context/daypass" ./cmd/daypass
cp "$certificates" "$dir/context/etc/ssl/certs/"
echo 'daypass:x:65532:65532::/data:/usr/bin/daypass' >"$dir/context/etc/passwd"
echo 'daypass:x:65532:' >"$dir/context/etc/group"
format=
case $engine in *podman) format='--format docker' ;; esac # the other form has no health check
# shellcheck disable=SC2086 # words
$run build $format -q -t "$name" -f packaging/container/Containerfile "$dir/context"
[ "$test" = yes ] || exit 0

# A certificate for the test alone.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
	-addext subjectAltName=DNS:localhost -keyout "$dir/tls.key" -out "$dir/tls.crt" 2>/dev/null
chmod 644 "$dir/tls.key" && chmod 755 "$dir" # of this test only; the container's user reads it
# shellcheck disable=SC2086 # words
$run run -d --name "$container" ${IMAGE_RUN_FLAGS:---network=host} --read-only --tmpfs /tmp --cap-drop=ALL --security-opt=no-new-privileges \
	-v "$dir/tls.crt:/tls.crt:ro" -v "$dir/tls.key:/tls.key:ro" -e DAYPASS_LISTEN=127.0.0.1:18450 -e DAYPASS_ADMIN_LISTEN=127.0.0.1:18451 \
	-e DAYPASS_TLS_CERT=/tls.crt -e DAYPASS_TLS_KEY=/tls.key "$name" >/dev/null
n=0
until $run exec "$container" /usr/bin/daypass healthcheck 2>"$dir/said"; do
	n=$((n + 1))
	if [ $n -ge 60 ]; then
		cat "$dir/said" >&2
		$run logs "$container" >&2
		echo "image: it does not become ready" >&2
		exit 1
	fi
	sleep 0.5
done
code=$(curl -s -o "$dir/answer" -w '%{http_code}' --cacert "$dir/tls.crt" --resolve localhost:18450:127.0.0.1 'https://localhost:18450/?Action=GetCallerIdentity&Version=2011-06-15')
if [ "$code" != 403 ] || ! grep -q MissingAuthenticationToken "$dir/answer"; then
	echo "image: it answered $code:" >&2
	cat "$dir/answer" >&2
	exit 1
fi
$run exec "$container" /usr/bin/daypass backup --to /data/daypass.backup
if $run exec "$container" /usr/bin/daypass healthcheck http://127.0.0.1:1/readyz 2>/dev/null; then
	echo "image: the health check says yes where nothing answers" >&2
	exit 1
fi
$run stop -t 15 "$container" >/dev/null
echo "image: $name serves, read-only and without capabilities, as user 65532"
