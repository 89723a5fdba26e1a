#!/usr/bin/env bash
# Stopping, dying and going on: whatever happens to a run, its end is the same, bit for bit.
. tests/cli/lib/checks.sh

make_cifar10 data
# 256 training images: 16 steps an epoch, 320 steps in all, a checkpoint every 10 and at each epoch's end.
steps=320 epochs=20 save_every=10
# Steps of half a millisecond and more, so that a run is still going when it has been seen to be halfway.
recipe=(train --data cifar10:data "${tiny[@]}" --model vit-1x32 --patch 4 --epochs $epochs --holdout 0.2 --lr 3e-3 --ema 0.9 --seed 7 --save-every $save_every
  --rand-augment rand-m9-mstd0.5-inc1 --random-erasing 0.25 --mixup 0.8 --cutmix 1 --repeated-augment 3)
milliseconds() { echo $(($(date +%s%N) / 1000000)); }
before=$(milliseconds)
must_run "the run that nothing disturbs" "${recipe[@]}" --quiet --json --out whole
took=$(($(milliseconds) - before))
check "an undisturbed run starts at step 0" equal "$(json_value resumed_at)" 0
check "an undisturbed run executes all its steps" equal "$(json_value executed_steps)" $steps

ends_as_whole() {
  local file
  for file in last best ema; do same_files whole/$file.safetensors "$1/$file.safetensors" || return 1; done
}
# Every epoch once, in order, with the figures of the undisturbed run; the times and speeds in the last two columns differ.
log_as_whole() {
  equal "$(cut -d, -f1 "$1/log.csv" | tail -n +2 | tr '\n' ' ')" "$(seq $epochs | tr '\n' ' ')" &&
    equal "$(cut -d, -f1-10 "$1/log.csv" | tr -d '\r')" "$(cut -d, -f1-10 whole/log.csv)"
}
goes_on() {  # goes_on NAME FOLDER [FLAG]...: the run there is resumed, not begun again, and ends as the undisturbed one
  local name=$1 folder=$2 at did
  shift 2
  run "${recipe[@]}" --quiet --json --out "$folder" --resume "$@"
  check "$name: goes on" equal "$code" 0
  at=$(json_value resumed_at) did=$(json_value executed_steps)
  check "$name: starts after step 0" between 1 "$at" $steps
  check "$name: executes the rest, no more" equal "$((at + did))" $steps
  check "$name: ends with the same weights" ends_as_whole "$folder"
  check "$name: logs each epoch once" log_as_whole "$folder"
}
rows() { [ -e "$1/log.csv" ] && [ "$(wc -l <"$1/log.csv")" -gt "$2" ]; }
fresh() { rm -rf "$1"; cp -a interrupted "$1"; }

### Signals
stop_by() {  # stop_by SIGNAL CODE FOLDER
  start "${recipe[@]}" --quiet --out "$3"
  until_true rows "$3" 2
  stopped "$1"
  check "SIG$1 exits with $2" equal "$code" "$2"
  check "SIG$1 says where it stopped and how to go on" grep -q "^mvmoe: .*step [0-9]* of $steps.*--resume" "$captured/err"
  check "SIG$1 prints the best so far" grep -q 'best weights: [0-9.]* %' "$captured/out"
  named=$(grep -o "$3/checkpoints/step-[0-9]*" "$captured/err")
  check "SIG$1 has saved the checkpoint it names" "$program" info "$named"
  check "SIG$1 leaves no lock" absent "$3/lock"
}
stop_by INT 130 interrupted
stop_by TERM 75 by-term
stop_by USR1 75 by-usr1
# Whoever started these tests may have SIGHUP ignored (nohup), and so would the program, rightly.
if (( 0x$(awk '/^SigIgn/ {print $2}' /proc/self/status) & 1 )); then
  skip "SIGHUP" "it is ignored here, as under nohup"
else
  stop_by HUP 75 by-hup
  goes_on "after SIGHUP" by-hup
fi
fresh by-int
for signal in int term usr1; do goes_on "after SIG${signal^^}" by-$signal; done

start "${recipe[@]}" --quiet --json --out early --epochs 4000
until_true rows early 1
stopped INT
check "Ctrl-C exits with 130 with --json too" equal "$code" 130
check "Ctrl-C with --json: the object of a whole run" json_has_keys top1 best_top1 steps executed_steps resumed_at

# Whoever starts a run under nohup means that a closing terminal does not stop it.
set -m
(trap '' HUP; exec "$program" "${recipe[@]}" --quiet --json --out nohup) >"$captured/started.out" 2>"$captured/started.err" </dev/null &
pid=$!
set +m
started+=("$pid")
until_true rows nohup 1
stopped HUP
check "under nohup, SIGHUP stops nothing" equal "$code" 0
check "under nohup, SIGHUP: the run ends" equal "$(json_value steps)" $steps

