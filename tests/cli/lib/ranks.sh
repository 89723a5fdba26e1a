# Sourced after checks.sh by scripts that start several ranks: with a build that has MPI, where there is an mpirun. Runs on
# make_cifar10's data, in the folder `data`.

if ! command -v mpirun >/dev/null; then
  skip "several ranks" "there is no mpirun here"
  finish
fi

# ranks N ARGUMENTS...: run, in N ranks.
launch=(mpirun --oversubscribe --bind-to none --mca btl self,vader,tcp)
ranks() {
  local n=$1
  shift
  code=0
  timeout -k 5 120 "${launch[@]}" -np "$n" "$program" "$@" >"$captured/out" 2>"$captured/err" </dev/null || code=$?
  out=$(<"$captured/out") err=$(<"$captured/err")
}
start_ranks() {  # start, in N ranks; the program's processes are mpirun's children
  local n=$1
  shift
  set -m
  "${launch[@]}" -np "$n" "$program" "$@" >"$captured/started.out" 2>"$captured/started.err" </dev/null &
  pid=$!
  set +m
  started+=("$pid")
}
# What the ranks said: mpirun adds lines of its own, and there may be fewer cores here than ranks.
ours() { grep '^mvmoe: ' "$captured/err" | grep -v '^mvmoe: warning: host .* threads'; }
# close_numbers FILE FILE SHARE LINES: line by line, no two numbers differ by more than this share.
close_numbers() {
  paste "$1" "$2" | awk -v tolerance="$3" 'NF != 2 { print "line " NR ": " $0; bad = 1; exit }
    { d = $1 - $2; if (d < 0) d = -d; if (!(d <= tolerance * $1)) { print "line " NR ": " $1 " and " $2; bad = 1; exit } }
    END { if (!bad && NR != wanted) { print NR " lines" ; bad = 1 } exit bad }' wanted="$4"
}

# columns FOLDER N: column N of a run's log, an epoch a line.
columns() { tail -n +2 "$1/log.csv" | cut -d, -f"$2"; }
# five_from STEP FOLDER: its losses from the epoch of this step on, of 5 steps, five at most. Another number of ranks rounds otherwise,
# and training multiplies that until an image goes to another expert: all that is left of a run says little.
five_from() { columns "$2" 4 | tail -n +$(($1 / 5 + 1)) | head -n 5; }
process_of_rank() {  # RANK: the program's process, of mpirun's children
  local one
  for one in $(pgrep -P "$pid"); do
    tr '\0' '\n' <"/proc/$one/environ" 2>/dev/null | grep -qx "OMPI_COMM_WORLD_RANK=$1" && echo "$one" && return
  done
}
rows() { [ -e "$1/log.csv" ] && [ "$(wc -l <"$1/log.csv")" -gt "$2" ]; }
# Starts ranks that do not belong together.
apart() {  # apart NAME CODE WORDS... -- RANK-0-ARGUMENTS... : RANK-1-ARGUMENTS...
  local name=$1 wanted=$2 words=() word said=
  shift 2
  while [ "$1" != -- ]; do words+=("$1"); shift; done
  shift
  code=0
  # mpirun gives those that are about to end a second before it kills them; all has been said by then.
  timeout -k 5 60 "${launch[@]}" --mca odls_base_sigkill_timeout 0 "$@" >"$captured/out" 2>"$captured/err" </dev/null || code=$?
  [ "$code" -eq "$wanted" ] || said="exit $code instead of $wanted; "
  [ "$(ours | wc -l)" -eq 1 ] || said+="$(ours | wc -l) lines; "
  for word in "${words[@]}"; do case $(ours) in *"$word"*) ;; *) said+="'$word' is not said; " ;; esac; done
  if [ -z "$said" ]; then ok "$name"; else not_ok "$name" "$said$(head -c 400 "$captured/err" | tr '\n' ' ')"; fi
}
