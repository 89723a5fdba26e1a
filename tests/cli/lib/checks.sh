# Sourced by the scripts of tests/cli (run as `bash tests/cli/X.sh build/mvmoe` from the repository's root): a working
# folder that goes away at the end, a way to run the program, and the checks. Each check prints "ok NAME" or
# "not ok NAME: why"; what this machine does not allow prints "skip NAME: why".
set -u
export LC_ALL=C
unset OMP_NUM_THREADS

repository=$PWD
program=$(readlink -f "$1")
# In memory where there is room: a run syncs its files often, and how long a disk takes for that is not tested here.
room=$(df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 { print $4 }')
if [ "${room:-0}" -gt 500000 ] && [ -w /dev/shm ]; then scratch=$(mktemp -d -p /dev/shm); else scratch=$(mktemp -d); fi
work=$scratch/work  # what the program sees: its files are compared before and after
captured=$scratch/captured
mkdir "$work" "$captured"
started=() mounted=() failures=0

clean_up() {
  local one
  for one in "${started[@]}"; do kill -KILL "$one" 2>/dev/null; done
  wait 2>/dev/null
  for one in "${mounted[@]}"; do umount "$one"; done
  cd /
  rm -rf "$scratch"
}
trap clean_up EXIT
trap 'exit 1' INT TERM HUP
cd "$work" || exit 1

# A script that ends in the middle must not look like one that passed.
finish() { [ "$failures" -eq 0 ]; exit; }

ok() { echo "ok $1"; }
not_ok() {
  echo "not ok $1: $2"
  failures=$((failures + 1))
}
skip() { echo "skip $1: $2"; }

# check NAME COMMAND...: the command succeeds, and says why where it does not.
check() {
  local name=$1 said
  shift
  if said=$("$@" 2>&1); then ok "$name"; else not_ok "$name" "$* ${said:+($said)}"; fi
}
equal() { [ "$1" = "$2" ] || { echo "'$1' is not '$2'"; return 1; }; }
different() { [ "$1" != "$2" ] || { echo "both are '$1'"; return 1; }; }
between() { awk -v low="$1" -v x="$2" -v high="$3" 'BEGIN { exit !(x != "" && low <= x + 0 && x + 0 <= high) }'; }
absent() { [ ! -e "$1" ] || { echo "$1 exists"; return 1; }; }
has() { case $1 in *"$2"*) ;; *) echo "'$2' is not in '${1:0:300}'"; return 1 ;; esac; }
has_not() { case $1 in *"$2"*) echo "'$2' is in '${1:0:300}'"; return 1 ;; esac; }
same_files() {
  local first=$1 other
  shift
  for other; do cmp -s "$first" "$other" || { echo "$first and $other differ"; return 1; }; done
}

# run ARGUMENTS...: the program, with what it printed in $out and $err (the last newlines cut) and its exit code in $code.
run() {
  code=0
  timeout -k 5 120 "$program" "$@" >"$captured/out" 2>"$captured/err" </dev/null || code=$?
  { out=$(<"$captured/out") err=$(<"$captured/err"); } 2>/dev/null  # where bash warns of a zero byte
}

# must_run NAME ARGUMENTS...: the same, where anything but success is a failure already.
must_run() {
  local name=$1
  shift
  run "$@"
  [ "$code" -eq 0 ] || not_ok "$name" "exit $code: ${err:0:300}"
}

# What is wrong with an error as the program printed it, one complaint a line: it is one line on stderr that begins
# with "mvmoe: ", holds each of the words, and no character that a terminal obeys.
complaints() {
  local wanted=$1 word
  shift
  [ "$code" -eq "$wanted" ] || echo "exit $code instead of $wanted;"
  local lines=()
  mapfile -t lines <"$captured/err"
  [ ${#lines[@]} -eq 1 ] || echo "${#lines[@]} lines on stderr;"
  case $err in "mvmoe: "*) ;; *) echo "stderr does not begin with 'mvmoe: ';" ;; esac
  case ${err%$'\n'} in *[[:cntrl:]]*) echo "stderr holds a control character;" ;; esac
  case $err in *"filesystem error"* | *"terminate called"* | *std::*) echo "stderr shows the library's words;" ;; esac
  [ "${#err}" -lt 2000 ] || echo "stderr has ${#err} characters;"
  [ -z "$out" ] || echo "stdout is not empty;"
  for word; do has "$err" "$word"; done
}

