#!/usr/bin/env bash
# Data that is drawn when asked: everything that works with files works with it, and a killed run sees the same images.
. tests/cli/lib/checks.sh

data=fractals:classes=12,genera=3,images=40,test=5
recipe=(--model vit-1x32 --patch 8 --batch-size 32 --warmup-epochs 0 --threads 2)

### A sample as files, and as a picture
run sample --data $data --out sample --images 3 --sheet sheet.png --json
check "sample: what it wrote" equal "$(json_value images) $(json_value classes)" "36 12"
check "sample: a file for each image" equal "$(find sample/val -name '*.png' | wc -l)" 36
check "sample: a folder for each class" equal "$(ls sample/val | head -2 | tr '\n' ' ')" "g0s00 g0s01 "
check "sample: a picture" equal "$(head -c 4 sheet.png | tail -c 3)" PNG
run sample --data $data --out sample
check "sample: a folder that is there is not written over" equal "$code" 2
check "sample: it is named" has "$err" "--out: sample/val is there already"
run sample --data $data
check "sample: nowhere to write to" has "$err" "mvmoe: --out: is missing"
run sample --data $data --sheet sheet.jpg
check "sample: a picture is a PNG" has "$err" "mvmoe: --sheet: sheet.jpg: the picture is a PNG"

### Training, stopped and gone on with
run train --data $data "${recipe[@]}" --epochs 3 --out whole --holdout 0.1 --json
check "train: exit code" equal "$code" 0
check "train: no crop and no flip, unless asked for" equal "$(grep -E '"(crop|flip)"' whole/config.json | tr -d ' \n')" '"crop":"none","flip":"no",'
"$program" train --data $data "${recipe[@]}" --epochs 3 --out cut --holdout 0.1 --save-every 5 --quiet >/dev/null 2>&1 &
for _ in $(seq 300); do [ -d cut/checkpoints ] && [ -n "$(ls cut/checkpoints)" ] && break; sleep 0.02; done
kill -KILL $! 2>/dev/null
wait $! 2>/dev/null
run train --data fractals:images=40,test=5,genera=3,classes=12 "${recipe[@]}" --epochs 3 --out cut --resume
check "train, killed, with the same spec in other words: exit code" equal "$code" 0
check "train, killed and gone on with: the same weights" same_files whole/last.safetensors cut/last.safetensors
run train --data fractals:images=40,test=5,genera=3,classes=12,seed=1 "${recipe[@]}" --epochs 3 --out cut --resume
check "train: other species are other data" equal "$code" 2
check "train: it is named" has "$err" "holds other training images"

### The weights, on all that the data became
run evaluate --weights whole/last.safetensors --data $data --json
top1=$(json_value top1)
check "evaluate: the run's figure" equal "$(printf %.6g "$top1")" "$(awk -F, 'END { print $5 }' whole/log.csv)"
run predict --weights whole/last.safetensors sample --json
check "predict: a written sample" equal "$code $(grep -o '"file"' "$captured/out" | wc -l)" "0 36"
run sample --data $data --out all
run evaluate --weights whole/last.safetensors --data folder:all --json
check "evaluate: the test images as files are the same images" equal "$(json_value top1)" "$top1"
run pack --data $data --out data.pack --format raw --json
check "pack: images" equal "$(json_value images)" 540
run evaluate --weights whole/last.safetensors --data pack:data.pack --json
check "evaluate: the test images in a pack are the same images" equal "$(json_value top1)" "$top1"
run pack --data glyphs --out glyphs.pack
check "pack: what is in memory is not packed" has "$err" "a folder:DIR or fractals is packed"
run bench loader --data $data --workers 1 --json
check "bench loader" between 1 "$(json_value images_per_s)" 1e9
run augment-preview --data $data --rand-augment rand-m7-mstd0.5-inc1 --images 9 --out preview.png
check "augment-preview" equal "$code" 0

### The whole method
run pipeline --data $data "${recipe[@]}" --epochs 1 --experts 3 --moe-layers 1 --out method --json
check "pipeline: the genera are known" between -1 "$(json_value ari)" 1
check "pipeline: it says why" has "$out" '"verdict":[{"kind":"'
check "pipeline: its page shows images" grep -q 'data:image/png;base64' method/report.html
run pipeline --data fractals:flat,classes=12,images=40,test=5 "${recipe[@]}" --epochs 1 --experts 3 --moe-layers 1 --out flat --json
check "pipeline: flat species have no genera" equal "$(json_value ari)" null

### What is wrong in a spec is said before anything is drawn
for bad in "classes=1:classes=1 must be a whole number from 2 to 1000000" "clases=10:did you mean classes?" "side=4000:side=4000 must be" \
  "genera=2000:genera=2000 is more than classes=1000" "flat,genera=2:flat has no genera"; do
  run train --data "fractals:${bad%%:*}" --out bad
  check "fractals:${bad%%:*}: exit code" equal "$code" 2
  check "fractals:${bad%%:*}: one line says it" has "$err" "${bad#*:}"
done
check "nothing was written" absent bad
finish
