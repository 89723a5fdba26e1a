#!/usr/bin/env bash
# fuzz.sh BUILD SECONDS READER..: runs each reader's fuzzer for so long, as many at a time as there are processors. Each
# begins with the committed corpus; what it adds goes to BUILD/corpus/READER, what breaks the reader to BUILD/found. A
# line a reader; exit 1 if one was broken.
set -u
build=$1 seconds=$2
shift 2
mkdir -p "$build/found"

# The inputs are given to the readers as files: in memory, where there is a place for that.
files=$(mktemp -d "$([ -w /dev/shm ] && echo /dev/shm || echo "${TMPDIR:-/tmp}")/mvmoe-fuzz-XXXXXX") || exit 1
trap 'rm -rf "$files"' EXIT
trap 'exit 130' INT TERM

fuzz() {
  local reader=$1 log=$build/$1.log started=$SECONDS status=0
  mkdir -p "$build/corpus/$reader" "$files/$reader"
  TMPDIR=$files/$reader ASAN_OPTIONS=detect_leaks=1 UBSAN_OPTIONS=print_stacktrace=1 \
    "$build/fuzz-$reader" -max_total_time="$seconds" -timeout=30 -rss_limit_mb=4096 -max_len=16384 -print_final_stats=1 \
    -artifact_prefix="$build/found/$reader-" "$build/corpus/$reader" "tests/fuzz/corpus/$reader" >"$log" 2>&1 || status=$?
  if [ "$status" -eq 0 ]; then
    echo "$reader: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs in $((SECONDS - started)) s, none broke it"
  else
    echo "$reader: BROKEN by $(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1): $(grep -m 1 -E '^SUMMARY|runtime error|what\(\)' "$log") (all in $log)"
  fi
  return "$status"
}

broken=0 running=0
for reader in "$@"; do
  if [ "$running" -ge "$(nproc)" ]; then
    wait -n || broken=1
    running=$((running - 1))
  fi
  fuzz "$reader" &
  running=$((running + 1))
done
while [ "$running" -gt 0 ]; do
  wait -n || broken=1
  running=$((running - 1))
done
exit "$broken"
