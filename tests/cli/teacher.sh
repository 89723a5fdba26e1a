#!/usr/bin/env bash
# Distillation from the command line (train, pipeline and bench train --teacher): what is written, a run that goes on, a
# teacher of another patch, size and form, and what is refused. Of several ranks: tests/cli/ranks.sh.
. tests/cli/lib/checks.sh

make_cifar10 data
mkdir names
cp data/*.bin names
printf 'class %d\n' 9 1 2 3 4 5 6 7 8 0 >names/batches.meta.txt  # two names have changed places
tiny+=(--data cifar10:data --lr 3e-3 --holdout 0)
train=(train "${tiny[@]}" --epochs 3 --quiet)
must_run "a teacher" train "${tiny[@]}" --model vit-2x32 --patch 8 --epochs 2 --quiet --out teacher
must_run "a sparse teacher" train "${tiny[@]}" \
  --experts 2 --moe-layers 1 --routing token --epochs 1 --quiet --out sparse-teacher
teacher=(--teacher teacher/last.safetensors)
epochs_of() { wc -l <"$1/log.csv"; }
last_cell() { tail -n 1 "$1/log.csv" | sed 's/.*,//'; }

### What it does
must_run "without a teacher" "${train[@]}" --out plain
must_run "soft targets" "${train[@]}" "${teacher[@]}" --out soft
check "soft targets: log.csv has the loss towards the teacher" between 1e-6 "$(last_cell soft)" 5
check "without a teacher: log.csv has none" equal "$(last_cell plain)" ""
for tag in train/distillation_loss epoch/distillation_loss; do
  check "soft targets: TensorBoard has $tag" grep -q "$tag" soft/events.*
  check "without a teacher: TensorBoard has no $tag" equal "$(grep -c "$tag" plain/events.*)" 0
done
must_run "hard targets" "${train[@]}" "${teacher[@]}" --teacher-targets hard --teacher-weight 0.9 --out hard
check "hard targets: log.csv has the loss towards the teacher" between 1e-6 "$(last_cell hard)" 5
check "soft, hard and no teacher are three runs" \
  equal "$(cksum {plain,soft,hard}/last.safetensors | cut -d' ' -f1 | sort -u | wc -l)" 3
must_run "a teacher of no weight" "${train[@]}" "${teacher[@]}" --teacher-weight 0 --out weightless
check "a teacher of no weight: the weights of a run without one" \
  same_files plain/last.safetensors weightless/last.safetensors
must_run "three threads" "${train[@]}" "${teacher[@]}" --threads 3 --out three
check "three threads: the same weights as one" same_files soft/last.safetensors three/last.safetensors
must_run "a sparse teacher" "${train[@]}" --teacher sparse-teacher/last.safetensors --out of-sparse
check "a sparse teacher: it has a loss" between 1e-6 "$(last_cell of-sparse)" 5
must_run "a sparse student" "${train[@]}" "${teacher[@]}" \
  --experts 2 --moe-layers 1 --routing image --balance switch --out to-sparse
check "a sparse student: it has a loss" between 1e-6 "$(last_cell to-sparse)" 5
run "${train[@]}" "${teacher[@]}" --data cifar10:names --epochs 1 --out renamed
run "${train[@]}" "${teacher[@]}" --epochs 1 --out as-named
check "classes in another order are matched by name" different "$(last_cell renamed)" "$(last_cell as-named)"
run train "${tiny[@]}" "${teacher[@]}" --epochs 1 --out spoken
check "what the teacher is is said" has "$err" "teacher teacher/last.safetensors: vit-2x32, 32 pixels, patch 8"
check "an epoch's loss towards the teacher is said" has "$err" "towards the teacher "
must_run "plain kernels" "${train[@]}" "${teacher[@]}" --kernels plain --out readable
soft=$(last_cell soft)
check "plain kernels: the losses of the fast ones" \
  between "$(awk "BEGIN { print $soft - 1e-3 }")" "$(last_cell readable)" "$(awk "BEGIN { print $soft + 1e-3 }")"
run info --json
if [ "$(json_value bf16)" = true ]; then
  must_run "in bf16" "${train[@]}" "${teacher[@]}" --precision bf16 --out rounded
  check "in bf16: it has a loss" between 1e-6 "$(last_cell rounded)" 5
else
  skip "in bf16" "this processor has no AVX512-BF16"
fi

### timm's file, of another image size, for a folder of images
for part in train val; do
  for class in cat dog newt owl yak; do
    mkdir -p pictures/$part/$class
    for i in 1 2 3; do cp "$repository/tests/golden/images/colour.png" pictures/$part/$class/$i.png; done
  done
done
timm=$repository/tests/golden/timm/token
pictures=(train --data folder:pictures --image-size 16 --model vit-1x16 --patch 16 --heads 1 \
  --batch-size 15 --epochs 1 --warmup-epochs 0 --threads 1 --quiet)
must_run "timm's file" "${pictures[@]}" --teacher "$timm/model.safetensors" --out from-timm
check "timm's file: it has a loss" between 1e-6 "$(last_cell from-timm)" 20
must_run "timm's shards" "${pictures[@]}" \
  --teacher "$repository/tests/golden/timm/sharded/model.safetensors.index.json" --out from-shards
cp "$timm/model.safetensors" alone.safetensors
refused "timm's file without its configuration" 2 --teacher alone.safetensors "number of heads" config.json \
  -- "${pictures[@]}" --teacher alone.safetensors --out new
refused "other classes" 2 --teacher "5 classes" 10 -- "${train[@]}" --teacher "$timm/model.safetensors" --out new
cp -r pictures others
for part in train val; do mv others/$part/dog others/$part/hound; done
refused "another name" 2 --teacher "'hound'" "'dog'" \
  -- "${pictures[@]}" --data folder:others --teacher "$timm/model.safetensors" --out new

### What is refused
refused "a missing file" 1 nowhere -- "${train[@]}" --teacher nowhere --out new
refused "no weights" 1 three/log.csv -- "${train[@]}" --teacher three/log.csv --out new
for flag in "--teacher-weight 0.5" "--teacher-temperature 2" "--teacher-targets hard"; do
  # shellcheck disable=SC2086 # words
  refused "$flag without a teacher" 2 "${flag% *}" "--teacher FILE" -- "${train[@]}" $flag --out new
done
refused "a temperature of hard targets" 2 --teacher-temperature hard \
  -- "${train[@]}" "${teacher[@]}" --teacher-targets hard --teacher-temperature 2 --out new
refused "a weight above 1" 2 --teacher-weight -- "${train[@]}" "${teacher[@]}" --teacher-weight 1.5 --out new
refused "a temperature of 0" 2 --teacher-temperature -- "${train[@]}" "${teacher[@]}" --teacher-temperature 0 --out new
refused "a teacher of the run that --overwrite removes" 2 --teacher soft/last.safetensors \
  -- "${train[@]}" --teacher soft/last.safetensors --out soft --overwrite

### A run goes on
long=(train "${tiny[@]}" "${teacher[@]}" --teacher-temperature 2 --epochs 40 --save-every 3 --quiet)
rows() { [ -e "$1/log.csv" ] && [ "$(epochs_of "$1")" -gt "$2" ]; }
must_run "uninterrupted" "${long[@]}" --out whole
start "${long[@]}" --out stopped
until_true rows stopped 3
stopped USR1
check "stopped: on the way" equal "$code $([ "$(epochs_of stopped)" -lt 41 ] && echo yes)" "75 yes"
cp -r stopped moved
must_run "stopped, goes on" train --out stopped --resume --quiet
check "stopped, goes on: the same weights" same_files whole/last.safetensors stopped/last.safetensors
check "stopped, goes on: the same losses" equal "$(cut -d, -f4,16 stopped/log.csv)" "$(cut -d, -f4,16 whole/log.csv)"
mv teacher elsewhere
refused "a teacher that moved" 1 teacher/last.safetensors -- train --out moved --resume --quiet
refused "another teacher" 2 --teacher sparse-teacher moved/checkpoints \
  -- train --out moved --resume --teacher sparse-teacher/last.safetensors
refused "no teacher any more" 2 --teacher -- train --out moved --resume --teacher ""
refused "another weight" 2 --teacher-weight 0.5 -- train --out moved --resume --teacher-weight 0.25
must_run "a teacher named anew" train --out moved --resume --teacher elsewhere/last.safetensors --quiet
check "a teacher named anew: the same weights" same_files whole/last.safetensors moved/last.safetensors
check "a teacher named anew: config.json has its name" \
  has "$(<moved/config.json)" '"teacher": "elsewhere/last.safetensors"'
mv elsewhere teacher
refused "a teacher for a run that had none" 2 --teacher plain -- train --out plain --resume "${teacher[@]}"
sed -i '/"teacher/d' plain/config.json  # of a version that knew no teachers
refused "a teacher for a run of an older version" 2 --teacher plain/checkpoints \
  -- train --out plain --resume "${teacher[@]}"
must_run "--config takes the teacher" train --config soft/config.json --out as-soft --quiet
check "--config takes the teacher: the same weights" same_files soft/last.safetensors as-soft/last.safetensors

### The whole method: both networks have the teacher
method=(pipeline "${tiny[@]}" --holdout 0.2 --epochs 1 --experts 2 --moe-layers 1 --quiet)
must_run "pipeline" "${method[@]}" "${teacher[@]}" --out method
for run in dense moe; do
  check "pipeline: the $run network has the teacher" \
  has "$(<method/$run/config.json)" '"teacher": "teacher/last.safetensors"'
  check "pipeline: the $run network has a loss towards it" between 1e-6 "$(last_cell method/$run)" 5
done
before=$(fingerprint method)
run "${method[@]}" "${teacher[@]}" --out method
check "pipeline, given again: nothing is done twice" equal "$code $(fingerprint method)" "0 $before"
refused "pipeline: another weight" 2 --teacher-weight \
  -- "${method[@]}" "${teacher[@]}" --teacher-weight 0.25 --out method
refused "pipeline: a weight without a teacher" 2 --teacher-weight -- "${method[@]}" --teacher-weight 0.25 --out new
cp -r method other
must_run "pipeline: another teacher" "${method[@]}" --teacher sparse-teacher/last.safetensors --out other
for run in dense moe; do check "pipeline, another teacher: the $run network moved aside" \
  [ -e other/earlier-1/$run/last.safetensors ]; done
must_run "pipeline: hard targets" "${method[@]}" "${teacher[@]}" --teacher-targets hard --out hard-method

### bench
bench=(bench train --model vit-1x16 --patch 16 --heads 1 --image-size 32 --classes 10 \
  --batch-size 16 --steps 2 --warmup 1 --threads 1)
must_run "bench train" "${bench[@]}" "${teacher[@]}" --json
check "bench train: the teacher is a row" has "$(json_line)" '{"name":"teacher"'
refused "bench train: another number of classes" 2 --teacher "10 classes" -- "${bench[@]}" "${teacher[@]}" --classes 9
refused "bench infer" 2 --teacher "bench train" -- bench infer "${bench[@]:2}" "${teacher[@]}"
finish
