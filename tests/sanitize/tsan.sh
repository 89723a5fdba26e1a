#!/usr/bin/env bash
# tsan.sh BUILD: first whether ThreadSanitizer sees a race at all (tests/sanitize/seeded_race.cpp) and is silent where there
# is none, then the test program under it. Exit 1 if the seeded race goes unreported or anything else is reported.
set -u
build=$1

# The team's own threads are looked at; oneDNN, which was compiled without, is not (ignore_noninstrumented_modules).
export TSAN_OPTIONS="halt_on_error=0 exitcode=66 second_deadlock_stack=1 ignore_noninstrumented_modules=1 suppressions=tests/sanitize/suppressions.txt"

said=$("$build/seeded_race" race 2>&1)
status=$?
if [ "$status" -ne 66 ] || ! grep -q 'WARNING: ThreadSanitizer: data race' <<<"$said" || ! grep -q 'seeded_race.cpp' <<<"$said"; then
  echo "tsan: the seeded race was not reported (exit code $status): the sanitizer sees nothing here" >&2
  exit 1
fi
"$build/seeded_race" >/dev/null || { echo "tsan: a race is reported where there is none" >&2; exit 1; }
echo "tsan: the seeded race is reported, and nothing where there is none"

exec bash tests/sanitize/run.sh "$build"
