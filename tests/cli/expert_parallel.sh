#!/usr/bin/env bash
# Experts on ranks of their own (train and pipeline --expert-parallel, mpirun): the same losses as where one rank has them all,
# checkpoints that any number of ranks goes on with, and the memory of a rank.
. tests/cli/lib/checks.sh

export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_btl_base_warn_component_unused=0
make_cifar10 data
tiny+=(--data cifar10:data --lane-size 2 --lr 3e-3)
run info --json
if [ "$(json_value mpi)" = false ]; then
  skip "experts on several ranks" "this build has no MPI (make test MPI=1)"
  finish
fi
. "$repository/tests/cli/lib/ranks.sh"

steps=(train "${tiny[@]}" --model vit-2x16 --batch-size 316 --lane-size 8 --epochs 10 --drop-path 0.2 --eval-every 10 --quiet)
long=(train "${tiny[@]}" --batch-size 64 --epochs 60 --save-every 7 --quiet --json)
short=(train "${tiny[@]}" --epochs 1 --quiet --out none)

### The same losses, wherever experts live
# Super-classes of unequal size; parameters of several chunks.
cat >five.json <<'JSON'
{"superclasses": [["class 0"], ["class 1", "class 2", "class 3", "class 4"], ["class 5", "class 6"], ["class 7"], ["class 8", "class 9"]]}
JSON
five=(--experts 5 --moe-layers 2 --model vit-3x32)
spread_over() {  # spread_over RANKS NAME FLAGS...: the losses of experts spread over so many ranks, and those of one rank that has them all
  local name=$2 n over=$1
  shift 2
  must_run "$name, not spread" "${steps[@]}" "$@" --out "$name-whole"
  columns "$name-whole" 4 >expected
  columns "$name-whole" 7 | tail -n 1 >expected_test
  for n in $over; do
    if [ "$n" = 1 ]; then run "${steps[@]}" "$@" --expert-parallel --out "$name-$n"; else ranks "$n" "${steps[@]}" "$@" --expert-parallel --out "$name-$n"; fi
    check "$name, $n ranks: done" equal "$code $(ours)" "0 "
    columns "$name-$n" 4 >got
    check "$name, $n ranks: ten losses as with all experts on one" close_numbers expected got 1e-5 10
    columns "$name-$n" 7 | tail -n 1 >got
    check "$name, $n ranks: the test loss as with all experts on one" close_numbers expected_test got 1e-4 1
  done
}
same_spread() { spread_over "1 2 3 4" "$1" "${five[@]}" "${@:2}"; }
same_spread superclass --superclasses five.json --mixup 0.2 --ema 0.9 --holdout 0
must_run "a teacher" train "${tiny[@]}" --model vit-1x32 --patch 8 --epochs 2 --quiet --out teacher
teacher=(--teacher teacher/last.safetensors --teacher-weight 0.7)
spread_over "1 2 4" taught "${five[@]}" --superclasses five.json --accumulate 2 "${teacher[@]}"
spread_over "1 3" taught-tokens "${five[@]}" --routing token --balance bias "${teacher[@]}" --teacher-targets hard
same_spread image --routing image --balance importance-load --balance-weight 0.1 --router-noise --accumulate 2
same_spread top2 --routing image --top-k 2 --balance importance-load --balance-weight 0.1 --router-noise --shared-experts 1
same_spread token --routing token --balance bias --capacity 1.05 --router-z-weight 0.001 --accumulate 2
same_spread switch --routing image --balance switch --balance-weight 0.1 --shared-experts 1 --optimizer sgd --lr 0.1
ranks 2 "${steps[@]}" "${five[@]}" --superclasses five.json --mixup 0.2 --ema 0.9 --holdout 0 --expert-parallel --out again
check "the same ranks, the same bits" same_files superclass-2/last.safetensors again/last.safetensors
for name in superclass token; do
  run evaluate --weights $name-3/last.safetensors --data cifar10:data --lane-size 8 --json
  check "$name: a file written by 3 ranks holds the network that they evaluated" equal "$(printf '%.4f' "$(json_value loss)")" "$(printf '%.4f' "$(columns $name-3 7 | tail -n 1)")"
