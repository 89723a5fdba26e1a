#!/usr/bin/env bash
# Bad input: one line that names the flag or the file, exit 1 (the work failed) or 2 (the command line is wrong), and
# nothing lost that was there.
. tests/cli/lib/checks.sh

make_cifar10 data
train=(train --quiet --data cifar10:data "${tiny[@]}" --epochs 1)
must_run "a first run" "${train[@]}" --out run

# A run of its own stands in the folder given with --overwrite: the most there is to lose.
bad_flag() {
  local name=$1 word=$2
  shift 2
  refused "$name" 2 "$word" -- "${train[@]}" --out run --overwrite "$@"
}
bad_data() {
  local name=$1 wanted=$2 word=$3 spec=$4
  refused "$name" "$wanted" "$word" -- train --quiet "${tiny[@]}" --epochs 1 --out run --overwrite --data "$spec"
  refused "$name, fresh folder" "$wanted" "$word" -- train --quiet "${tiny[@]}" --epochs 1 --out fresh --data "$spec"
  refused "$name, evaluate" "$wanted" "$word" -- evaluate --weights run/last.safetensors --data "$spec"
}

### Values
for value in -1 nan inf 1e39 abc '' 0x10 0.1,0.2 '1 ' 1e; do
  bad_flag "--lr '$value'" --lr --lr "$value"
done
for value in -3 0 1e3 1.5 99999999999 nan two '' 3,4 0x3 ' 1'; do
  bad_flag "--epochs '$value'" --epochs --epochs "$value"
done
bad_flag "--lr=-1, joined" --lr --lr=-1
for flag in threads batch-size seed patch heads image-size classes holdout clip weight-decay min-lr warmup-epochs warmup-lr beta1 \
  label-smoothing save-every keep workers log-interval eval-every lane-size gradient-blocks mlp-ratio drop-path; do
  bad_flag "--$flag -1" "--$flag" "--$flag" -1
  bad_flag "--$flag x" "--$flag" "--$flag" x
done
bad_flag "--threads 1000000" --threads --threads 1000000
bad_flag "--seed 2^64" --seed --seed 18446744073709551616
bad_flag "--holdout 1" --holdout --holdout 1
bad_flag "--holdout nan" --holdout --holdout nan
bad_flag "--label-smoothing 1.5" --label-smoothing --label-smoothing 1.5
bad_flag "--beta2 1" --beta2 --beta2 1
bad_flag "--drop-path 1" --drop-path --drop-path 1
bad_flag "--mlp-ratio gives no hidden unit" --mlp-ratio --mlp-ratio 0.01
bad_flag "--pool avg" --pool --pool avg
bad_flag "--kernels slow" --kernels --kernels slow
bad_flag "--optimizer adam suggests" adamw --optimizer adam
bad_flag "--recipe heavy" light --recipe heavy
bad_flag "--ema 1" --ema --ema 1
bad_flag "--momentum 1" --momentum --momentum 1
for flag in beta1 beta2 eps; do bad_flag "--$flag with SGD" "give --optimizer adamw too" --optimizer sgd --$flag 0.5; done
bad_flag "--momentum with AdamW" "--momentum: says nothing about adamw: give --optimizer sgd too" --momentum 0.5
bad_flag "--layer-decay 2" --layer-decay --layer-decay 2
bad_flag "--accumulate 0" --accumulate --accumulate 0
bad_flag "parts that do not divide the batch" --accumulate --batch-size 16 --accumulate 3
bad_flag "--early-stop without --holdout" --holdout --early-stop 2
bad_flag "--rand-augment m9" --rand-augment --rand-augment m9
bad_flag "--mixup -1" --mixup --mixup -1
bad_flag "--mixup-prob 2" --mixup-prob --mixup-prob 2
bad_flag "--random-erasing 2" --random-erasing --random-erasing 2
bad_flag "--repeated-augment 0" --repeated-augment --repeated-augment 0
bad_flag "parts of one image to be mixed" --mixup --mixup 0.8 --batch-size 4 --accumulate 4
bad_flag "a share that holds nothing out" --holdout --holdout 0.0001
bad_flag "weights of the run that --overwrite removes" --init-from --init-from run/last.safetensors
bad_flag "nobody to be mixed with" --lane-size --mixup 0.8 --lane-size 1
bad_flag "--crop pad suggests" pad4 --crop pad
bad_flag "a flag without its value" --lr --lr
bad_flag "a switch with a value that is neither" --json --json=maybe
bad_flag "a word too many" stray stray
bad_flag "a flag behind --" "'--json' is one word too many" -- --json
bad_flag "-- for a value" "--lr: '--'" --lr --
bad_flag "a value that is given twice, one wrong" --epochs --epochs x --epochs 1
bad_data "a second = in the data" 1 'no=such=folder' cifar10:no=such=folder
bad_data "commas in the data" 1 'no,such,folder' cifar10:no,such,folder

