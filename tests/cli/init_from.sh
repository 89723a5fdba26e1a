#!/usr/bin/env bash
# The whole method from a pre-trained network (pipeline --init-from): both networks are what train makes from that
# file, the file is an input of both stages, a stopped pipeline goes on, --dense must have begun from the same weights,
# and what is refused. Of several ranks: tests/cli/ranks.sh; in a study: tests/cli/study.sh.
. tests/cli/lib/checks.sh

make_cifar10 data
for seed in 1 2; do  # six classes, of other means than the data's
  must_run "pre-training, seed $seed" train --data fractals:classes=6,images=40,test=4 "${tiny[@]}" --lr 3e-3 \
    --epochs 1 --seed $seed --quiet --out before-$seed
done
first=before-1/last.safetensors second=before-2/last.safetensors
recipe=(--data cifar10:data "${tiny[@]}" --lr 3e-3 --holdout 0.2 --quiet)
method=(pipeline "${recipe[@]}" --epochs 2 --experts 3 --moe-layers 1)
started() { grep -o '"start_crc32":[^,}]*' "$1"/checkpoints/step-*/state.json | sed 's/.*: *//' | sort -u; }
crc32() { gzip -c "$1" | tail -c 8 | od -An -tu4 -N4 | tr -d ' '; }
said() { grep -c "\"$1\": \"$2\"" "$3/config.json"; }

### Both networks are what train makes of the file
must_run "pipeline" "${method[@]}" --init-from $first --out method --json
must_run "by hand, dense" train "${recipe[@]}" --epochs 2 --init-from $first --out by-hand
must_run "by hand, sparse" train "${recipe[@]}" --epochs 2 --init-from $first --upcycle --experts 3 --moe-layers 1 \
  --superclasses method/superclasses.json --out by-hand-sparse
check "the dense network is fine-tuned from the file" same_files by-hand/last.safetensors method/dense/last.safetensors
check "the sparse one has its MLPs as experts" same_files by-hand-sparse/last.safetensors method/moe/last.safetensors
must_run "pre-training with two heads" train "${recipe[@]}" --heads 2 --epochs 1 --out two-heads
must_run "from two heads" "${method[@]}" --heads 0 --epochs 1 \
  --init-from two-heads/last.safetensors --out from-two-heads
check "heads that are not given are the file's" \
  equal "$(for run in . dense moe; do said heads 2 from-two-heads/$run; done | tr '\n' ' ')" "1 1 1 "
must_run "without a file" "${method[@]}" --out scratch
check "without a file they are other networks" \
  equal "$(cksum {method,scratch}/{dense,moe}/last.safetensors | cut -d' ' -f1 | sort -u | wc -l)" 4
check "each config.json names the file" \
  equal "$(for run in . dense moe; do said init-from "$first" method/$run; done | tr '\n' ' ')" "1 1 1 "
check "the gates of the sparse one sum to 1" \
  equal "$(said renormalise-gates true method) $(said renormalise-gates true method/moe)" "1 1"
check "images are made as for the file's network, in both" \
  equal "$(grep -h '"mean": "[0-9]' method{,/dense,/moe}/config.json | sort | uniq -c | awk '{ print $1 }')" 3
check "checkpoints have the file's CRC-32" \
  equal "$(started method/dense) $(started method/moe)" "$(crc32 $first) $(crc32 $first)"
check "and 0 where there is no file" equal "$(started scratch/dense)" 0
check "the page says where both began" grep -q "both begun from the weights in $first" method/report.html
must_run "pipeline, text" pipeline --out method
check "so does the table" has "$out" "both networks began from the weights in $first"
check "and the plan" has "$err" "upcycle $first and train with 3 experts for 2 epochs (done)"
must_run "without a file, text" pipeline --out scratch
check "without a file there is no such line" has_not "$out$(<scratch/report.html)" "the weights in"

### The file is an input of both stages
before=$(fingerprint method)
must_run "given again" "${method[@]}" --init-from $first --out method
check "given again: nothing is done twice" equal "$(fingerprint method)" "$before"
cp -r method moved
mkdir elsewhere
mv $first elsewhere/it
must_run "the file is gone" pipeline --out method --quiet
check "the file is gone: nothing is done twice" equal "$(fingerprint method)" "$before"
trained=$(stat -c %Y%i moved/{dense,moe}/last.safetensors)
must_run "the file named anew" "${method[@]}" --init-from elsewhere/it --out moved
check "the file named anew: nothing is trained again" \
  equal "$(stat -c %Y%i moved/{dense,moe}/last.safetensors)" "$trained"
