#!/usr/bin/env bash
# kill -9 at random moments of a run on glyphs, augmented and mixed, resumed each time: every resume must start at the newest checkpoint that
# was there, and the end must be the uninterrupted run's, bit for bit. A run that ends before all kills are done is
# compared, and another one begun.
#   bash tools/bench/kill.sh build/mvmoe [KILLS, default 200] [SEED of the moments]
set -eu
program=$1 kills=${2:-200}
RANDOM=${3:-$$}
echo "moments by seed ${3:-$$}"
folder=$(mktemp -d)
trap 'kill -9 "${pid:-0}" 2>/dev/null || true; rm -rf "$folder"' EXIT
recipe=(train --data glyphs --model vit-1x32 --patch 8 --batch-size 64 --epochs 3 --warmup-epochs 0 --holdout 0.1 --ema 0.9 --save-every 7 --threads 1
  --log-interval 1 --rand-augment rand-m9-mstd0.5-inc1 --random-erasing 0.25 --mixup 0.8 --cutmix 1 --repeated-augment 3)
fail() {
  echo "FAILED: $*"
  exit 1
}
compare() {
  local file
  for file in last best ema; do cmp "$folder/whole/$file.safetensors" "$folder/killed/$file.safetensors" || fail "$file.safetensors is another"; done
  cmp <(cut -d, -f1-10 "$folder/whole/log.csv") <(cut -d, -f1-10 "$folder/killed/log.csv") || fail "log.csv is another"
}
newest() { ls "$1/checkpoints" 2>/dev/null | sed -n 's/^step-//p' | sort -n | tail -n 1; }

before=$(date +%s%N)
"$program" "${recipe[@]}" --out "$folder/whole" 2>"$folder/whole.err" >/dev/null
took=$((($(date +%s%N) - before) / 1000000))
steps=$(newest "$folder/whole")
echo "undisturbed: $steps steps in $took ms"

killed=0 ended=0 from_checkpoint=0 executed=0
while ((killed < kills)); do
  at=$(newest "$folder/killed")
  "$program" "${recipe[@]}" --out "$folder/killed" --resume 2>"$folder/err" >/dev/null </dev/null &
  pid=$!
  sleep "$(awk -v ms=$((RANDOM * (took / 3 + 1) / 32768)) 'BEGIN { print ms / 1000 }')"
  code=0
  kill -9 $pid 2>/dev/null || true
  wait $pid 2>/dev/null || code=$?
  first=$(sed -n 's/^epoch .* step \([0-9]*\).*/\1/p' "$folder/err" | head -n 1)
  executed=$((executed + $(grep -c '^epoch .* step ' "$folder/err" || true)))
  if [ -n "$first" ]; then
    ((first == ${at:-0} + 1)) || fail "kill $killed: step $first was the first, the newest checkpoint was of step ${at:-0}"
    [ -z "$at" ] || from_checkpoint=$((from_checkpoint + 1))
  fi
  if ((code == 137)); then killed=$((killed + 1))
  elif ((code == 0)); then compare && ended=$((ended + 1)) && rm -r "$folder/killed"
  else fail "exit $code: $(cat "$folder/err")"; fi
done
"$program" "${recipe[@]}" --out "$folder/killed" --resume 2>"$folder/err" >/dev/null
compare
((from_checkpoint > 0)) || fail "no kill hit a run that had a checkpoint"
echo "$killed kills in $((ended + 1)) runs; $from_checkpoint resumes did steps, each from the newest checkpoint on; $executed steps before kills; the ends are the same, bit for bit"
