#!/usr/bin/env bash
# What the program prints and writes: results and progress apart, JSON with all its keys, help for every flag, and
# weights in which nothing but the training shows.
. tests/cli/lib/checks.sh

make_cifar10 data
# 5 steps an epoch; 8 lanes of 8 images, so that two threads have something to share.
recipe=(train --data cifar10:data --model vit-2x16 --patch 16 --heads 2 --batch-size 64 --warmup-epochs 1 --epochs 3 --lr 3e-3 --drop-path 0.1)
silent() { [ ! -s "$1" ] || { echo "it holds '$(head -c 200 "$1")'"; return 1; }; }
lines() { wc -l <"$1" | tr -d ' '; }

### The lists of subcommands and flags
run
check "mvmoe alone exits with 0" equal "$code" 0
alone=$out
for subcommand in train evaluate predict confusion superclasses pipeline study summary gradcheck pack sample augment-preview bench report info; do
  check "mvmoe alone lists $subcommand with a line" grep -Eq "^ +$subcommand +[a-z]" "$captured/out"
done
run --help
check "mvmoe --help prints the same" equal "$out" "$alone"

helps() {  # helps SUBCOMMAND FLAG...: --help names each, with what it means, and takes no other look at the command line
  local subcommand=$1 flag
  shift
  run $subcommand --help
  check "$subcommand --help exits with 0, on stdout" equal "$code$err" 0
  for flag; do check "$subcommand --help names --$flag" grep -Eq "^ +--$flag( [A-Z]+)?  +[^ ]" "$captured/out"; done
  run $subcommand --no-such-flag --help
  check "$subcommand --no-such-flag --help: an error or help" between 0 "$code" 2
}
model=(model patch heads mlp-ratio pool no-qkv-bias drop-path image-size classes)
augment=(crop flip rand-augment color-jitter random-erasing repeated-augment mixup cutmix mixup-prob mixup-switch-prob)
helps train data out resume overwrite config init-from "${model[@]}" epochs batch-size lr lr-base min-lr warmup-epochs warmup-lr weight-decay optimizer momentum layer-decay accumulate early-stop recipe ema \
  beta1 beta2 eps clip label-smoothing teacher teacher-weight teacher-temperature teacher-targets no-router-bias equal-experts "${augment[@]}" holdout eval-every save-every keep seed threads lane-size gradient-blocks kernels precision workers \
  log-interval quiet json help
for default in 'epochs N .*\[20\]' 'lr X .*\[0\.001\]' 'min-lr X .*\[1e-05\]' 'seed N .*\[0\]'; do
  run train --help
  check "train --help shows the default: ${default%% *}" grep -q -- "--$default" "$captured/out"
done
for group in "Data and folder" Model "Optimizer and schedule" "Augmentation and targets" Running; do
  check "train --help has a group: $group" grep -qx "$group" "$captured/out"
done
helps pipeline data out init-from upcycle dense experts kind method superclasses max-size
helps evaluate weights data threads precision per-class quiet heads pool mean std crop-pct interpolation image-size class-names json
helps predict weights logits explain threads precision heads pool mean std crop-pct interpolation image-size class-names json
helps confusion weights data out kind threads lane-size kernels quiet json
helps superclasses confusion experts out method max-size seed file data quiet json
helps summary "${model[@]}" batch-size threads json
helps gradcheck seeds json
helps bench "${model[@]}" batch-size steps threads precision json
helps pack data out size format quality strict threads quiet json
helps sample data out sheet set images classes json
helps augment-preview data out images image-size recipe "${augment[@]}" lane-size seed epoch json
helps "bench loader" data batch-size workers passes image-size recipe "${augment[@]}" strict json
helps info json