check "the file named anew: config.json has the name" equal "$(said init-from elsewhere/it moved)" 1
mv elsewhere/it $first
must_run "another file" "${method[@]}" --init-from $second --out moved
for run in dense moe; do
  check "another file: the earlier $run network is kept" \
    same_files method/$run/last.safetensors moved/earlier-1/$run/last.safetensors
  check "another file: the $run network begins from it" equal "$(started moved/$run)" "$(crc32 $second)"
done

### A stopped pipeline goes on
long=(pipeline "${recipe[@]}" --epochs 120 --eval-every 120 --save-every 40 --experts 3 --moe-layers 1)
cp $first mine.safetensors
must_run "not stopped" "${long[@]}" --init-from mine.safetensors --out whole
started_in() { ls "$1"/checkpoints/step-* >/dev/null 2>&1; }
start "${long[@]}" --init-from mine.safetensors --out pieces
until_true started_in pieces/dense
stopped TERM
check "stopped in dense" equal "$code" 75
mv mine.safetensors away.safetensors
run pipeline --out pieces --quiet
check "without the file: the dense network goes on, the sparse one cannot begin" \
  equal "$code $(cd pieces && echo {dense,moe}/last.safetensors*)" "1 dense/last.safetensors moe/last.safetensors*"
check "without the file: one line names it" equal "$(grep -c '^mvmoe: .*mine.safetensors' "$captured/err")" 1
mv away.safetensors mine.safetensors
start pipeline --out pieces --quiet
until_true started_in pieces/moe
stopped TERM
check "stopped in moe" equal "$code" 75
must_run "to its end" pipeline --out pieces --quiet
for file in dense/last.safetensors superclasses.json moe/last.safetensors; do
  check "stopped and resumed, $file" same_files whole/$file pieces/$file
done

### --dense has begun from the same weights
given=("${method[@]}" --dense method/dense)
cp $first copy.safetensors
must_run "--dense" "${given[@]}" --init-from copy.safetensors --out given
for run in dense moe; do
  check "--dense, the file in another place: the same $run network" \
    same_files method/$run/last.safetensors given/$run/last.safetensors
done
refused "--dense from other weights" 2 --dense method/dense "other weights" $second \
  -- "${given[@]}" --init-from $second --out new
refused "--dense from a file, the pipeline from none" 2 --dense "--init-from $first" none -- "${given[@]}" --out new
refused "--dense from none, the pipeline from a file" 2 --dense "--init-from none" $first \
  -- "${method[@]}" --dense scratch/dense --init-from $first --out new
refused "other weights for a pipeline that has its dense network" 2 --dense "other weights" \
  -- pipeline --quiet --out given --init-from $second
cp -r method/dense older
sed -i 's/"start_crc32": *[0-9]*,\?//' older/checkpoints/step-*/state.json
refused "--dense of an older version" 2 --dense older "older version" \
  -- "${method[@]}" --dense older --init-from $first --out new

### Contradictions, and files that do not do
refused "with --upcycle" 2 --upcycle --init-from -- "${method[@]}" --init-from $first --upcycle --out new
refused "--upcycle for a folder that began from a file" 2 --upcycle method -- pipeline --out method --upcycle --quiet
refused "a file for a folder without one" 2 --init-from $first scratch none \
  -- pipeline --out scratch --init-from $first --quiet
refused "no file for a folder with one" 2 --init-from $first method -- pipeline --out method --init-from "" --quiet
refused "a file for a training without one" 2 --init-from $first scratch/dense none \
  -- train --out scratch/dense --resume --init-from $first
refused "a sparse network for a folder with a dense one" 2 --init-from method/moe/last.safetensors sparse dense \
  -- pipeline --out method --init-from method/moe/last.safetensors --quiet
refused "a sparse network" 2 --init-from method/moe/last.safetensors sparse dense \
  -- "${method[@]}" --init-from method/moe/last.safetensors --out new
refused "no file" 1 nowhere -- "${method[@]}" --init-from nowhere --out new
refused "no weights" 1 data/batches.meta.txt -- "${method[@]}" --init-from data/batches.meta.txt --out new
refused "another network's" 1 $first cls_token '[1, 1, 16]' '[1, 1, 32]' \
  -- "${method[@]}" --model vit-1x32 --init-from $first --out new
refused "another number of heads" 2 "--heads: 2" $first -- "${method[@]}" --heads 2 --init-from $first --out new

finish
