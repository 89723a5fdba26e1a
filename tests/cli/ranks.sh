#!/usr/bin/env bash
# Several ranks (mpirun) against one: the same losses, the same decisions, and an end that names who is to blame. In a build
# without MPI: that it refuses to be started several times.
. tests/cli/lib/checks.sh

export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_btl_base_warn_component_unused=0
make_cifar10 data
tiny+=(--data cifar10:data --lane-size 2 --lr 3e-3)

### A launcher that this build or its MPI does not see
run info --json
mpi=$(json_value mpi)
if [ "$mpi" = false ]; then
  for variable in OMPI_COMM_WORLD_SIZE PMI_SIZE SLURM_STEP_NUM_TASKS SLURM_NTASKS; do
    export $variable=2
    refused "no MPI, $variable=2: refused" 2 "no MPI" "$variable" "2 of it" "make MPI=1" -- train "${tiny[@]}" --out none
    unset $variable
  done
  export SLURM_NTASKS=2 SLURM_JOB_ID=7
  run train "${tiny[@]}" --epochs 1 --quiet --out batch
  check "a batch script's SLURM_NTASKS is no launcher" equal "$code" 0
  unset SLURM_NTASKS SLURM_JOB_ID
  refused "compression, no MPI" 2 "--gradient-compression" "no MPI" "MPI=1" -- train "${tiny[@]}" --gradient-compression bf16 --out none
  skip "several ranks" "this build has no MPI (make test MPI=1)"
  finish
fi
. "$repository/tests/cli/lib/ranks.sh"

### The same losses, whatever the ranks: dense, and each kind of routing
# An epoch is one batch, so that log.csv has each step's loss; the last lane is smaller than the others.
cat >three.json <<'JSON'
{"superclasses": [["class 0", "class 1", "class 2", "class 3"], ["class 4", "class 5", "class 6"], ["class 7", "class 8", "class 9"]]}
JSON
steps=(train "${tiny[@]}" --model vit-2x16 --batch-size 316 --lane-size 8 --epochs 10 --drop-path 0.2 --eval-every 10 --quiet)
moe=(--experts 3 --moe-layers 1)
same_losses() {  # same_losses NAME FLAGS...
  local name=$1 n
  shift
  must_run "$name, 1 rank" "${steps[@]}" "$@" --out "$name-1"
  columns "$name-1" 4 >expected
  check "$name: the loss falls, or this shows nothing" awk 'NR == 1 { first = $1 } { last = $1 } END { exit !(last < 0.999 * first) }' expected
  for n in 2 3 4; do
    ranks $n "${steps[@]}" "$@" --out "$name-$n"
    check "$name, $n ranks: done" equal "$code $(ours)" "0 "
    columns "$name-$n" 4 >got
    check "$name, $n ranks: ten losses as on 1" close_numbers expected got 1e-5 10
    columns "$name-1" 7 | tail -n 1 >expected_test
    columns "$name-$n" 7 | tail -n 1 >got
    check "$name, $n ranks: the test loss as on 1" close_numbers expected_test got 1e-4 1
  done
}
same_losses dense --mixup 0.2 --ema 0.9 --holdout 0
same_losses superclass "${moe[@]}" --superclasses three.json
same_losses image "${moe[@]}" --routing image --balance importance-load --balance-weight 0.1 --router-noise --top-k 2 --accumulate 2
same_losses switch "${moe[@]}" --routing image --balance switch --balance-weight 0.1
same_losses drawn --data fractals:classes=12,genera=3,images=30,test=5 --patch 8
must_run "a teacher" train "${tiny[@]}" --model vit-1x32 --patch 8 --epochs 2 --quiet --out teacher
same_losses taught --mixup 0.2 --teacher teacher/last.safetensors --teacher-temperature 2
columns taught-1 16 >expected
columns taught-3 16 >got
check "taught, 3 ranks: the losses towards the teacher as on 1" close_numbers expected got 1e-5 10
same_losses token "${moe[@]}" --routing token --balance bias --capacity 1.05 --router-z-weight 0.001
check "two ranks are not one, or this shows nothing" different "$(cksum <dense-1/last.safetensors)" "$(cksum <dense-2/last.safetensors)"
ranks 2 "${steps[@]}" --mixup 0.2 --ema 0.9 --holdout 0 --out dense-again
check "the same ranks, the same bits" same_files dense-2/last.safetensors dense-again/last.safetensors