# Every file of a folder with its contents, as one number. The lock of a running or killed process is no part of it.
fingerprint() {
  (cd "$1" && { find . -name lock -prune -o -printf '%p %y %l\n' | sort; find . -type f ! -name lock -print0 | sort -z | xargs -0 -r sha256sum; } | sha256sum)
}

# look: the fingerprint of the working folder, in $state. Checksums are computed only where a file's size or time of
# change is another than at the last call.
seen=none state=none
look() {
  local now
  now=$(find "$work" -name lock -prune -o -type d -printf '%p\n' -o -printf '%p %y %l %s %C@\n' | sort)
  [ "$now" = "$seen" ] || { seen=$now state=$(fingerprint "$work"); }
}

# refused NAME CODE [WORD]... -- ARGUMENTS...: the error is as above, and no file of the working folder has changed,
# appeared or gone.
refused() {
  local name=$1 wanted=$2 words=() before said
  shift 2
  while [ "$1" != -- ]; do words+=("$1"); shift; done
  shift
  look
  before=$state
  run "$@"
  said=$(complaints "$wanted" "${words[@]}")
  look
  [ "$before" = "$state" ] || said+=" files were changed, made or removed"
  if [ -z "$said" ]; then ok "$name"; else not_ok "$name" "${said//$'\n'/ } [${err:0:300}]"; fi
}

# The last line of stdout is one JSON object; its keys, its numbers (or null).
json_line() { tail -n 1 "$captured/out"; }
json_has_keys() {
  local line key
  line=$(json_line)
  [[ $line == "{"*"}" ]] || { echo "the last line is no object: ${line:0:200}"; return 1; }
  for key; do has "$line" "\"$key\":" || return 1; done
}
json_value() { json_line | sed -n "s/.*\"$1\":\\([^,}]*\\).*/\\1/p"; }

# start ARGUMENTS...: the program in the background, its process id in $pid, what it prints in started.out and
# started.err. Under job control, because a shell without it lets its background processes ignore Ctrl-C.
start() {
  set -m
  "$program" "$@" >"$captured/started.out" 2>"$captured/started.err" </dev/null &
  pid=$!
  set +m
  started+=("$pid")
}
# stopped [SIGNAL]: sends it where given, waits, and leaves the exit code in $code and the output in $out and $err.
stopped() {
  [ $# -eq 0 ] || kill -s "$1" "$pid" 2>/dev/null
  code=0
  wait "$pid" 2>/dev/null || code=$?
  cp "$captured/started.out" "$captured/out"
  cp "$captured/started.err" "$captured/err"
  out=$(<"$captured/out") err=$(<"$captured/err")
}
# until_true COMMAND...: waits for it while the started process lives, a minute at most.
until_true() {
  local tries=0
  until "$@"; do
    kill -0 "$pid" 2>/dev/null && [ $((tries += 1)) -lt 6000 ] || return 1
    sleep 0.01
  done
}

# make_cifar10 FOLDER: CIFAR-10's files with 64 images each, that a small network can tell apart a little: a class has a
# brightness, and every row its own noise.
make_cifar10() {
  mkdir -p "$1"
  awk -v folder="$1" 'BEGIN {
    split("data_batch_1 data_batch_2 data_batch_3 data_batch_4 data_batch_5 test_batch", names, " ")
    noise = 1
    for (f = 1; f <= 6; ++f) {
      file = folder "/" names[f] ".bin"
      for (r = 0; r < 64; ++r) {
        class = (r * 7 + f) % 10
        printf "%c", class > file
        for (row = 0; row < 96; ++row) {
          noise = (noise * 69069 + 12345) % 4294967296
          pixels = sprintf("%c", 1 + (class * 23 + int(noise / 33554432)) % 250)
          for (i = 0; i < 5; ++i) pixels = pixels pixels
          printf "%s", pixels > file
        }
      }
      close(file)
    }
  }'
  printf 'class %d\n' 0 1 2 3 4 5 6 7 8 9 >"$1/batches.meta.txt"
}

# The smallest network there is, at half a millisecond a step; one thread, so that other work on the machine disturbs less.
tiny=(--model vit-1x16 --patch 16 --heads 1 --batch-size 16 --warmup-epochs 0 --threads 1)