done

spread=("${long[@]}" "${five[@]}" --superclasses five.json --expert-parallel)
saved_and_resumed() {  # saved_and_resumed NAME HOW...: what 4 ranks with $flags saved at a signal to one goes on as on these
  local name=$1 how n saved
  shift
  ranks 4 "${flags[@]}" --out whole
  check "$name, uninterrupted: done" equal "$code" 0
  start_ranks 4 "${flags[@]}" --out stopped
  until_true rows stopped 3
  kill -USR1 "$(process_of_rank 2)"
  stopped
  check "$name, USR1 to rank 2: exit 75" equal "$code" 75
  saved=$(ls stopped/checkpoints | sort -t- -k2n | tail -n 1)
  five_from "${saved#step-}" whole >expected
  for how; do
    cp -r stopped resumed
    n=${how%% *}
    # shellcheck disable=SC2086 # words
    if [ "$n" = 1 ]; then run train --out resumed --resume --quiet --json ${how#1}; else ranks "$n" train --out resumed --resume --quiet --json ${how#"$n"}; fi
    check "$name, saved on 4, resumed on $how: goes on from there" equal "$code $(json_value resumed_at)" "0 ${saved#step-}"
    five_from "${saved#step-}" resumed >got
    check "$name, saved on 4, resumed on $how: the next losses are those of the whole run" close_numbers expected got 1e-5 "$(wc -l <expected)"
    [ "$n" != 4 ] || check "$name, saved on 4, resumed on 4: the same weights" same_files whole/last.safetensors resumed/last.safetensors
    rm -r resumed
  done
  rm -r whole stopped
}
flags=("${spread[@]}")
saved_and_resumed "5 experts" "1" "2" "1 --expert-parallel" "2 --expert-parallel" "4 --expert-parallel"
start_ranks 3 "${spread[@]}" --epochs 10000 --out killed
until_true rows killed 3
began=$SECONDS
kill -KILL "$(process_of_rank 1)"
stopped
check "kill -9 of rank 1: an error, within 30 s" equal "$([ "$code" -ne 0 ] && [ $((SECONDS - began)) -lt 30 ] && echo yes)" yes
check "kill -9 of rank 1: it is named" grep -qiE 'rank 1\b' "$captured/err"

# Memory: most of this network is its experts.
large=(train "${tiny[@]}" --model vit-2x64 --mlp-ratio 48 --experts 32 --moe-layers 1 --routing image --batch-size 64 --epochs 10000 --quiet)
resident() {  # resident FLAGS...: MiB of rank 1 of 4, after some steps
  start_ranks 4 "${large[@]}" "$@"
  until_true rows "${!#}" 1
  mib=$(awk '/VmRSS/ { print int($2 / 1024) }' "/proc/$(process_of_rank 1)/status")
  kill -KILL "$(process_of_rank 1)"
  stopped
}
resident --out all
all=$mib
resident --expert-parallel --out part
check "a rank of 4 has less than half of the memory (MiB: $mib of $all)" between 1 "$mib" $((all / 2))

ranks 2 train "${tiny[@]}" "${five[@]}" --superclasses five.json --expert-parallel --epochs 1 --out said
check "where experts live is said, with the load that is expected" equal "$(grep '^experts: ' "$captured/err")" \
  "experts: rank 0 experts 0 1 (50.0 % of the load), rank 1 experts 2 3 4 (50.0 % of the load)"
refused "a dense network" 2 "--expert-parallel" "--experts" -- train "${tiny[@]}" --expert-parallel --out none
apart "ranks that make no groups" 2 "--expert-parallel" "3 ranks" "2 or 4 ranks" -- -np 3 "$program" "${short[@]}" --experts 2 --moe-layers 1 --routing image --expert-parallel
check "none of them left anything" absent none

### More ranks than experts: groups, each of which has every expert
cat >two.json <<'JSON'
{"superclasses": [["class 0", "class 3", "class 7"], ["class 1", "class 2", "class 4", "class 5", "class 6", "class 8", "class 9"]]}
JSON
cat >three.json <<'JSON'
{"superclasses": [["class 0"], ["class 1", "class 2", "class 3", "class 4", "class 5", "class 6"], ["class 7", "class 8", "class 9"]]}
JSON
groups=(--moe-layers 2 --model vit-3x32)
# SGD, since AdamW makes the same step of a gradient that is scaled.
spread_over 4 groups-superclass "${groups[@]}" --experts 2 --superclasses two.json --optimizer sgd --lr 0.5 --clip 0.5 --mixup 0.2 --ema 0.9 --holdout 0
spread_over 4 groups-superclass-3 "${groups[@]}" --experts 3 --superclasses three.json --optimizer sgd --lr 0.5 --clip 0.5
spread_over 4 groups-image "${groups[@]}" --experts 3 --routing image --balance importance-load --balance-weight 0.1 --router-noise --accumulate 2
spread_over 4 groups-token "${groups[@]}" --experts 2 --routing token --balance bias --capacity 1.05 --router-z-weight 0.001 --accumulate 2 --optimizer sgd --lr 0.5 --clip 0.5
for file in groups-superclass groups-image groups-token; do
  run evaluate --weights $file-4/last.safetensors --data cifar10:data --lane-size 8 --json
  check "$file: the file holds the network that was evaluated" equal "$(printf '%.4f' "$(json_value loss)")" "$(printf '%.4f' "$(columns $file-4 7 | tail -n 1)")"
done
ranks 4 "${steps[@]}" "${groups[@]}" --experts 2 --superclasses two.json --optimizer sgd --lr 0.5 --clip 0.5 --mixup 0.2 --ema 0.9 --holdout 0 --gradient-compression bf16 --expert-parallel --out bf16
columns groups-superclass-whole 4 >expected
columns bf16 4 >got
check "groups, bf16: ten losses nearly as with all experts on one" close_numbers expected got 1e-3 10
flags=("${long[@]}" --epochs 20 "${groups[@]}" --experts 3 --superclasses three.json --expert-parallel)
saved_and_resumed "groups" "1" "2 --expert-parallel" "4 --expert-parallel"

# A signal to one rank while all evaluate: its group stops there, the other is done with its part, and all end alike. Its
# neighbour stands still until it has come, or the evaluation might be done before.
mkdir many
cp data/* many
for ((i = 0; i < 16; ++i)); do cat data/test_batch.bin; done >many/test_batch.bin
slow=(train "${tiny[@]}" --data cifar10:many --model vit-2x64 --patch 4 --lane-size 1 --batch-size 300 --epochs 1 --experts 2 --moe-layers 1 --superclasses two.json --expert-parallel)
ranks 4 "${slow[@]}" --out judged
check "groups are said" equal "$(grep '^experts' "$captured/err")" "experts, in 2 groups of 2 ranks: rank 0 experts 1 (70.6 % of the load), rank 1 experts 0 (29.4 % of the load)"
start_ranks 4 "${slow[@]}" --out unjudged
until_true [ -e unjudged/config.json ]
neighbour=$(process_of_rank 2) told=$(process_of_rank 3)
until_true grep -qs '"evaluation_pending": *true' unjudged/checkpoints/step-1/state.json
kill -STOP "$neighbour"
kill -USR1 "$told"
sleep 0.1
kill -CONT "$neighbour"
stopped
check "USR1 to rank 3 while it evaluates: exit 75, and the evaluation is still to come" equal "$code $(grep -c '"evaluation_pending": *true' unjudged/checkpoints/step-1/state.json)" "75 1"
ranks 4 train --out unjudged --resume --quiet
check "it goes on with the evaluation" equal "$code $(columns unjudged 5-9)" "0 $(columns judged 5-9)"

### The pipeline, whose sparse network alone has experts
pipeline=(pipeline "${tiny[@]}" --epochs 2 --experts 3 --moe-layers 1 --holdout 0.3 --quiet --json)
ranks 4 "${pipeline[@]}" --expert-parallel --out method
check "pipeline, spread over 4 ranks in 2 groups: done, with one result" equal "$code $(grep -c '"moe_top1"' "$captured/out")" "0 1"

finish