### Evaluation is shared, and is one rank's to the last bit
figures() { json_line | sed 's/"images_per_s":[^,}]*//'; }
must_run "a network to look at" train "${tiny[@]}" "${moe[@]}" --superclasses three.json --holdout 0.3 --epochs 2 --quiet --out looked
for command in "evaluate --per-class" "confusion --out 1.csv" "confusion --kind hard --out 1.csv"; do
  # shellcheck disable=SC2086 # words
  run $command --weights looked/last.safetensors --data cifar10:data --lane-size 2 --json
  one="$code $(figures)"
  # shellcheck disable=SC2086
  ranks 3 ${command/1.csv/3.csv} --weights looked/last.safetensors --data cifar10:data --lane-size 2 --json
  check "$command, 3 ranks: prints what 1 prints, once" equal "$code $(figures) $(wc -l <"$captured/out")" "$one 1"
  [ "$command" = "evaluate --per-class" ] || check "$command, 3 ranks: the same matrix" same_files 1.csv 3.csv
done

### Compressed gradients: nearly the same losses, of the same bits on every rank
compressed() {  # compressed N NAME: ten steps
  ranks "$1" "${steps[@]}" --mixup 0.2 --ema 0.9 --holdout 0 --gradient-compression "$2" --out "$2-$1"
  check "$2, $1 ranks: done" equal "$code $(ours)" "0 "
  columns "$2-$1" 4 >got
  columns dense-1 4 >expected
  check "$2, $1 ranks: ten losses nearly as on 1" close_numbers expected got "$3" 10
  check "$2, $1 ranks: it does something" different "$(cksum <"$2-$1/last.safetensors")" "$(cksum <"dense-$1/last.safetensors")"
}
compressed 2 bf16 3e-4
compressed 3 fp16 1e-4
ranks 3 "${steps[@]}" --mixup 0.2 --ema 0.9 --holdout 0 --gradient-compression fp16 --out fp16-again
check "fp16: the same ranks, the same bits" same_files fp16-3/last.safetensors fp16-again/last.safetensors
refused "compression, one rank" 2 "--gradient-compression" "one rank" "mpirun" -- train "${tiny[@]}" --gradient-compression bf16 --out none
refused "compression, one rank, pipeline" 2 "--gradient-compression" "one rank" -- pipeline "${tiny[@]}" --gradient-compression bf16 --out none
check "compression, one rank: nothing is left" absent none
network=$(dirname "$program")/network
if [ -x "$network" ]; then
  for n in 2 3 5; do
    code=0
    timeout 60 "${launch[@]}" -np $n "$network" 0 sum bf16 fp16 >network.txt 2>"$captured/err" || code=$?
    check "sums of $n ranks: the same bits on all" equal "$code $(ours)" "0 "
    # Of numbers as gradients are: error relative to the norm, of floats, and of what is sent rounded n times.
    check "sums of $n ranks: errors" awk '$1 == "kind" || $3 < 32768 { next } { ++lines } $1 == "sum" { bad += !($7 < 1e-7) }
      $1 == "bf16" { bad += !($7 > 1e-3 && $7 < 3e-3) } $1 == "fp16" { bad += !($7 > 1e-4 && $7 < 4e-4) } END { exit !(lines == 12 && !bad) }' network.txt
  done
else
  skip "sums of ranks" "there is no $network (make MPI=1 builds it)"
fi

### What only the engine shows: GoogleTests in two ranks
tests=$(dirname "$program")/mvmoe-tests
if [ -x "$tests" ]; then
  code=0
  timeout 60 "${launch[@]}" -np 2 "$tests" --gtest_color=no --gtest_filter='RanksComm.*' >"$captured/out" 2>"$captured/err" || code=$?
  check "GoogleTests in two ranks" equal "$code $(grep -c 'PASSED.* 1 test' "$captured/out")" "0 2"
else
  skip "GoogleTests in two ranks" "there is no $tests (make test builds it)"
fi