### JSON
run summary --model vit-tiny --patch 16 --image-size 224 --classes 1000 --json
check "summary: keys" json_has_keys params active_params macs executed_macs train_mb
check "summary: parameters of vit-tiny" equal "$(json_value params)" 5717416
check "summary: active parameters of a dense model" equal "$(json_value active_params)" 5717416
check "summary: multiply-adds of vit-tiny" equal "$(json_value macs)" 1253683200
check "summary: no more is executed than the formula says" between 1 "$(json_value executed_macs)" 1253683200
check "summary: nothing on stderr" silent "$captured/err"
run summary --model vit-12x192 --patch 16 --image-size 224 --classes 1000 --json
check "summary: vit-12x192 is vit-tiny" equal "$(json_value params) $(json_value macs)" "5717416 1253683200"
run summary --model deit-tiny --patch 16 --json
check "summary: the defaults are those of ImageNet" equal "$(json_value params) $(json_value macs)" "5717416 1253683200"
run summary --model vit-small --patch 16 --image-size 224 --classes 1000
check "summary without --json: parameters in words" grep -Eq '^parameters +22[,.’ ]?050[,.’ ]?664' "$captured/out"

run info --json
check "info: keys" json_has_keys processor instruction_sets cores pinning onednn bf16 mpi
command -v taskset >/dev/null && check "info: cores are those that this process may use" equal "$(taskset -c 0 "$program" info --json | sed -n 's/.*"cores":\([0-9]*\).*/\1/p')" 1

run gradcheck --seeds 1 --json
check "gradcheck: exits with 0" equal "$code" 0
check "gradcheck: keys" json_has_keys ops failed skipped
check "gradcheck: none failed" equal "$(json_value failed)" 0
check "gradcheck: every op of a ViT" between 10 "$(json_value ops)" 1000

for what in train infer; do
  run bench $what --model vit-1x16 --patch 16 --heads 1 --image-size 32 --classes 10 --batch-size 8 --steps 3 --threads 1 --json
  check "bench $what: keys" json_has_keys step_ms images_per_s peak_share peak_rss_mb macs executed_macs
  check "bench $what: images/s is batch over time" between 0.99 "$(awk "BEGIN { print $(json_value images_per_s) * $(json_value step_ms) / 8000 }")" 1.01
  run bench $what --model vit-1x16 --patch 16 --heads 1 --image-size 32 --classes 10 --batch-size 8 --steps 3 --threads 1
  check "bench $what: median, min and max" grep -Eq 'median.*[0-9.]+ to [0-9.]+' "$captured/out"
  check "bench $what: a row an operation" grep -Eq '^linear \[16, 64\] .* GFLOP/s .*[0-9.]+%$' "$captured/out"
  run bench $what --model vit-1x16 --patch 16 --heads 1 --image-size 32 --classes 10 --batch-size 8 --steps 3 --threads 1 --trace trace.json --json
  check "bench $what --trace: a trace of whole steps" grep -q '"name":"linear","ph":"X".*"name":"wait","ph":"X"' trace.json
  check "bench $what: the operations in --json" grep -Eq '"ops":\[\{"name":' "$captured/out"
done
run bench train --model vit-1x16 --patch 16 --heads 1 --image-size 32 --classes 10 --batch-size 16 --steps 1 --threads 3
check "bench train: idle threads are said" has "$err" "3 threads, but a batch has 2 gradient blocks"
must_run "bench ops" bench ops --model vit-1x16 --patch 16 --heads 1 --image-size 32 --classes 10 --experts 2 --moe-layers 1 --steps 2 --threads 2 --lane-size 3 --json
check "bench ops: keys" json_has_keys gemm_peak_gflops peak_rss_mb threads lane_size ops
for op in 'patch_embed [16, 3, 16, 16]' embed_tokens layer_norm 'linear [48, 16]' attention residual gelu cross_entropy softmax gate dispatch 'grouped_linear [2, 64, 16]' combine; do
  check "bench ops: $op" has "$(json_line)" "{\"name\":\"$op\""
done
refused "bench ops --trace" 2 --trace -- bench ops --model vit-1x16 --patch 16 --heads 1 --image-size 32 --classes 10 --trace trace.json

