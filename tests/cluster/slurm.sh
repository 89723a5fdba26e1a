#!/usr/bin/env bash
# The batch script under a real Slurm: two seeds and a run of two ranks are preempted by a job of higher
# priority, another job's time runs out. Each must save, be queued again, go on, and end with the weights of a run that nothing disturbed.
#   bash tests/cluster/slurm.sh build/mvmoe [preemption|ranks|limit]        (make slurm-test; five minutes on two idle cores)
. tests/cli/lib/checks.sh
. "$repository/tools/cluster/slurm_node.sh"
# A second Ctrl-C, or a signal to the group as well as to this shell, must not cut the taking down short.
trap 'trap "" INT TERM HUP; stop_node; clean_up' EXIT

if ! start_node "$scratch/node"; then
  not_ok "a Slurm node starts" "see above"
  finish
fi
ok "a Slurm node starts"

only=${2:-}
part() { [ -z "$only" ] || [ "$only" = "$1" ]; }

epochs_are() {  # of 2.5 s on an idle core
  steps=$(($1 * 445))
  recipe=(train --data glyphs --model vit-2x32 --patch 8 --batch-size 64 --epochs "$1" --warmup-epochs 0 --ema 0.9 --json)
}
submit() {  # submit RUNS [FLAG OF SBATCH]..: the array's number
  MVMOE=$program RUNS=$work/$1 sbatch --parsable --partition=low --cpus-per-task=1 --output="$work/$1-%a.out" "${@:2}" "$repository/tools/cluster/mvmoe.sbatch" "${recipe[@]}"
}
# comes NAME SECONDS COMMAND..: waits until it succeeds. Not by check, in whose subshell a signal to this script would wait.
comes() {
  local name=$1 until=$((SECONDS + $2))
  shift 2
  until "$@" >/dev/null 2>&1; do
    if ((SECONDS >= until)); then
      not_ok "$name" "not in time; the queue: $(squeue -h -o '%i %T %r;' 2>&1 | tr '\n' ' '); the jobs' last words: $(tail -n 4 "$work"/*.out 2>&1 | tr '\n' ' ')"
      return 1
    fi
    sleep 0.5
  done
  ok "$name"
}
field() { scontrol -o show job "$1" | grep -o " $2=[^ ]*" | cut -d= -f2; }  # field JOB NAME
is() { [ "$(field "$1" "$2")" = "$3" ]; }
over() { case $(field "$1" JobState) in PENDING | RUNNING | COMPLETING | '') return 1 ;; esac; }
logged() { [ "$(wc -l <"$1/log.csv")" -gt 1 ]; }  # an epoch is over
# values FILE KEY: of each life that wrote into the file, in order.
values() { sed -n "s/^{.*\"$2\":\\([^,}]*\\).*/\\1/p" "$1" | tr '\n' ' '; }

undisturbed() {  # undisturbed SEED FOLDER [mpirun..]
  local seed=$1 folder=$2
  shift 2
  set -m
  "$@" "$program" "${recipe[@]}" --threads 1 --seed "$seed" --out "$folder" --quiet >"$captured/started.out" 2>"$captured/started.err" </dev/null &
  pid=$!
  set +m
  started+=("$pid")
  stopped
  set -- "$seed"
  check "seed $1, outside of Slurm: nothing disturbed it" equal "$code $(json_value resumed_at) $(json_value executed_steps)" "0 0 $steps"
}
ended_as() {  # ended_as WHOLE NAME JOB FILE RUN: the job's run ends as the undisturbed one
  local whole=$1 name=$2 job=$3 file=$4 run=$5 resumed executed one sum=0
  comes "$name: ends" 1200 over "$job" || finish
  check "$name: ends well" equal "$(field "$job" JobState)" COMPLETED
  check "$name: was queued again" between 1 "$(field "$job" Restarts)" 99
  check "$name: each life's output is there" equal "$(grep -c '^== .* start ' "$file")" $(($(field "$job" Restarts) + 1))
  check "$name: saved on the signal" grep -q "^mvmoe: stopped by a signal at step [0-9]* of $steps, saved" "$file"
  check "$name: exits with 75, then with 0" equal "$(sed -n 's/^== .* exit //p' "$file" | sort -rn | uniq | tr '\n' ' ')" "75 0 "
  # Each life begins where the one before ended, and not at 0.
  read -ra resumed <<<"$(values "$file" resumed_at)"
  read -ra executed <<<"$(values "$file" executed_steps)"
  for one in "${!executed[@]}"; do
    check "$name: life $((one + 1)) begins at step $sum" equal "${resumed[one]}" $sum
    sum=$((sum + executed[one]))
  done
  check "$name: all lives together execute each step once" equal $sum $steps
  check "$name: ends with the uninterrupted run's weights" same_files "$whole/last.safetensors" "$run/last.safetensors"
  check "$name: and their average" same_files "$whole/ema.safetensors" "$run/ema.safetensors"
  check "$name: and its log" equal "$(cut -d, -f1-10 "$run/log.csv")" "$(cut -d, -f1-10 $whole/log.csv)"
}

