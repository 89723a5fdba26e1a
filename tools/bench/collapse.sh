#!/usr/bin/env bash
# Why balance losses exist: learned routing on glyphs with and without one, and what each expert gets in the end.
#   bash tools/bench/collapse.sh build/mvmoe [EPOCHS]
set -eu
program=$1 epochs=${2:-3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# measure ROUTING BALANCE [FLAGS]: a line with top-1, the share of the fullest expert, and every expert's load, falling
measure() {
  local routing=$1 balance=$2
  shift 2
  "$program" train --quiet --json --data glyphs --out "$folder/$routing-$balance" --model vit-4x64 --patch 8 --batch-size 64 --crop none --epochs "$epochs" --lr 2e-3 --warmup-epochs 1 \
    --experts 10 --moe-layers 2 --routing "$routing" --balance "$balance" "$@" |
    tail -n 1 | sed 's/.*"top1":\([0-9.]*\).*"expert_load":\[\([^]]*\)\].*/\1 \2/' |
    awk -v routing="$routing" -v balance="$balance" '{
      n = split($2, load, ",")
      for (i = 1; i <= n; ++i) for (j = i + 1; j <= n; ++j) if (load[j] > load[i]) { t = load[i]; load[i] = load[j]; load[j] = t }
      printf "%-6s %-15s  top-1 %5.2f %%  loads", routing, balance, $1
      for (i = 1; i <= n; ++i) printf " %5.1f", load[i]
      print "" }'
}

grep -m 1 'model name' /proc/cpuinfo | sed 's/.*: //'
echo "vit-4x64/8 on glyphs, $epochs epochs, 10 experts in the last 2 blocks; loads in percent, falling"
for routing in image token; do
  measure $routing none
  measure $routing importance-load --router-noise
  measure $routing switch
  measure $routing bias
done
