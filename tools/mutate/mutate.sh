#!/usr/bin/env bash
# Breaks the engine in one place at a time, as mutants.txt says, and expects the named tests to turn red. A mutant that
# survives is a test that cannot fail. Works on a copy; the sources are only read.
#
#   tools/mutate/mutate.sh [filter]    only mutants whose line contains the filter, e.g. ops/gelu.cpp
#
# Exit code 0: all killed; 1: some survived; 2: an error (tests red before any mutant, a text that is not found exactly
# once, a mutant that does not compile). ARCH, BUILD, ONEDNN, LIBRARIES as for make; JOBS: how many at once (default 2).
#
# Flags reach the functions as one text, since an array cannot be exported: their splitting is meant (SC2086).
# shellcheck disable=SC2016,SC2086
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
only=${1:-}
work=${BUILD:-build}/mutate
mkdir -p "$work"
work=$(cd "$work" && pwd)
tree=$work/tree
rm -rf "$tree" "$work/mutants"  # the objects of an earlier run stay, and serve where nothing has changed
mkdir -p "$tree" "$work/mutants"
cp -rp --parents engine ops models train tools/gradcheck tests/engine tests/ops tests/models tests/train tests/golden "$tree"
rm -rf "$tree"/engine/mpi  # alone, as built without MPI
cd "$tree"

jobs=${JOBS:-2}
export OMP_NUM_THREADS=1
flags=(-std=c++20 -march="${ARCH:-native}" -fopenmp -fno-math-errno -fno-trapping-math -w)
libraries=(-fopenmp "-Wl,--wrap=$(sed -n 's/^gemm := //p' "$root/Makefile")")  # as the Makefile links the tests
if [ -n "${ONEDNN:-}" ]; then
  flags+=(-isystem "$ONEDNN/include")
  libraries+=(-L"$ONEDNN/lib" "-Wl,-rpath,$ONEDNN/lib")
fi
if [ -n "${LIBRARIES:-}" ]; then
  flags+=(-isystem "$LIBRARIES/include")
  libraries+=(-L"$LIBRARIES/lib" "-Wl,-rpath,$LIBRARIES/lib")
fi
libraries+=(-ldnnl -lgtest -lgtest_main -ljpeg -lz)

# compile <folder searched first for headers> <source, a path within it or within the tree> <object>
compile() {
  local optimise=-O3 source=$2
  case $2 in tests/* | tools/*) optimise=-O1 ;; esac  # what is judged is built as for use, the judges quickly
  case $2 in train/augment/*) optimise+=" -ffp-contract=off" ;; esac  # as the Makefile has it
  if [ -f "$1/$2" ]; then source=$1/$2; fi
  mkdir -p "$(dirname "$3")"
  nice g++ $optimise $flags_text -I"$1" -I"$tree" -c "$source" -o "$3"
}

# build <source>: its object of the unmutated tree, unless there is one of the same source, headers and flags. Judged
# by content, not by time: a restored file is older than the object of the broken one.
build() {
  local object=$work/objects/$1.o key
  key=$(sha1sum < "$1"; echo "$shared_key")
  if [ -f "$object" ] && [ "$key" = "$(cat "$object.key" 2> /dev/null)" ]; then return; fi
  rm -f "$object.key"
  compile "$tree" "$1" "$object" || return 1
  echo "$key" > "$object.key"
}

# includers_of <header>: the sources that include it, directly or through other headers
includers_of() {
  local known= next=$1
  while [ -n "$next" ]; do
    known+="$next"$'\n'
    next=$(grep -rlF --include='*.h' "$(sed 's/.*/#include "&"/' <<< "$next")" . | sed 's,^\./,,' | grep -vxF "$known" || true)
  done
  grep -rlF --include='*.cpp' "$(sed '/^$/d; s/.*/#include "&"/' <<< "$known")" . | sed 's,^\./,,'
}

# run <executable> <gtest filter>: its exit code; a mutant may also loop for ever
run() { timeout 120 "$1" --gtest_brief=1 --gtest_filter="$2" > "$1.log" 2>&1; }

