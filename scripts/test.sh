#!/bin/sh
# Vets and tests every package, under the race detector where there is a C
# compiler for it.
set -eu

go vet ./...
cc=$(go env CC)
if [ "$(go env CGO_ENABLED)" = 1 ] && command -v "${cc%% *}" >/dev/null 2>&1; then
	exec go test -race -timeout 60m ./...
fi
echo "test: no C compiler or CGO_ENABLED=0: testing WITHOUT the race detector" >&2
exec go test -timeout 60m ./...