preempted() {  # by a job that wants the whole node
  local high
  high=$(sbatch --parsable --partition=high --ntasks=2 --output="$work/high.out" --wrap 'sleep 2')
  comes "the job of higher priority runs" 120 over "$high"
}

### Preemption
if part preemption; then
  epochs_are 6
  array=$(submit preempted --array=0-1)
  for seed in 0 1; do comes "seed $seed runs" 300 logged "preempted/seed-$seed" || finish; done
  preempted
  for seed in 0 1; do comes "seed $seed was queued again" 60 is "${array}_$seed" Restarts 1; done
  for seed in 0 1; do undisturbed $seed whole/seed-$seed; done
  for seed in 0 1; do ended_as "whole/seed-$seed" "seed $seed, preempted" "${array}_$seed" "preempted-$seed.out" preempted/seed-$seed; done
fi

### Two ranks
if ! part ranks; then
  :
elif "$program" info | grep -q '^mpi .*MPI'; then
  epochs_are 6
  array=$(submit ranks --array=3 --nodes=1 --ntasks-per-node=2)
  comes "two ranks run" 300 logged ranks/seed-3 || finish
  preempted
  comes "two ranks were queued again" 60 is "${array}_3" Restarts 1
  undisturbed 3 two mpirun --allow-run-as-root --oversubscribe --bind-to none -np 2
  ended_as two "two ranks, preempted" "${array}_3" ranks-3.out ranks/seed-3
  check "two ranks, preempted: they were two" grep -q '2 ranks of 1 threads' ranks-3.out
else
  skip "two ranks" "this build has no MPI"
fi

### The time limit, of which --signal warns: Slurm looks for that every 30 s
if part limit; then
  epochs_are 18
  array=$(submit limited --array=2 --time=1 --signal=USR1@58)
  comes "out of time: was queued again" 300 is "${array}_2" Restarts 1 || finish
  scontrol update "JobId=${array}_2" TimeLimit=UNLIMITED
  undisturbed 2 longer
  ended_as longer "out of time" "${array}_2" limited-2.out limited/seed-2
fi

### The script's own errors
job=$(MVMOE=$program sbatch --parsable --array=0 --cpus-per-task=1 --output="$work/bare.out" "$repository/tools/cluster/mvmoe.sbatch")
comes "without a command: ends" 120 over "${job}_0"
check "without a command: says what to write" grep -q '^mvmoe.sbatch: say what to run' bare.out

# What PMIx would make is there already, as a job of the same number may have left it.
job=$(RUNS=$work/unstarted sbatch --parsable --hold --array=0 --ntasks=2 --cpus-per-task=1 --output="$work/unstarted.out" "$repository/tools/cluster/mvmoe.sbatch" info)
mkdir "$node/tmp/spmix_appdir_$(id -u)_$job.0"
scontrol release "$job"
comes "a node that cannot start the program: ends" 120 over "${job}_0"
check "a node that cannot start the program: the job has failed" equal "$(field "${job}_0" JobState)" FAILED
check "a node that cannot start the program: is said" grep -q '^mvmoe.sbatch: srun did not start the program' unstarted.out

stop_node
check "nothing of the node is left" equal "$(node_processes)" ""
finish
