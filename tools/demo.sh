#!/usr/bin/env bash
# What `make demo` shows: the whole method on the embedded letters and digits: a dense Vision Transformer, what it
# confuses, super-classes of that, the same network with experts for them, and the comparison.
# EPOCHS shortens it.
set -eu
build=$1
out=runs/demo
echo "Two small Vision Transformers learn 62 letters and digits, in typefaces; they are tested on other typefaces."
rm -rf "$out"
# Size and height tell o from O, so the letters are not shifted about.
"$build/mvmoe" pipeline --data glyphs --model vit-4x64 --patch 8 --batch-size 64 --lr 2e-3 --crop none --epochs "${EPOCHS:-10}" \
  --warmup-epochs 1 --experts 10 --moe-layers 2 --log-interval 200 --out "$out"