### A training run, and what it prints where
refused "train --trace into no folder" 1 --trace -- "${recipe[@]}" --out two --trace nowhere/trace.json
must_run "a run" "${recipe[@]}" --threads 1 --quiet --json --trace trace.json --out one
check "train --trace: four whole steps" equal "$(grep -o '"name":"step"' trace.json | wc -l)" 4
check "train --trace: both ways through an operation" grep -q '"name":"linear","ph":"X".*"name":"update","ph":"X"' trace.json
check "train: keys" json_has_keys top1 top5 best_top1 ema_top1 epochs steps images_per_s train_loss router_accuracy expert_load resumed_at executed_steps
check "train: null where undefined" equal "$(json_value ema_top1) $(json_value router_accuracy) $(json_value expert_load)" "null null null"
check "train: epochs and steps" equal "$(json_value epochs) $(json_value steps)" "3 15"
check "train --quiet: nothing on stderr" silent "$captured/err"
check "train --json: one line on stdout" equal "$(lines "$captured/out")" 1
top1=$(json_value top1) top5=$(json_value top5)
check "train: the same figures in log.csv" between "$(awk "BEGIN { print $top1 - 1e-3 }")" "$(tail -n 1 one/log.csv | cut -d, -f5)" "$(awk "BEGIN { print $top1 + 1e-3 }")"
check "train: log.csv's columns" equal "$(head -n 1 one/log.csv)" \
  "epoch,steps,lr,train_loss,test_top1,test_top5,test_loss,holdout_top1,ema_top1,router_accuracy,images_per_s,seconds,guidance_loss,balance_loss,z_loss,distillation_loss"
check "train: a row an epoch" equal "$(cut -d, -f1,2 one/log.csv | tail -n +2 | tr '\n' ' ')" "1,5 2,10 3,15 "
check "train: no file besides those of cli.md" equal "$(ls one | grep -v events | tr '\n' ' ')" \
  "best.safetensors checkpoints config.json last.safetensors log.csv "

run train --data cifar10:data --model vit-1x16 --patch 16 --heads 1 --batch-size 64 --epochs 1 --recipe deit --lr 0.01 --threads 1 --quiet --json --out by-recipe
check "train --recipe deit: its flags, and those beside it" equal \
  "$(sed -n 's/^ "\(batch-size\|clip\|drop-path\|ema\|epochs\|lr\|lr-base\|rand-augment\|random-erasing\|repeated-augment\|mixup\|cutmix\)": "\(.*\)",$/\1=\2/p' by-recipe/config.json | tr '\n' ' ')" \
  "batch-size=64 clip=0 cutmix=1 drop-path=0.1 ema=0.99996 epochs=1 lr=0.01 lr-base=0 mixup=0.8 rand-augment=rand-m9-mstd0.5-inc1 random-erasing=0.25 repeated-augment=3 "
check "train --ema: the averaged weights' accuracy" between 0 "$(json_value ema_top1)" 100
run evaluate --weights by-recipe/ema.safetensors --data cifar10:data
check "train --ema: ema.safetensors can be used" equal "$code" 0
run train --config by-recipe/config.json --recipe light --epochs 1 --batch-size 64 --threads 1 --quiet --out by-recipe2
check "--recipe wins over --config" equal "$(sed -n 's/^ "\(drop-path\|ema\|model\)": "\(.*\)",$/\1=\2/p' by-recipe2/config.json | tr '\n' ' ')" "drop-path=0 ema=0 model=vit-1x16 "
run train --data glyphs --model vit-2x16 --patch 8 --heads 2 --batch-size 256 --epochs 1 --threads 1 --out sixty-two
run "${recipe[@]}" --patch 8 --epochs 1 --threads 1 --init-from sixty-two/last.safetensors --out from-sixty-two
check "--init-from for other classes: the head starts anew, with a word" has "$err" "the head starts anew, for 10 classes instead of 62"