### Unreadable images: each rank reads its part, the job's are named and counted once
mkdir -p pictures/train/{a,b} pictures/val/{a,b}
for ((i = 0; i < 8; ++i)); do for folder in pictures/{train,val}/{a,b}; do cp "$repository/tests/golden/images/colour.png" "$folder/$i.png"; done; done
for i in 1 3 6; do echo no >"pictures/train/a/$i.png"; echo no >"pictures/val/b/$i.png"; done
seen=(train --data folder:pictures --image-size 16 --model vit-2x16 --patch 8 --batch-size 16 --lane-size 2 --epochs 1 --warmup-epochs 0 --threads 1)
run "${seen[@]}" --out seen-1
grep -o 'pictures/.*' "$captured/err" | grep stands | sort >expected
ranks 4 "${seen[@]}" --out seen-4
grep -o 'pictures/.*' "$captured/err" | grep stands | sort >got
check "unreadable images, 4 ranks: named as on 1, each once" equal "$code $(wc -l <got) $(cat got)" "0 6 $(cat expected)"
check "unreadable images, 4 ranks: the job's are counted" grep -q '6 images cannot be read so far' "$captured/err"
ranks 4 evaluate --weights seen-1/last.safetensors --data folder:pictures --lane-size 2
check "unreadable images, 4 ranks evaluate: named once" equal "$code $(grep -c 'stands in' "$captured/err")" "0 3"

### Stopped by a signal to one rank: all stop after the same step
long=(train "${tiny[@]}" --batch-size 64 --epochs 60 --save-every 7 --quiet --json)
ranks 4 "${long[@]}" --out whole
check "uninterrupted: done" equal "$code" 0
start_ranks 4 "${long[@]}" --out stopped
until_true rows stopped 3
kill -USR1 "$(process_of_rank 2)"
stopped
check "USR1 to rank 2: exit 75" equal "$code" 75
check "USR1 to rank 2: one line says where it stopped" equal "$(grep -c 'stopped by a signal at step' "$captured/err")" 1
saved=$(ls stopped/checkpoints | sort -t- -k2n | tail -n 1)
check "USR1 to rank 2: stopped on the way" between 1 "${saved#step-}" 299
for n in 1 2 4; do
  cp -r stopped resumed
  if [ $n = 1 ]; then run train --out resumed --resume --quiet --json; else ranks $n train --out resumed --resume --quiet --json; fi
  check "saved on 4 ranks, resumed on $n: goes on from there" equal "$code $(json_value resumed_at)" "0 ${saved#step-}"
  five_from "${saved#step-}" whole >expected
  five_from "${saved#step-}" resumed >got
  check "saved on 4 ranks, resumed on $n: the next losses are those of the whole run" close_numbers expected got 1e-5 "$(wc -l <expected)"
  [ $n != 4 ] || check "saved on 4 ranks, resumed on 4: the same weights" same_files whole/last.safetensors resumed/last.safetensors
  rm -r resumed
done

### A killed rank
start_ranks 3 "${long[@]}" --epochs 10000 --out killed
until_true rows killed 3
victim=$(process_of_rank 1) began=$SECONDS
kill -KILL "$victim"
stopped
check "kill -9 of rank 1: an error" different "$code" 0
check "kill -9 of rank 1: within 30 s" between 0 $((SECONDS - began)) 30
check "kill -9 of rank 1: it is named" grep -qiE 'rank 1\b' "$captured/err"
check "kill -9 of rank 1: nobody is left" equal "$(pgrep -f -- "^$program train .*--out killed" | grep -vx $$)" ""
# A stopped process is what a host that was cut off looks like to the others.
start_ranks 3 "${long[@]}" --epochs 10000 --comm-timeout 5 --out silent
until_true rows silent 3
victim=$(process_of_rank 1) began=$SECONDS
kill -STOP "$victim"
stopped
kill -KILL "$victim" 2>/dev/null
check "rank 1 falls silent: an error" different "$code" 0
check "rank 1 falls silent: within the timeout and a little" between 4 $((SECONDS - began)) 30
check "rank 1 falls silent: one line names it" grep -qE "^mvmoe: rank 1 .*process $victim.*--comm-timeout" "$captured/err"