### A step of many seconds: the second Ctrl-C, and the lock
slow=(train --data cifar10:data --model vit-2x256 --patch 2 --batch-size 320 --epochs 1 --warmup-epochs 0 --threads 1)
# The run has said what it trains, and takes SIGTERM (by a handler, or by a thread that waits for it).
begun() {
  local caught
  grep -q 'on cifar10:data' "$captured/started.err" || return 1
  for caught in $(sed -n 's/^Sig\(Blk\|Cgt\):[[:space:]]*//p' "/proc/$pid/status" 2>/dev/null); do
    [ $((0x$caught & 0x4000)) -eq 0 ] || return 0
  done
  return 1
}
start "${slow[@]}" --out slow
until_true begun
sleep 0.3
refused "a second process in the folder" 1 --out "process $pid" -- "${slow[@]}" --quiet --out slow --resume
refused "a second process, --overwrite" 1 --out "process $pid" -- "${slow[@]}" --quiet --out slow --overwrite
refused "a second process does not look into the folder" 1 --out "process $pid" -- "${slow[@]}" --quiet --out slow --resume --lr 1
check "the first process lives on" kill -0 "$pid"
kill -INT "$pid"
sleep 0.3
check "the first Ctrl-C waits for the step" kill -0 "$pid"
check "the first Ctrl-C is answered at once" grep -q '^mvmoe: stopping' "$captured/started.err"
before=$(milliseconds)
stopped INT
check "the second Ctrl-C exits with 130" equal "$code" 130
check "the second Ctrl-C ends at once" between 0 $(($(milliseconds) - before)) 1000

start "${slow[@]}" --out slow --overwrite
until_true begun
stopped KILL
check "a killed process leaves its lock" [ -e slow/lock ]
run "${recipe[@]}" --quiet --json --out slow --overwrite
check "the lock of a killed process does not block" equal "$code" 0
check "--overwrite leaves nothing of the run before" ends_as_whole slow

### Signals in the middle of a matrix product. oneDNN's kernels use the stack pointer for other things: a handler that
### runs on the computing thread's own stack then writes into the weights.
heavy=(train --data cifar10:data --model vit-2x128 --patch 4 --batch-size 320 --epochs 1 --warmup-epochs 0 --threads 1)
must_run "one large step" "${heavy[@]}" --quiet --out calm
start "${heavy[@]}" --out storm
until_true begun
sleep 0.1
for ((i = 0; i < 300; ++i)); do
  kill -TERM "$pid" 2>/dev/null || break
  sleep 0.003
done
stopped
check "hundreds of signals in one step: exits with 75" equal "$code" 75
check "hundreds of signals in one step: the same weights" same_files calm/last.safetensors storm/last.safetensors

### Stopped in the middle of an evaluation: it is left, and done when the run goes on
cp -r data long-test
for ((i = 0; i < 200; ++i)); do cat data/test_batch.bin; done >long-test/test_batch.bin
evaluated=(train --data cifar10:long-test "${tiny[@]}" --model vit-2x64 --patch 4 --epochs 2 --holdout 0.2 --keep 1 --quiet)
before=$(milliseconds)
must_run "long evaluations that nothing disturbs" "${evaluated[@]}" --out patient
took_evaluating=$((($(milliseconds) - before) / 2))
as_patient() {
  same_files patient/last.safetensors "$1/last.safetensors" && same_files patient/best.safetensors "$1/best.safetensors" &&
    equal "$(cut -d, -f1-10 "$1/log.csv")" "$(cut -d, -f1-10 patient/log.csv)"
}
for signal in TERM KILL; do
  start "${evaluated[@]}" --out "patient-$signal"
  until_true [ -e "patient-$signal/checkpoints/step-16" ]
  before=$(milliseconds)
  stopped $signal
  check "SIG$signal during an evaluation does not wait for it" between 0 $(($(milliseconds) - before)) $((took_evaluating / 2))
  check "SIG$signal during an evaluation: its row is not written" eval "! rows patient-$signal 1"
  check "SIG$signal during an evaluation: the checkpoint says so" grep -q '"evaluation_pending": true' patient-$signal/checkpoints/step-16/state.json
  run "${evaluated[@]}" --json --out "patient-$signal" --resume
  check "after SIG$signal during an evaluation: goes on" equal "$code $(json_value resumed_at) $(json_value executed_steps)" "0 16 16"
  check "after SIG$signal during an evaluation: ends as undisturbed" as_patient "patient-$signal"
  check "after SIG$signal during an evaluation: --keep 1 is kept to" equal "$(ls patient-$signal/checkpoints)" step-32
done