### Geometry and sizes
bad_flag "patch does not divide the image" --patch --patch 5
bad_flag "patch larger than the image" --patch --patch 64
bad_flag "heads do not divide the width" --heads --heads 3
bad_flag "batch larger than the data set" 320 --batch-size 321
bad_flag "batch larger than what the holdout leaves" --batch-size --batch-size 320 --holdout 0.1
bad_flag "--image-size against the data" --image-size --image-size 16
bad_flag "--classes against the data" --classes --classes 3
refused "summary, patch" 2 --patch -- summary --image-size 32 --patch 5
refused "summary, heads" 2 --heads -- summary --model vit-2x64 --heads 7
refused "summary, a model beyond all memory" 1 memory -- summary --model vit-256x16384
refused "bench, patch" 2 --patch -- bench train --image-size 32 --patch 5

### Names, with the nearest real one suggested
bad_flag "unknown model" "did you mean vit-tiny?" --model vit-tinny
bad_flag "unknown model, nothing near" vit- --model resnet50
for model in '' vit-1x vit-0x16 vit-1x0 vit-1x16x3 vit--1x16 vit-99999999999x16 vit-300x16 VIT-1x16; do
  bad_flag "--model '$model'" --model --model "$model"
done
bad_flag "unknown flag" "did you mean --epochs?" --epoch 3
bad_flag "unknown flag, one letter" -e -e
bad_flag "unknown flag, two letters" "did you mean --epochs or --eps?" --ep 3
for pair in -b:batch-size --bs:batch-size --wd:weight-decay --batch:batch-size --smoothing:label-smoothing --lr_base:lr-base -epochs:epochs; do
  bad_flag "unknown flag ${pair%%:*}" "did you mean --${pair#*:}?" "${pair%%:*}" 3
done
bad_flag "unknown flag --opt" "did you mean --optimizer?" --opt adamw
bad_flag "unknown flag --grad-accum-steps" "--accumulate N takes" --grad-accum-steps 4
bad_flag "unknown flag --sched" "cosine after a linear warm-up" --sched=cosine
bad_flag "unknown flag, nothing near" "--zebra: no such flag (mvmoe train" --zebra
bad_flag "a switch negated" --no-json --no-json
refused "unknown subcommand" 2 "did you mean train?" -- trian
refused "unknown subcommand, empty" 2 "no command" -- ''
refused "unknown thing to bench" 2 trian -- bench trian
bad_data "unknown data" 2 "did you mean cifar10:DIR?" cifr10:data
bad_data "data in capitals" 2 "did you mean glyphs?" Glyphs
bad_data "no data" 2 --data ''
bad_data "data without a folder" 2 cifar10:DIR cifar10:
bad_data "glyphs with a folder" 2 glyphs glyphs:data
refused "--data left out" 2 --data -- train --quiet --out fresh
refused "--data left out, a folder far down" 2 --data -- train --quiet --out fresh/and/deep/
refused "--out left out" 2 --out -- "${train[@]}"
refused "--out left out, and a value is wrong" 2 --lr -- "${train[@]}" --lr x
refused "--out left out, and the model is unknown" 2 vit-tinny -- "${train[@]}" --model vit-tinny
refused "--out left out, and the data is unknown" 2 cifr10 -- "${train[@]}" --data cifr10:data
refused "--weights left out" 2 --weights -- evaluate --data cifar10:data

