#!/usr/bin/env bash
# run.sh BUILD: every GoogleTest of a sanitized test program, and the corpora with them. Exit 1 if a test fails or a
# sanitizer reports anything; the first reports are shown, all of it is in BUILD/tests.log.
set -u
build=$1 log=$1/tests.log status=0

"$build/mvmoe-tests" --gtest_brief=1 >"$log" 2>&1 || status=$?
grep -E ': Failure$' -A4 "$log" | head -n 100
grep -E '^(SUMMARY|WARNING: ThreadSanitizer|==[0-9]+==ERROR)|runtime error:|^\[  FAILED  \] .*\(' "$log" | sort | uniq -c | sort -rn | head -n 40
passed=$(sed -n 's/^\[  PASSED  \] \([0-9]*\) test.*/\1/p' "$log" | tail -n 1)
if [ -z "$passed" ]; then
  tail -n 30 "$log"
  echo "$build: the test program died (exit code $status), see $log" >&2
  exit 1
fi
reports=$(grep -cE '^SUMMARY|runtime error:' "$log")
echo "$build: $passed passed, $reports sanitizer reports, exit code $status"
[ "$status" -eq 0 ] && [ "$reports" -eq 0 ] && [ "$passed" -gt 0 ]