### kill -9, ten times at moments that differ from run to run
executed() { cat killed.*.err 2>/dev/null | grep -c '^epoch .* step '; }
kills=0
for ((i = 0; i < 24 && kills < 10; ++i)); do
  start "${recipe[@]}" --log-interval 1 --out killed --resume
  until_true begun
  sleep "$(awk -v ms=$((took / 40 + RANDOM % (took / 8 + 1))) 'BEGIN { print ms / 1000 }')"
  stopped KILL
  cp "$captured/err" killed.$i.err
  [ "$code" -eq 137 ] && kills=$((kills + 1))
  ls killed/checkpoints 2>/dev/null | grep -qx "step-$steps" && break
done
check "killed at least twice before the end" [ $kills -ge 2 ]
run "${recipe[@]}" --log-interval 1 --json --out killed --resume
cp "$captured/err" killed.last.err
check "after kill -9: goes on" equal "$code" 0
check "after kill -9: starts after step 0" between 1 "$(json_value resumed_at)" $steps
check "after kill -9: ends with the same weights" ends_as_whole killed
check "after kill -9: logs each epoch once" log_as_whole killed
check "after kill -9: steps done twice are at most the interval for each kill" between $((steps - kills)) "$(executed)" $((steps + kills * save_every))
check "after kill -9: nothing half-written is left" equal "$(find killed -name 'unfinished-*' -o -name '*.tmp')" ""

