#!/bin/sh
# Runs each target of internal/fuzz.txt for the time given, "10s" say. Failing
# inputs are not made smaller, so that the time is bounded; to do that, run the
# target that failed by hand, without -fuzzminimizetime.
set -eu

time=${1:?usage: scripts/fuzz.sh TIME}
while read -r folder target; do
	case $folder in '' | '#'*) continue ;; esac
	echo "fuzz: $folder $target for $time"
	go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 0 "./$folder" </dev/null
done <internal/fuzz.txt
