#!/usr/bin/env bash
# What `make demo-glyphs` shows: the method on the embedded letters and digits, of which there are few: the sparse network
# has little to gain here, and the last lines say why. EPOCHS shortens it.
set -eu
build=$1 out=runs/demo-glyphs
echo "Two small Vision Transformers learn 62 letters and digits, in typefaces; they are tested on other typefaces."
rm -rf "$out"
# Size and height tell o from O, so the letters are not shifted about.
"$build/mvmoe" pipeline --data glyphs --model vit-4x64 --patch 8 --batch-size 64 --lr 2e-3 --crop none --epochs "${EPOCHS:-10}" \
  --warmup-epochs 1 --experts 10 --moe-layers 2 --log-interval 200 --out "$out"
