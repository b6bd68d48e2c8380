#!/usr/bin/env bash
# Runs each target of internal/fuzz.txt for the time given, "10s" say, and lists
# in the end those that failed. Failing inputs are not made smaller, so that the
# time is bounded; to do that, run the target that failed by hand, without
# -fuzzminimizetime.
#
# Up to Go 1.26 the end of the time itself is now and then reported as a failure,
# "context deadline exceeded" without a failing input (golang/go#75804, mended in
# 1.27). That, and nothing else, is run again, at most twice.
set -euo pipefail
cd "$(dirname "$0")/.."

time=${1:?usage: scripts/fuzz.sh TIME}
output=$(mktemp)
trap 'rm -f "$output"' EXIT

run() { go test -run '^$' -fuzz "^$2\$" -fuzztime "$time" -fuzzminimizetime 0 "./$1" </dev/null 2>&1 | tee "$output"; }

# ran_out says whether the failure in $output is only that the time was over.
ran_out() {
	[[ $(grep -A1 -e '^--- FAIL: ' "$output" | tail -n +2) == '    context deadline exceeded' ]] &&
		! grep -q 'Failing input' "$output"
}

failed=()
while read -r folder target; do
	case $folder in '' | '#'*) continue ;; esac
	for attempt in 1 2 3; do
		echo "fuzz: $folder $target for $time"
		if run "$folder" "$target"; then
			break
		elif ((attempt == 3)) || ! ran_out; then
			failed+=("$folder $target")
			break
		fi
		echo "fuzz: that was golang/go#75804; once more"
	done
done <internal/fuzz.txt

if ((${#failed[@]} > 0)); then
	printf 'fuzz: failed: %s\n' "${failed[@]}"
	exit 1
fi
