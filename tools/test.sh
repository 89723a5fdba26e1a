#!/usr/bin/env bash
# Runs every test and closes with "N passed, N failed, N skipped"; fails when a test fails or none ran.
set -u
build=$1
log=$build/tests.log

status=0
"$build/mvmoe-tests" --gtest_brief=0 >"$log" 2>&1 || status=$?
grep -E ': Failure$' -A4 "$log" | head -200
grep -E '^\[  (FAILED|SKIPPED) .*\(' "$log" | sort -u
passed=$(sed -n 's/^\[  PASSED  \] \([0-9]*\) test.*/\1/p' "$log" | tail -n 1)
failed=$(sed -n 's/^\[  FAILED  \] \([0-9]*\) test.*/\1/p' "$log" | head -n 1)
skipped=$(sed -n 's/^\[  SKIPPED \] \([0-9]*\) test.*/\1/p' "$log" | head -n 1)
if [ -z "$passed" ]; then  # the program died before its closing lines
  tail -n 20 "$log"
  passed=0 failed=$((${failed:-0} + 1))
fi

# The command line from outside: one script a subject, a line "ok" or "not ok" for each check.
for script in tests/cli/*.sh; do
  [ -e "$script" ] || continue
  output=$(bash "$script" "$build/mvmoe" 2>&1) || status=1
  printf '%s\n' "$output" | grep '^not ok'
  passed=$((passed + $(printf '%s\n' "$output" | grep -c '^ok')))
  failed=$((${failed:-0} + $(printf '%s\n' "$output" | grep -c '^not ok')))
  skipped=$((${skipped:-0} + $(printf '%s\n' "$output" | grep -c '^skip')))
done

[ "$status" -ne 0 ] && [ "${failed:-0}" -eq 0 ] && failed=1
echo "$passed passed, ${failed:-0} failed, ${skipped:-0} skipped"
[ "${failed:-0}" -eq 0 ] && [ "$passed" -gt 0 ]