run "${recipe[@]}" --threads 1 --log-interval 5 --out talking
check "train without --quiet: a line each --log-interval steps on stderr" equal "$(grep -c '^epoch.* step ' "$captured/err")" 3
check "train: progress shows loss, rate, images/s, time left" grep -Eq 'loss [0-9.]+ +lr [0-9.e+-]+ +[0-9]+ images/s +[0-9:]+ left' "$captured/err"
check "train: the threads are printed" grep -q '1 threads\?' "$captured/err"
check "train: no escape sequences where stderr is no terminal" has_not "$err" $'\e'
check "train: results on stdout" grep -Eq 'top-1 [0-9.]+ %' "$captured/out"
check "train: where the run is, on stdout" grep -q talking "$captured/out"
check "train: no progress on stdout" has_not "$out" "left"
run "${recipe[@]}" --threads 1 --epochs 1 --warmup-epochs 9 --out clamped
check "warm-up longer than the run: clamped, with a word" equal "$code $(grep -c -- --warmup-epochs "$captured/err")" "0 1"
if command -v script >/dev/null; then
  script -qec "'$program' ${recipe[*]} --threads 1 --out terminal" /dev/null </dev/null >"$captured/out" 2>&1
  check "on a terminal: a bar that is drawn over itself" grep -q $'\r\e\[2K.*images/s.*left' "$captured/out"
  script -qec "'$program' train --data glyphs ${tiny[*]} --epochs 1 --batch-size 28000 --out watched" /dev/null </dev/null >"$captured/out" 2>&1
  check "on a terminal: the evaluation is drawn too" grep -Eq $'\r\e\[2Kepoch 1/1  evaluating [0-9]+ of 7130 .*left' "$captured/out"
else
  skip "on a terminal: a bar" "no script(1)"
fi

### Evaluation says what training said
for threads in 1 2; do
  run evaluate --weights one/last.safetensors --data cifar10:data --threads $threads --json
  check "evaluate: keys" json_has_keys top1 top5 loss images images_per_s router_accuracy expert_load per_class
  check "evaluate with $threads threads: train's accuracy" equal "$(json_value top1) $(json_value top5)" "$top1 $top5"
  check "evaluate: every test image" equal "$(json_value images)" 64
  loss[threads]=$(json_value loss)
done
check "evaluate: the same loss to its last digit, whatever the threads" equal "${loss[1]}" "${loss[2]}"
check "evaluate: nothing on stderr" silent "$captured/err"
run evaluate --weights one/last.safetensors --data cifar10:data --per-class
check "evaluate --per-class: every class, the worst first" equal "$(grep -c ' class [0-9]$' "$captured/out") $(awk '/ class [0-9]$/ { print $1 }' "$captured/out" | sort -nc && echo sorted)" "10 sorted"
check "evaluate --per-class: every image once" equal "$(awk '/ class [0-9]$/ { n += $3; right += $1 * $3 / 100 } END { printf "%d %.2f", n, 100 * right / n }' "$captured/out")" "64 $(sed -n 's/^top-1 \([0-9.]*\) .*/\1/p' "$captured/out")"
run evaluate --weights one/last.safetensors --data cifar10:data --kernels plain --json
check "evaluate --kernels plain: the same to rounding" between "$(awk "BEGIN { print ${loss[1]} - 1e-4 }")" "$(json_value loss)" "$(awk "BEGIN { print ${loss[1]} + 1e-4 }")"

### The same weights from the same numbers: nothing else shows in them
must_run "a run with two threads" "${recipe[@]}" --threads 2 --quiet --json --out two
check "one thread and two: the same weights" same_files one/last.safetensors two/last.safetensors
check "one thread and two: the same figures" equal "$(json_value top1) $(json_value top5)" "$top1 $top5"
must_run "a run with other workers" "${recipe[@]}" --threads 1 --workers 3 --keep 1 --save-every 1 --log-interval 1 --quiet --out three
check "workers, checkpoints and progress: the same weights" same_files one/last.safetensors three/last.safetensors
mkdir other
cp -r data other/copy
(cd other && "$program" "${recipe[@]}" --data cifar10:copy --threads 1 --quiet --out "$PWD/far/away") >/dev/null
check "another folder, other paths, another time: the same weights" same_files one/last.safetensors other/far/away/last.safetensors
check "another folder, other paths, another time: the same checkpoint" same_files one/checkpoints/step-15/moments.safetensors other/far/away/checkpoints/step-15/moments.safetensors
check "weights do not name the data's folder" eval "! grep -aqF cifar10:data one/last.safetensors"
must_run "a run with another seed" "${recipe[@]}" --threads 1 --seed 1 --quiet --out seeded
check "another seed: other weights" different "$(sha256sum <one/last.safetensors)" "$(sha256sum <seeded/last.safetensors)"

