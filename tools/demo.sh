#!/usr/bin/env bash
# What `make demo` shows: the whole method on images that the program draws itself, fractals of 100 species in ten genera.
# A dense Vision Transformer learns the species; what it confuses finds the genera; the same network with an expert for
# each of them is better, at the same multiply-adds for an image. EPOCHS shortens it, SEED draws other species.
set -eu
build=$1 out=runs/demo seed=${SEED:-0}
data=fractals:classes=100,genera=10,images=1500,test=100,seed=$seed
rm -rf "$out"
mkdir -p "$out"
echo "Two small networks learn 100 species of fractals. Ten species make a genus; nobody tells the networks which."
"$build/mvmoe" sample --data "$data" --images 16 --sheet "$out/species.png"
"$build/mvmoe" pipeline --data "$data" --model vit-4x32 --patch 8 --batch-size 64 --lr 8e-3 --epochs "${EPOCHS:-8}" \
  --warmup-epochs 1 --experts 10 --moe-layers 2 --eval-every 8 --log-interval 2000 --seed "$seed" --out "$out"