### Damaged checkpoints
newest() { ls "$1/checkpoints" | sort -t- -k2n | tail -n 1; }
damaged() {  # damaged NAME COMMAND: with $file the newest checkpoint's folder
  fresh hurt
  file=hurt/checkpoints/$(newest hurt)
  eval "$2"
  run "${recipe[@]}" --json --out hurt --resume
  check "$1: goes on" equal "$code" 0
  check "$1: warns and names it" grep -q "warning.*$file" "$captured/err"
  check "$1: starts at the checkpoint before" between 1 "$(json_value resumed_at)" $((${file##*-} - 1))
  check "$1: ends with the same weights" ends_as_whole hurt
  check "$1: logs each epoch once" log_as_whole hurt
}
flip_byte() { printf '\125' | dd of="$1" bs=1 seek=$(($(stat -c %s "$1") - ${2:-1000})) conv=notrunc status=none; }
damaged "a byte changed in the weights" 'flip_byte $file/weights.safetensors'
damaged "a byte changed in the moments" 'flip_byte $file/moments.safetensors'
damaged "a byte changed in the average" 'flip_byte $file/ema.safetensors'
damaged "weights cut" 'truncate -s 30000 $file/weights.safetensors'
damaged "state.json empty" ': >$file/state.json'
damaged "moments missing" 'rm $file/moments.safetensors'
fresh hurt
for one in hurt/checkpoints/*/weights.safetensors; do flip_byte "$one"; done
refused "all checkpoints damaged" 1 hurt/checkpoints CRC -- "${recipe[@]}" --quiet --out hurt --resume

### What --resume finds
run "${recipe[@]}" --quiet --json --out none --resume
check "--resume without a run starts afresh" equal "$code $(json_value resumed_at)" "0 0"
check "--resume without a run ends as any" ends_as_whole none
before=$(fingerprint whole)
run "${recipe[@]}" --quiet --json --out whole --resume
check "--resume of a run that ended does nothing" equal "$code $(json_value executed_steps)" "0 0"
check "--resume of a run that ended changes nothing" equal "$(fingerprint whole)" "$before"
run train --quiet --json --out whole --resume
check "--resume needs no other flag" equal "$code $(json_value resumed_at)" "0 $steps"
refused "a folder with a run, no --resume" 2 --out --resume --overwrite -- "${recipe[@]}" --quiet --out whole

fresh bare
for contradiction in "--lr 1" "--epochs 11" "--model vit-2x32" "--seed 8" "--holdout 0.1" "--data glyphs" "--batch-size 32" "--patch 8" \
  "--clip 2" "--ema 0.99" "--weight-decay 0" "--lane-size 4" "--no-qkv-bias" "--crop none"; do
  # shellcheck disable=SC2086 # two words
  refused "--resume with another $contradiction" 2 "${contradiction%% *}" bare -- train --quiet --out bare --resume $contradiction
done
refused "--resume with another --recipe: it is named, and what it sets" 2 "--recipe light sets --" bare -- train --quiet --out bare --resume --recipe light
goes_on "the same numbers written otherwise" bare --lr 0.003 --threads 2 --keep 1

fresh bare
rm bare/config.json
before=$(fingerprint bare)
run "${recipe[@]}" --model vit-2x32 --quiet --out bare --resume
check "--resume where config.json is gone, another model: refused" different "$code" 0
check "--resume where config.json is gone, another model: nothing changes" equal "$(fingerprint bare)" "$before"
goes_on "config.json is gone, the same flags" bare
fresh bare
echo '{' >bare/config.json
refused "--resume where config.json is damaged" 1 bare/config.json -- "${recipe[@]}" --quiet --out bare --resume

### Folders that were touched meanwhile
fresh elsewhere
mkdir -p deep/er
mv elsewhere deep/er/moved
goes_on "the folder was moved" deep/er/moved
# The data may be moved, but not be other data.
fresh follows
cp -r data moved-data
goes_on "the data was moved" follows --data cifar10:moved-data
check "the data was moved: config.json says where it is now" grep -q '"data": "cifar10:moved-data"' follows/config.json
fresh follows
mv data put-away
run train --quiet --json --out follows --resume
check "the data is gone: the flag is named" equal "$(complaints 1 data --data)" ""
before=$(fingerprint follows)
cp -r put-away data
flip_byte data/data_batch_2.bin
refused "a training image was changed" 2 --data cifar10:data follows/checkpoints -- train --quiet --out follows --resume
cp put-away/data_batch_2.bin data
printf '\11' | dd of=data/data_batch_5.bin bs=1 seek=3073 conv=notrunc status=none
refused "a training label was changed" 2 --data cifar10:data follows/checkpoints -- train --quiet --out follows --resume
refused "the changed data in another place" 2 --data cifar10:./data -- train --quiet --out follows --resume --data cifar10:./data
check "changed data: the run is as it was" equal "$(fingerprint follows)" "$before"
rm -r data
mv put-away data
fresh real
ln -s real link
goes_on "the folder is a symbolic link" link
check "the link is still one" [ -L link ]
fresh crlf
sed -i 's/$/\r/' crlf/log.csv
goes_on "log.csv with CRLF" crlf
fresh unended
printf '19,304,0.1,2' >>unended/log.csv  # of an epoch that is yet to come, and without the line's end
goes_on "log.csv with half a row too many" unended
fresh lost
rm lost/last.safetensors
goes_on "last.safetensors was deleted" lost
fresh littered
mkdir littered/checkpoints/unfinished-1 littered/checkpoints/step-x littered/checkpoints/step-99999999999999999999 littered/notes
echo mine >littered/notes/mine
goes_on "strange folders among the checkpoints" littered
check "strange folders: the user's own are left alone" [ -e littered/notes/mine ]
run "${recipe[@]}" --quiet --json --out littered --overwrite
check "--overwrite leaves the user's own files alone" [ -e littered/notes/mine ]

# Weights to start from are needed at the start only.
cp whole/last.safetensors first.safetensors
start "${recipe[@]}" --quiet --out started --init-from first.safetensors
until_true rows started 1
stopped TERM
cp -r started started2
mv first.safetensors second.safetensors
run train --quiet --json --out started --resume
check "--resume after the --init-from file has gone" equal "$code" 0
run train --quiet --json --out started2 --resume --init-from second.safetensors
check "--resume with --init-from where it is now" equal "$code" 0
check "--resume with --init-from where it is now: the same weights" same_files started/last.safetensors started2/last.safetensors

### The held-out part
check "holdout_top1 is filled" awk -F, 'NR > 1 && $8 == "" { exit 1 }' whole/log.csv
must_run "a run without holdout" train --data cifar10:data "${tiny[@]}" --epochs 2 --quiet --out plain
check "no holdout, no holdout_top1" awk -F, 'NR > 1 && $8 != "" { exit 1 }' plain/log.csv
check "no holdout, best is last" same_files plain/last.safetensors plain/best.safetensors
# The best weights are those of the first epoch with the highest held-out accuracy, whatever the test set says.
best=$(awk -F, 'NR > 1 && $8 + 0 > top { top = $8 + 0; epoch = $1 } END { print epoch }' whole/log.csv)
run train --quiet --json --out whole --resume
check "best_top1 is the test accuracy at the best held-out epoch" equal "$(json_value best_top1 | awk '{ printf "%.4f", $1 }')" \
  "$(awk -F, -v best="$best" '$1 == best { printf "%.4f", $5 }' whole/log.csv)"
run evaluate --weights whole/best.safetensors --data cifar10:data --threads 1 --json
expected=$(awk -F, -v best="$best" '$1 == best { print $7 }' whole/log.csv)
check "best.safetensors holds the weights of that epoch" between "$(awk "BEGIN { print $expected - 1e-5 }")" "$(json_value loss)" "$(awk "BEGIN { print $expected + 1e-5 }")"
run evaluate --weights whole/last.safetensors --data cifar10:data --threads 1 --json
check "which is not the last one here, or this shows nothing" different "$best" $epochs

finish