### Ranks that do not belong together
short=(train "${tiny[@]}" --epochs 1 --quiet --out apart)
apart "another command line" 2 "rank 1" "--seed 2" "--seed 1" -- -np 1 "$program" "${short[@]}" --seed 1 : -np 1 "$program" "${short[@]}" --seed 2
cp "$program" other-build
echo >>other-build
apart "another build" 2 "rank 1" "build" -- -np 1 "$program" "${short[@]}" : -np 1 ./other-build "${short[@]}"
mkdir other
cp -r data other/data
printf '\11' | dd of=other/data/data_batch_5.bin bs=1 seek=3073 conv=notrunc status=none
apart "other data" 2 "rank 1" "data" -- -np 1 "$program" "${short[@]}" : -np 1 -wdir "$work/other" "$program" "${short[@]}"
rm other/data/test_batch.bin
apart "one rank's file is missing" 1 "rank 1" "test_batch.bin" -- -np 1 "$program" "${short[@]}" : -np 1 -wdir "$work/other" "$program" "${short[@]}"
mkdir far  # a host that sees the data and no other file
ln -s ../data far/data
guided=("${short[@]}" "${moe[@]}" --superclasses three.json)
apart "super-classes that one rank does not see" 1 "rank 1" "--superclasses" "three.json" -- -np 1 "$program" "${guided[@]}" : -np 1 -wdir "$work/far" "$program" "${guided[@]}"
sed 's/, "class 9"//; s/"class 0"/"class 9", &/' three.json >far/three.json
apart "other super-classes" 2 "rank 1" "--superclasses" -- -np 1 "$program" "${guided[@]}" : -np 1 -wdir "$work/far" "$program" "${guided[@]}"
started_from=("${short[@]}" "${moe[@]}" --routing image --init-from looked/last.safetensors)
apart "a start that one rank does not see" 1 "rank 1" "--init-from" -- -np 1 "$program" "${started_from[@]}" : -np 1 -wdir "$work/far" "$program" "${started_from[@]}"
looks=(evaluate --weights looked/last.safetensors --data cifar10:data --lane-size 2)
apart "weights that one rank does not see" 1 "rank 1" "--weights" -- -np 1 "$program" "${looks[@]}" : -np 1 -wdir "$work/far" "$program" "${looks[@]}"
staged=(pipeline "${tiny[@]}" --epochs 1 --experts 3 --moe-layers 1 --holdout 0.3 --quiet --out apart)
apart "a pipeline's folder that one rank does not see" 1 "rank 1" "--out" "every rank" -- -np 1 "$program" "${staged[@]}" : -np 1 -wdir "$work/far" "$program" "${staged[@]}"
absolute=("${staged[@]}" --model vit-2x16 --init-from dense-1/last.safetensors --out "$work/apart")
apart "a pipeline's start that one rank does not see" 1 "rank 1" "--init-from" -- -np 1 "$program" "${absolute[@]}" : -np 1 -wdir "$work/far" "$program" "${absolute[@]}"
apart "a wrong flag is said once" 2 "--epochs" -- -np 3 "$program" "${short[@]}" --epochs 0
apart "more ranks than lanes" 2 "--batch-size" "2 ranks" -- -np 3 "$program" "${short[@]}" --batch-size 4
check "none of them left anything" absent apart
mkdir -p held
run "${short[@]}" --out held
apart "a folder with a run" 2 "--out" "--resume" -- -np 2 "$program" "${short[@]}" --out held
ranks 3 train "${tiny[@]}" --epochs 3 --lr 1e30 --clip 0 --quiet --out diverged
check "the loss is no number: said once" equal "$code $(ours | wc -l) $(ours | grep -c 'not a number\|nan\|inf')" "1 1 1"
start_ranks 2 "${long[@]}" --epochs 10000 --out used
until_true rows used 1
ranks 2 "${long[@]}" --epochs 10000 --out used --resume
check "a folder that other ranks work in: refused, once" equal "$code $(ours | grep -c '^mvmoe: --out: .*process')" "1 1"
victim=$(process_of_rank 0)
kill -KILL "$victim"
stopped
check "kill -9 of rank 0: an error that names it" equal "$([ "$code" != 0 ] && grep -ciE 'rank 0\b' "$captured/err" | head -c 1 | tr '1-9' y)" y
check "MPI sees fewer ranks than the launcher started" equal "$(OMPI_COMM_WORLD_SIZE=2 timeout 60 "$program" "${short[@]}" 2>&1 | grep -c '^mvmoe: .*started 2 tasks.*MPI sees 1')" 1