### Names that are not for a terminal
bad_data "escape sequence in a folder's name" 1 'no\x1b[31m' $'cifar10:no\e[31m'
bad_data "newline in a folder's name" 1 'no\x0asuch' $'cifar10:no\nsuch'
bad_flag "newline in a number" --lr --lr $'1\n2'
bad_flag "newline in a model" --model --model $'vit-1x16\n'
bad_flag "escape sequence in a flag" '\x1b' $'--\e[31mred'
refused "newline in a subcommand" 2 'tra\x0ain' -- $'tra\nin'
refused "a model's name of 100,000 letters" 2 --model -- summary --model "$(head -c 100000 /dev/zero | tr '\0' a)"
refused "a data set's name of 100,000 letters" 2 --data -- train --quiet --out fresh --data "$(head -c 100000 /dev/zero | tr '\0' a)"

### CIFAR
bad_data "missing folder" 1 nowhere cifar10:nowhere
bad_data "a file for a folder" 1 data/test_batch.bin cifar10:data/test_batch.bin
bad_data "missing files" 1 fine_label_names.txt cifar100:data
damaged_cifar() {  # damaged_cifar NAME FILE WORD: a copy of the data, in which the caller's $damage works on the file
  rm -rf bad && cp -r data bad
  (cd bad && eval "$damage")
  bad_data "$1" 1 "$2" cifar10:bad
  refused "$1, word" 1 "$3" -- "${train[@]}" --out fresh --data cifar10:bad
}
damage='truncate -s -1 data_batch_3.bin'                                    damaged_cifar "truncated CIFAR file" bad/data_batch_3.bin 3073
damage='echo more >>test_batch.bin'                                         damaged_cifar "CIFAR file with bytes too many" bad/test_batch.bin 3073
damage=': >data_batch_1.bin'                                                damaged_cifar "empty CIFAR file" bad/data_batch_1.bin empty
damage='rm data_batch_5.bin'                                                damaged_cifar "missing CIFAR file" bad/data_batch_5.bin "No such file"
damage='rm test_batch.bin; mkdir test_batch.bin'                            damaged_cifar "a folder for a CIFAR file" bad/test_batch.bin directory
damage='printf "\12" | dd of=data_batch_2.bin bs=1 seek=6146 conv=notrunc status=none' damaged_cifar "label out of range" bad/data_batch_2.bin "record 2"
damage='printf "\377" | dd of=test_batch.bin bs=1 conv=notrunc status=none' damaged_cifar "label out of range in the test set" bad/test_batch.bin 255
damage='sed -i 1d batches.meta.txt'                                         damaged_cifar "a class without a name" bad/batches.meta.txt "9 names"
rm -rf bad