### config.json
check "config.json is an object" eval "[[ \$(head -c 1 one/config.json)\$(tail -c 2 one/config.json) == '{}'* ]]"
for pair in 'model.*vit-2x16' 'epochs.*3' 'lr.*0\.003' 'heads.*2' 'seed.*0' 'label-smoothing.*0\.1' 'data.*cifar10:data' 'drop-path.*0\.1'; do
  check "config.json holds ${pair%%.*}" grep -Eq "^ *\"$pair" one/config.json
done
# Resolved means: what was used, not "as the default may be one day".
must_run "a run by defaults" train --data cifar10:data --model vit-1x64 --batch-size 320 --epochs 1 --warmup-epochs 0 --quiet --threads 1 --out defaults
for pair in 'patch.*4' 'heads.*1' 'crop.*pad4' 'flip.*yes'; do
  check "config.json holds the resolved ${pair%%.*}" grep -Eq "^ *\"$pair" defaults/config.json
done
must_run "--config of an earlier run" train --config one/config.json --quiet --json --out again
check "--config of an earlier run: the same weights" same_files one/last.safetensors again/last.safetensors
must_run "--config and a flag" train --config one/config.json --epochs 1 --quiet --json --out shorter
check "a flag beside --config wins" equal "$(json_value epochs)" 1
check "a flag beside --config is in the new config.json" grep -Eq '"epochs": *"?1"?' shorter/config.json
# Of another data set, what follows from the data is chosen anew: 62 classes, no flip, crop, a patch of 4.
sed -i 's/"crop": "pad4"/"crop": "none"/' shorter/config.json
# The run ends in its first steps, by a rate that no weights survive: this needs no more of it.
run train --config shorter/config.json --data glyphs --quiet --json --lr 1e30 --clip 0 --out letters
check "--config and another data set: it is trained on" grep -q 'at step' "$captured/err"
for pair in 'classes.*62' 'image-size.*32' 'flip.*no' 'crop.*pad4' 'patch.*4' 'heads.*2'; do
  check "--config and another data set: ${pair%%.*} fits" grep -Eq "^ *\"$pair" letters/config.json
done
must_run "--config and the data in another place" train --config one/config.json --data cifar10:other/copy --quiet --out placed
check "--config and the data in another place: the same patch, the same weights" same_files one/last.safetensors placed/last.safetensors
check "--config leaves the earlier run alone" same_files one/last.safetensors two/last.safetensors

### Weights by name
run info one/last.safetensors
check "info of weights: exits with 0" equal "$code" 0
expected=$(printf '%s\n' cls_token pos_embed patch_embed.proj.{weight,bias} norm.{weight,bias} head.{weight,bias} \
  blocks.{0,1}.{norm1,attn.qkv,attn.proj,norm2,mlp.fc1,mlp.fc2}.{weight,bias} | sort)
check "info of weights: timm's names, all and no other" equal "$(awk '$2 == "F32" { print $1 }' "$captured/out" | sort)" "$expected"
for shape in 'blocks.0.attn.qkv.weight +F32 +\[48, ?16\]' 'patch_embed.proj.weight +F32 +\[16, ?3, ?16, ?16\]' 'pos_embed +F32 +\[1, ?5, ?16\]'; do
  check "info of weights: shape of ${shape%% *}" grep -Eq "^$shape" "$captured/out"
done
check "info of weights: verified" grep -Eq '^verified +32' "$captured/out"
run info one/last.safetensors --json
check "info of weights: keys" json_has_keys file tensors numbers verified description
check "weights hold their class names" has "$(json_line)" '"class 7"'
run info one/checkpoints/step-15 --json
check "info of a checkpoint: keys" json_has_keys checkpoint state weights moments ema
check "last.safetensors is the checkpoint's weights" same_files one/last.safetensors one/checkpoints/step-15/weights.safetensors

finish