# try <number> <line>: one mutant, one line of output, the verdict in $work/mutants/<number>/verdict
try() {
  local file original replacement filter here=$work/mutants/$1 verdict=error reason=
  mkdir -p "$here"
  IFS=$'\t' read -r file original replacement filter < <(awk -v OFS='\t' '{
    count = 0
    while ((at = index($0, " | ")) > 0) { field[++count] = substr($0, 1, at - 1); $0 = substr($0, at + 3) }
    field[++count] = $0
    # Between tabs nothing may be empty or begin with a space, or read would eat it: a mark in front of each.
    print field[1], "=" field[2], "=" field[3], count == 4 ? field[4] : "" }' <<< "$2")
  original=${original#=} replacement=${replacement#=}
  if [ -z "$filter" ]; then reason="needs four fields"
  elif [ ! -f "$tree/$file" ]; then reason="no such file"
  else
    mkdir -p "$here/$(dirname "$file")"
    # The texts reach awk by the environment, where it reads no escapes in them; index() knows no patterns either.
    if ! from=$original to=$replacement awk 'BEGIN { from = ENVIRON["from"]; to = ENVIRON["to"] }
      { line = $0; at = index(line, from)
        if (at > 0) { ++found; rest = substr(line, at + length(from)); if (index(rest, from)) ++found; line = substr(line, 1, at - 1) to rest }
        print line }
      END { exit found == 1 ? 0 : 1 }' "$tree/$file" > "$here/$file"; then reason="the text is not there exactly once"
    else
      local sources=$file source objects=()
      # A header is compiled into whatever includes it.
      case $file in *.h) sources=$(cd "$tree" && includers_of "$file") ;; esac
      verdict=built
      for source in $sources; do
        if ! compile "$here" "$source" "$here/objects/$source.o" 2> "$here/compiler.log"; then verdict=error reason="does not compile"; break; fi
      done
      if [ $verdict = built ]; then
        while read -r source; do
          if [ -f "$here/objects/$source.o" ]; then objects+=("$here/objects/$source.o"); else objects+=("$work/objects/$source.o"); fi
        done < "$work/sources"
        if ! nice g++ "${objects[@]}" $libraries_text -o "$here/tests" 2> "$here/compiler.log"; then verdict=error reason="does not link"
        elif run "$here/tests" "$filter"; then verdict=survived
        else verdict=killed
        fi
        rm -f "$here/tests"
      fi
    fi
  fi
  echo "$verdict" > "$here/verdict"
  printf '%-8s %s: %s -> %s   [%s]%s\n' "$verdict" "$file" "$original" "${replacement:-nothing}" "$filter" "${reason:+ ($reason)}"
}

flags_text=${flags[*]} libraries_text=${libraries[*]}
shared_key="$flags_text $(g++ --version | head -n 1) $(find . -name '*.h' | sort | xargs cat | sha1sum)"
export work tree flags_text libraries_text shared_key
export -f compile build includers_of run try

echo "building the tests of the engine, ops, models and training in $work"
find engine ops models train tools/gradcheck tests -name '*.cpp' -o -name '*.S' | sort > "$work/sources"
xargs -P "$jobs" -I{} bash -c 'build "$1" || exit 255' _ {} < "$work/sources" || exit 2
mapfile -t objects < <(sed "s,.*,$work/objects/&.o," "$work/sources")
g++ "${objects[@]}" "${libraries[@]}" -o "$work/tests" || exit 2
if ! run "$work/tests" '*'; then
  tail -n 40 "$work/tests.log"
  echo "the tests are red without any mutant"
  exit 2
fi
echo "unmutated: green"

grep -vE '^(#|$)' "$root/tools/mutate/mutants.txt" | grep -F -- "$only" | awk '{ print NR "\t" $0 }' > "$work/lines" || true
tr '\n' '\0' < "$work/lines" | xargs -0 -P "$jobs" -I{} bash -c 'try "${1%%$'"'\t'"'*}" "${1#*$'"'\t'"'}"' _ {}

verdicts=$(find "$work/mutants" -name verdict -exec cat {} +)
killed=$(grep -c killed <<< "$verdicts" || true)
survived=$(grep -c survived <<< "$verdicts" || true)
errors=$(grep -c error <<< "$verdicts" || true)
echo "$killed killed, $survived survived$([ "$errors" = 0 ] || echo ", $errors errors")"
if [ "$errors" != 0 ] || [ "$((killed + survived))" = 0 ]; then exit 2; fi
[ "$survived" = 0 ]