### MNIST
be32() { printf "\\x$(printf %02x $(($1 >> 24 & 255)))\\x$(printf %02x $(($1 >> 16 & 255)))\\x$(printf %02x $(($1 >> 8 & 255)))\\x$(printf %02x $(($1 & 255)))"; }
labels() { local i; for ((i = 0; i < $1; ++i)); do printf "\\x$(printf %02x $((i % 10)))"; done; }
make_mnist() {
  local part count
  mkdir -p "$1"
  for part in train:40 t10k:10; do
    count=${part#*:}
    { be32 2051; be32 "$count"; be32 32; be32 32; head -c $((count * 1024)) "$repository/train/data/glyphs.gz"; } >"$1/${part%:*}-images-idx3-ubyte"
    { be32 2049; be32 "$count"; labels "$count"; } >"$1/${part%:*}-labels-idx1-ubyte"
  done
}
make_mnist digits
must_run "IDX files are read" train --quiet "${tiny[@]}" --epochs 1 --out run-of-digits --data mnist:digits
damaged_idx() {
  rm -rf bad && cp -r digits bad
  (cd bad && eval "$damage")
  refused "$1" 1 "$2" "$3" -- train --quiet "${tiny[@]}" --epochs 1 --out fresh --data mnist:bad
}
images=train-images-idx3-ubyte labels=train-labels-idx1-ubyte
damage='{ be32 2050; tail -c +5 $images; } >x; mv x $images'                 damaged_idx "IDX with a wrong magic number" bad/$images 2050
damage='truncate -s -1 $images'                                              damaged_idx "cut IDX" bad/$images cut
damage='truncate -s 9 $images'                                               damaged_idx "IDX cut in its header" bad/$images cut
damage=': >$labels'                                                          damaged_idx "empty IDX" bad/$labels cut
damage='echo >>$labels'                                                      damaged_idx "IDX with bytes too many" bad/$labels "goes on"
damage='{ be32 2051; be32 4294967295; tail -c +9 $images; } >x; mv x $images' damaged_idx "IDX that declares 4 billion images" bad/$images 4294967295
damage='{ be32 2051; be32 40; be32 16; be32 64; tail -c +17 $images; } >x; mv x $images' damaged_idx "IDX images that are not square" bad/$images "16 x 64"
damage='{ be32 2049; be32 39; labels 39; } >$labels'                         damaged_idx "fewer labels than images" bad/$labels 39
damage='printf "\12" | dd of=t10k-labels-idx1-ubyte bs=1 seek=10 conv=notrunc status=none' damaged_idx "IDX label out of range" bad/t10k-labels-idx1-ubyte "below 10"
damage='rm t10k-images-idx3-ubyte'                                           damaged_idx "missing IDX" bad/t10k-images-idx3-ubyte .gz
damage='gzip $images; truncate -s -20 $images.gz'                            damaged_idx "cut gzip" bad/$images.gz gzip
damage='gzip $images; printf XX | dd of=$images.gz bs=1 seek=20000 conv=notrunc status=none' damaged_idx "damaged gzip" bad/$images.gz gzip
damage='gzip $images; echo more >>$images.gz'                                damaged_idx "gzip with bytes behind its end" bad/$images.gz behind
damage='gzip $labels; printf "\0\0\0\0" | dd of=$labels.gz bs=1 seek=$(($(stat -c %s $labels.gz) - 8)) conv=notrunc status=none' damaged_idx "gzip with a wrong checksum" bad/$labels.gz gzip
damage='head -c 3 $labels >x; printf "\37\213" >$labels; cat x >>$labels'    damaged_idx "gzip's first bytes and nothing" bad/$labels gzip
rm -rf bad

### Weights of another model
must_run "weights of another width" train --quiet --data cifar10:data "${tiny[@]}" --epochs 1 --model vit-1x32 --out wide
must_run "weights of another depth" train --quiet --data cifar10:data "${tiny[@]}" --epochs 1 --model vit-2x16 --out deep
refused "--init-from of another width: tensor and both shapes" 1 wide/last.safetensors cls_token '[1, 1, 32]' '[1, 1, 16]' -- "${train[@]}" --out fresh --init-from wide/last.safetensors
refused "--init-from of a deeper network: the tensor" 1 deep/last.safetensors blocks.1. -- "${train[@]}" --out fresh --init-from deep/last.safetensors
refused "--init-from of a shallower network: the tensor" 1 run/last.safetensors blocks.1. -- "${train[@]}" --model vit-2x16 --out fresh --init-from run/last.safetensors
refused "--init-from over a run" 1 wide/last.safetensors cls_token -- "${train[@]}" --out run --overwrite --init-from wide/last.safetensors
refused "--init-from of a missing file" 1 nowhere -- "${train[@]}" --out fresh --init-from nowhere
refused "--init-from of a folder" 1 data -- "${train[@]}" --out fresh --init-from data
refused "evaluate on data with other classes" 2 --data 62 10 -- evaluate --weights run/last.safetensors --data glyphs
refused "evaluate of a missing file" 1 nowhere -- evaluate --weights nowhere --data cifar10:data
refused "info of a missing file" 1 nowhere -- info nowhere
refused "info of a folder that is no checkpoint" 1 data -- info data
refused "info of two files" 2 two -- info run/last.safetensors two

### Damaged safetensors files
safetensors() {  # safetensors FILE HEADER BYTES-OF-DATA [LENGTH]: LENGTH (8 bytes, in octal) overrides the header's length
  local n=${#2}
  { if [ $# -ge 4 ]; then printf "$4"; else printf "\\x$(printf %02x $((n & 255)))\\x$(printf %02x $((n >> 8)))\\0\\0\\0\\0\\0\\0"; fi
    printf %s "$2"; head -c "$3" /dev/zero; } >"$1"
}
bad_weights() {  # bad_weights NAME WORD: what is in bad.safetensors is refused by all that read weights
  refused "$1, info" 1 bad.safetensors "$2" -- info bad.safetensors
  refused "$1, evaluate" 1 bad.safetensors "$2" -- evaluate --weights bad.safetensors --data cifar10:data
  refused "$1, --init-from" 1 bad.safetensors "$2" -- "${train[@]}" --out run --overwrite --init-from bad.safetensors
}
one='"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}'
safetensors good.safetensors "{$one}" 8
run info good.safetensors
check "a safetensors file by hand is read" equal "$code" 0
tensors=$(stat -c %s run/last.safetensors)
cp run/last.safetensors bad.safetensors; truncate -s -1 bad.safetensors;               bad_weights "safetensors without its last byte" cut
cp run/last.safetensors bad.safetensors; truncate -s 500 bad.safetensors;              bad_weights "safetensors cut in its header" cut
cp run/last.safetensors bad.safetensors; truncate -s 5 bad.safetensors;                bad_weights "safetensors cut in its length" "5 bytes"
: >bad.safetensors;                                                                    bad_weights "empty safetensors" "0 bytes"
cp run/last.safetensors bad.safetensors; echo >>bad.safetensors;                       bad_weights "safetensors with a byte too many" "the file has"
cp run/last.safetensors bad.safetensors; printf X | dd of=bad.safetensors bs=1 seek=$((tensors - 100)) conv=notrunc status=none
bad_weights "safetensors with a byte changed" CRC
safetensors bad.safetensors "{$one,\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}" 12;  bad_weights "overlapping offsets" overlap
safetensors bad.safetensors "{$one,\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}" 8;    bad_weights "the same offsets twice" overlap
safetensors bad.safetensors "{$one,\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[12,20]}}" 20; bad_weights "a gap between tensors" "no tensor"
safetensors bad.safetensors '{"a":{"dtype":"F32","shape":[2],"data_offsets":[800,808]}}' 8;               bad_weights "offsets out of range" 800
safetensors bad.safetensors '{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}' 8;                   bad_weights "offsets the wrong way round" "'a'"
safetensors bad.safetensors '{"a":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}' 8;                  bad_weights "negative offsets" "'a'"
safetensors bad.safetensors '{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}' 8;                   bad_weights "a shape that does not fit its bytes" "[3]"
safetensors bad.safetensors '{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}}' 8; bad_weights "a shape beyond 64 bits" "too large"
safetensors bad.safetensors '{"a":{"dtype":"F99","shape":[2],"data_offsets":[0,8]}}' 8;                   bad_weights "unknown dtype" F99
safetensors bad.safetensors '{"a":{"dtype":7,"shape":[2],"data_offsets":[0,8]}}' 8;                       bad_weights "a dtype that is a number" dtype
safetensors bad.safetensors '{"a":{"shape":[2],"data_offsets":[0,8]}}' 8;                                 bad_weights "no dtype" dtype
safetensors bad.safetensors "{$one,$one}" 8;                                                              bad_weights "a tensor twice" twice
safetensors bad.safetensors '[1]' 0;                                                                      bad_weights "a header that is a list" header
safetensors bad.safetensors '{"a":' 0;                                                                    bad_weights "a header that is no JSON" JSON
safetensors bad.safetensors '{"\u001b[31m":{"dtype":"F99","shape":[2],"data_offsets":[0,8]}}' 8;          bad_weights "a tensor's name for a terminal" '\x1b'
safetensors bad.safetensors "{$one}" 8 '\377\377\377\377\377\377\377\177';                                bad_weights "a huge header" 9223372036854775807
safetensors bad.safetensors "{$one}" 8 '\0\341\365\5\0\0\0\0';                                            bad_weights "a header as long as allowed, in a short file" 100000000
safetensors bad.safetensors "{$one}" 8 '\0\0\0\0\0\0\0\0';                                                bad_weights "a header of no length" "length is 0"
cp data/test_batch.bin bad.safetensors;                                                                   bad_weights "another kind of file" safetensors
refused "evaluate of weights that say nothing about their model" 1 good.safetensors description -- evaluate --weights good.safetensors --data cifar10:data
safetensors bad.safetensors "{\"__metadata__\":{\"mvmoe\":\"{}\"},$one}" 8
refused "evaluate of weights with an empty description" 1 bad.safetensors description -- evaluate --weights bad.safetensors --data cifar10:data
deep=$(head -c 30000 /dev/zero | tr '\0' '[')$(head -c 30000 /dev/zero | tr '\0' ']')
safetensors bad.safetensors "{\"__metadata__\":{\"mvmoe\":\"$deep\"}}" 0
refused "info of weights whose description is nested without end" 1 bad.safetensors "nested too deeply" -- info bad.safetensors
refused "evaluate of weights whose description is nested without end" 1 bad.safetensors "nested too deeply" -- evaluate --weights bad.safetensors --data cifar10:data
rm -f bad.safetensors good.safetensors

### --config and what stands in it
refused "--config of a missing file" 1 nowhere -- "${train[@]}" --out fresh --config nowhere
refused "--config of a folder" 1 data -- "${train[@]}" --out fresh --config data
bad_config() { printf '%s' "$2" >config.json; refused "--config: $1" "$3" "$4" -- "${train[@]}" --out run --overwrite --config config.json; }
bad_config "cut" '{"clip":"1"' 1 config.json
bad_config "a list" '[]' 2 config.json
bad_config "an unknown flag" '{"learning":"1"}' 2 learning
bad_config "a value that is no number" '{"clip":"x"}' 2 clip
bad_config "an object for a value" '{"clip":{}}' 2 clip
bad_config "bytes that are no text" $'{"\xff\e":"1"}' 1 config.json
rm config.json

### A folder that cannot be written
refused "--out below a file" 1 data/test_batch.bin/run -- "${train[@]}" --out data/test_batch.bin/run
refused "--out is a file" 1 data/test_batch.bin -- "${train[@]}" --out data/test_batch.bin
refused "--out is a file, --overwrite" 1 data/test_batch.bin -- "${train[@]}" --out data/test_batch.bin --overwrite
refused "--out in /proc" 1 /proc/none -- "${train[@]}" --out /proc/none
refused "--out is a device" 1 /dev/null -- "${train[@]}" --out /dev/null
refused "--out empty" 2 --out -- "${train[@]}" --out ''
refused "--out with a name too long" 1 --out "too long" -- "${train[@]}" --out "$(head -c 300 /dev/zero | tr '\0' a)"
ln -s nowhere dangling
refused "--out is a link to nowhere" 1 dangling -- "${train[@]}" --out dangling
refused "a folder with a run, neither --resume nor --overwrite" 2 --out --resume --overwrite -- "${train[@]}" --out run
refused "--resume and --overwrite" 2 --resume -- "${train[@]}" --out run --resume --overwrite
mkdir mountpoint
if mount -t tmpfs -o size=1m tmpfs mountpoint 2>/dev/null; then
  mounted+=("$work/mountpoint")
  mount -o remount,ro mountpoint
  refused "--out on a read-only disk" 1 mountpoint -- "${train[@]}" --out mountpoint/run
  mount -o remount,rw mountpoint
else
  skip "--out on a read-only disk" "no right to mount"
fi

### Threads that the system does not give (each wants room for its stack): found before the run there is removed
limit=$(ulimit -S -v)
ulimit -S -v 1500000
run info
if [ "$code" -eq 0 ]; then
  bad_thread() { refused "$1" 1 "$2" "of 256 threads" -- "${train[@]}" --out run --overwrite "$2" 256; }
  bad_thread "more workers than the system gives" --workers
  bad_thread "more threads than the system gives" --threads
else
  skip "more workers than the system gives" "the program needs more than 1.5 GB of addresses"
  skip "more threads than the system gives" "the program needs more than 1.5 GB of addresses"
fi
ulimit -S -v "$limit"

### A full disk while a checkpoint is written: the one before still loads, and with room again the run goes on to the same end
long=(train --quiet --data cifar10:data "${tiny[@]}" --epochs 60 --save-every 6 --keep 1)
must_run "the run that nothing disturbs" "${long[@]}" --out undisturbed
complete() {  # every checkpoint in the run's folder is whole, and nothing half-written lies about
  local step steps
  steps=("$1"/checkpoints/step-*)
  [ -d "${steps[0]}" ] || { echo "no checkpoint"; return 1; }
  for step in "${steps[@]}"; do "$program" info "$step" >/dev/null || return 1; done
  [ -z "$(find "$1" -name 'unfinished-*' -o -name '*.tmp')" ] || find "$1" -name 'unfinished-*' -o -name '*.tmp'
}
half_a_run() {  # half_a_run FOLDER: stopped by a signal after its first epoch
  start "${long[@]}" --out "$1"
  until_true [ -e "$1/log.csv" ]
  stopped TERM
  [ "$code" -eq 75 ] || not_ok "half a run in $1" "exit $code: $err"
}
full_disk() {  # full_disk NAME FOLDER WORD: after a `run` with no room
  local said
  said=$(complaints 1 "$3")
  if [ -z "$said" ]; then ok "$1"; else not_ok "$1" "${said//$'\n'/ } [${err:0:300}]"; fi
  check "$1: the checkpoint before loads" complete "$2"
}
### A limit on the size of files (ulimit -f), which is a signal by default: as a full disk, and the checkpoint before loads
half_a_run bounded
(ulimit -f 8 && exec "$program" "${long[@]}" --out bounded --resume) >"$captured/out" 2>"$captured/err" </dev/null && code=0 || code=$?
err=$(<"$captured/err")
check "a limit on the size of files: one line" equal "$code $(wc -l <"$captured/err" | tr -d ' ')" "1 1"
check "a limit on the size of files: names the file and the reason" grep -q 'bounded/.*File too large' "$captured/err"
check "a limit on the size of files: the checkpoint before loads" complete bounded
must_run "a limit on the size of files: without it the run goes on" "${long[@]}" --out bounded --resume
check "a limit on the size of files: to the same end" same_files undisturbed/last.safetensors bounded/last.safetensors
if [ ${#mounted[@]} -gt 0 ]; then
  half_a_run mountpoint/run
  cat /dev/zero >mountpoint/ballast 2>/dev/null
  run "${long[@]}" --out mountpoint/run --resume
  full_disk "a disk without any room" mountpoint/run "No space left"
  # Room for log.csv and, one at a time, the weights; not for a checkpoint, which has the moments too.
  truncate -s -130K mountpoint/ballast
  run "${long[@]}" --out mountpoint/run --resume
  full_disk "a disk that fills up at a checkpoint" mountpoint/run "No space left"
  check "a disk that fills up at a checkpoint: names the file" has "$err" mountpoint/run/checkpoints/
  rm mountpoint/ballast
  run "${long[@]}" --out mountpoint/run --resume --json
  check "with room again the run goes on" between 1 "$(json_value resumed_at)" 399
  check "with room again the run ends as if nothing had been" same_files undisturbed/last.safetensors mountpoint/run/last.safetensors
else
  skip "a disk without any room" "no right to mount"
  skip "a disk that fills up at a checkpoint" "no right to mount"
fi
# The same without rights: no file may grow beyond 100 KiB, which the moments do.
half_a_run limited
code=0
(trap '' XFSZ; ulimit -f 100; exec "$program" "${long[@]}" --out limited --resume) >"$captured/out" 2>"$captured/err" || code=$?
out=$(<"$captured/out") err=$(<"$captured/err")
full_disk "a file that may not grow" limited limited/checkpoints/
run "${long[@]}" --out limited --resume
check "without the limit the run ends as if nothing had been" same_files undisturbed/last.safetensors limited/last.safetensors

### A loss that is no number
explode=(train --quiet --data cifar10:data "${tiny[@]}" --epochs 2 --lr 1e30 --clip 0)
run "${explode[@]}" --out exploded --save-every 1
full_disk "a loss that becomes NaN" exploded "exploded/checkpoints/step-"
check "a loss that becomes NaN: names step and learning rate" grep -Eq 'step [0-9]+ .*learning rate [0-9.]+e\+(29|30)' "$captured/err"
named=$(grep -o 'exploded/checkpoints/step-[0-9]*' "$captured/err")
check "a loss that becomes NaN: the checkpoint it names is there" [ -d "$named" ]
run "${explode[@]}" --out exploded2
check "NaN before the first checkpoint" equal "$(complaints 1 'step ' 'learning rate' 'no checkpoint')" ""

### Results that nobody can read are no success
for arguments in "summary --model vit-1x16 --json" "info --json" "--help" "evaluate --weights run/last.safetensors --data cifar10:data --json"; do
  code=0
  # shellcheck disable=SC2086 # the words are meant to be split
  "$program" $arguments >/dev/full 2>"$captured/err" || code=$?
  check "stdout on a full disk: ${arguments%% *}" equal "$code" 1
done

finish
