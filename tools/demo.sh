#!/usr/bin/env bash
# What `make demo` shows: a Vision Transformer learns to read letters and digits in typefaces it never saw.
# EPOCHS shortens it.
set -eu
build=$1
out=runs/demo
echo "A small Vision Transformer learns 62 letters and digits, in typefaces; it is tested on other typefaces."
# Size and height tell o from O, so the letters are not shifted about.
"$build/mvmoe" train --data glyphs --model vit-4x64 --patch 8 --batch-size 64 --lr 2e-3 --crop none --epochs "${EPOCHS:-10}" \
  --warmup-epochs 1 --log-interval 100 --out "$out" --overwrite
echo
echo "Every row of its log, an epoch each:"
column -s, -t "$out/log.csv" 2>/dev/null || cat "$out/log.csv"