### Threads and cores
ranks 2 train "${tiny[@]}" --epochs 1 --threads 500 --quiet --out crowded
check "more threads than cores: warned, with the numbers and flags" grep -qE '^mvmoe: warning: host .* has 1000 threads \(of 2 ranks\) on [0-9]+ cores: .*--threads.*mpirun.*srun' "$captured/err"
ranks 2 train "${tiny[@]}" --epochs 1 --threads 1 --out pinned
check "pinning is printed" grep -qE 'host .*: rank 0 1 thread on cores [0-9,-]+, rank 1 1 thread on cores' "$captured/err"

### Commands that one rank does, and the pipeline, that all do
ranks 2 summary --model vit-2x16 --image-size 32 --classes 10 --json
check "summary, 2 ranks: printed once" equal "$code $(grep -c macs "$captured/out")" "0 1"
pipeline=(pipeline "${tiny[@]}" --epochs 2 --experts 3 --moe-layers 1 --holdout 0.3 --threads 0 --quiet --json)
ranks 2 "${pipeline[@]}" --out method
check "pipeline, 2 ranks: done, with one result" equal "$code $(grep -c '"moe_top1"' "$captured/out")" "0 1"
check "pipeline, 2 ranks: all its files" [ -e method/report.html ]
run info --json
part=$(($(json_value cores) / 2))
check "pipeline, 2 ranks that share the cores: each compares with its part of them" equal "$(sed -n 's/^ "threads": \([0-9]*\),$/\1/p' method/comparison.json)" $((part > 0 ? part : 1))
ranks 3 "${pipeline[@]}" --out method
check "pipeline, given again on 3 ranks: nothing is done twice" equal "$code $(wc -l <method/moe/log.csv)" "0 3"
# The same from a network that was trained before.
from_file=(pipeline "${tiny[@]}" --model vit-2x16 --epochs 1 --experts 3 --moe-layers 1 --holdout 0.3 --quiet --json)
ranks 2 "${from_file[@]}" --init-from dense-1/last.safetensors --out begun
check "pipeline from a file, 2 ranks: done, both networks from it" \
  equal "$code $(grep -l '"init-from": "dense-1/last.safetensors"' begun/{dense,moe}/config.json | wc -l)" "0 2"
crc=$(gzip -c dense-1/last.safetensors | tail -c 8 | od -An -tu4 -N4 | tr -d ' ')
check "pipeline from a file, 2 ranks: the checkpoints say which" \
  equal "$(grep -l "\"start_crc32\": *$crc\b" begun/{dense,moe}/checkpoints/step-*/state.json | cut -d/ -f2 | sort -u | wc -l)" 2
mv dense-1 moved
ranks 3 "${from_file[@]}" --out begun
check "pipeline from a file, given again on 3 ranks when it is gone: nothing is done twice" \
  equal "$code $(wc -l <begun/moe/log.csv)" "0 2"
# A signal to another rank than the one that goes through the stages; of many images, so that it comes in the middle.
mkdir many
cp data/* many
for ((i = 0; i < 16; ++i)); do cat data/test_batch.bin; done >many/test_batch.bin
for n in 1 2 3 4 5; do for ((i = 0; i < 4; ++i)); do cat data/data_batch_$n.bin; done >many/data_batch_$n.bin; done
pipeline=(pipeline "${tiny[@]}" --data cifar10:many --model vit-2x64 --patch 4 --epochs 1 --experts 3 --moe-layers 1 --holdout 0.9 --quiet --out told)
for stage in confusion compare; do
  start_ranks 2 "${pipeline[@]}"
  until_true grep -qs "\"$stage\"" told/stages.json
  kill -USR1 "$(process_of_rank 1)"
  stopped
  check "USR1 to rank 1 in the stage $stage: exit 75" equal "$code" 75
done
ranks 2 "${pipeline[@]}"
check "the same command goes on" equal "$code $([ -e told/report.html ] && echo done)" "0 done"

finish
