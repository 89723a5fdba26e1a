#!/usr/bin/env bash
# Weights files from outside: a corpus of damaged ones, each refused in one line; and training that begins from another's weights,
# with the preprocessing that they were made for.
. tests/cli/lib/checks.sh

corpus=$repository/tests/fuzz/corpus timm=$repository/tests/golden/timm images=$repository/tests/golden/images

### Damaged weights: info and predict say what is wrong, in one line
# one_line NAME CODES ARGUMENTS...: the program ends with one of the codes, 0 without a word on stderr, any other with one line.
one_line() {
  local name=$1 codes=$2 said
  shift 2
  run "$@"
  if [ "$code" -eq 0 ]; then said=${err:0:200}; else said=$(complaints "$code"); fi
  case " $codes " in *" $code "*) ;; *) said+=" exit $code" ;; esac
  if [ -z "$said" ]; then ok "$name"; else not_ok "$name" "${said//$'\n'/ } [${err:0:300}]"; fi
}
refusals=0
for file in "$corpus"/safetensors/*; do
  name=$(basename "$file")
  one_line "info of $name" "0 1" info "$file"
  [ "$code" -eq 0 ] || refusals=$((refusals + 1))
  one_line "predict with $name" "1 2" predict --weights "$file" "$images/colour.jpg"
done
check "info reads the files that are good, and refuses the others" between 12 "$refusals" 18

# with_description JSON: a safetensors file without tensors, and that as its description of a network.
with_description() {
  local escaped header
  escaped=$(sed 's/\\/\\\\/g; s/"/\\"/g; s/\t/\\t/g; s/$/\\n/' "$1" | tr -d '\n')
  header="{\"__metadata__\":{\"mvmoe\":\"$escaped\"}}"
  # shellcheck disable=SC2059
  printf "$(printf '\\x%02x\\x%02x\\x%02x\\0\\0\\0\\0\\0' $((${#header} % 256)) $((${#header} / 256 % 256)) $((${#header} / 65536)))"
  printf '%s' "$header"
}
for file in "$corpus"/description/*; do
  name=$(basename "$file")
  with_description "$file" >described.safetensors
  one_line "predict with the description $name" "1 2" predict --weights described.safetensors "$images/colour.jpg"
  one_line "info of the description $name" "0 1" info described.safetensors
done
with_description "$corpus/description/good.json" >described.safetensors
run predict --weights described.safetensors "$images/colour.jpg"
check "a description that is good: tensors are missing" has "$err" "has no tensor"

### Damaged images among good ones
run predict --weights "$timm/token/model.safetensors" "$corpus/image"
check "damaged images: exit 1" equal "$code" 1
check "damaged images: a prediction or a line each" equal "$(($(grep -vc '^ ' "$captured/out") + $(wc -l <"$captured/err")))" "$(find "$corpus/image" -type f | wc -l)"
check "damaged images: each line names one" equal "$(grep -vc "^mvmoe: $corpus/image/[^ ]*: " "$captured/err")" 0

### Training that begins from timm's weights
make_cifar10 data
finetune=(train --data cifar10:data --model vit-2x24 --patch 4 --mlp-ratio 1.5 --epochs 1 --batch-size 32 --warmup-epochs 0 --threads 1)
said() { json_line | sed -n "s/.*\"$1\":\(\[[^]]*\]\|[^,}]*\).*/\1/p"; }  # of info's description
must_run "from shards" "${finetune[@]}" --init-from "$timm/sharded/model.safetensors.index.json" --out shards
check "from shards: what is taken, in one line" equal "$(grep -c "taken from $timm/sharded/config.json, .*: mean, std (" "$captured/err")" 1
check "from shards: what is adapted" grep -q 'positions of 9 patches resampled for 64; the head starts anew, for 10 classes instead of 5\|the head starts anew, for 10 classes instead of 5' "$captured/err"
must_run "info of what began from shards" info shards/last.safetensors --json
check "from shards: mean, std and heads are the weights' own" equal "$(said mean) $(said std) $(said heads)" "[0.5,0.5,0.5] [0.5,0.5,0.5] 2"
must_run "goes on" "${finetune[@]}" --init-from "$timm/sharded/model.safetensors.index.json" --out shards --resume
check "what was taken stays with the run" has "$(tr -d '\n' <shards/config.json)" '"mean": "0.5 0.5 0.5"'
must_run "by flags" "${finetune[@]}" --quiet --init-from "$timm/token/model.safetensors" --mean 0.4 --mean 0.45 --mean 0.5 --std 0.2 --out flags
check "--quiet is quiet" equal "$err" ""
must_run "info of what was said" info flags/last.safetensors --json
check "a flag wins over the weights; three numbers, or one for all" equal "$(said mean) $(said std)" "[0.4000000059604645,0.44999998807907104,0.5] [0.20000000298023224,0.20000000298023224,0.20000000298023224]"
must_run "from weights of this program" "${finetune[@]}" --init-from flags/last.safetensors --out second
check "from weights of this program: what is taken" grep -q 'taken from flags/last.safetensors, .*: mean, std (' "$captured/err"
must_run "evaluate" evaluate --weights second/last.safetensors --data cifar10:data --json
check "evaluate" json_has_keys top1
must_run "crop of images of one size" evaluate --weights second/last.safetensors --data cifar10:data --crop-pct 0.9
check "crop of images of one size: it is said that nothing follows" has "$err" "--crop-pct, --interpolation: images of this data set are of one size"
must_run "train, crop of images of one size" train --data cifar10:data "${tiny[@]}" --epochs 1 --crop-pct 0.9 --out crop
check "train, crop of images of one size" has "$err" "--crop-pct, --interpolation: images of this data set are of one size"
must_run "train, nothing said of a crop" train --data cifar10:data "${tiny[@]}" --epochs 1 --out plain
check "train, nothing said of a crop" has_not "$err" "--crop-pct"

refused "heads that the weights do not have" 2 "--heads: 3 contradicts $timm/token/model.safetensors, whose network has 2" -- "${finetune[@]}" --quiet --heads 3 --init-from "$timm/token/model.safetensors" --out bad
refused "two means" 2 "--mean: is given 2 times" -- "${finetune[@]}" --quiet --mean 0.4 --mean 0.5 --out bad
printf 'PK\3\4\0\0\10\10\0\0 and so on' >pytorch_model.bin
refused "pickled weights to begin from" 1 "pytorch_model.bin: is pickled" weights_only=True -- "${finetune[@]}" --quiet --init-from pytorch_model.bin --out bad
printf '{"weight_map": {"head.bias": "../w.safetensors"}}' >model.safetensors.index.json
refused "an index that leads elsewhere" 1 model.safetensors.index.json "plain name" -- "${finetune[@]}" --quiet --init-from model.safetensors.index.json --out bad
refused "another network's weights" 1 "$timm/avg_fc_norm/model.safetensors: has no tensor norm.weight" -- "${finetune[@]}" --quiet --init-from "$timm/avg_fc_norm/model.safetensors" --out bad

### A folder of images: crop and interpolation too
mkdir -p photos/{train,val}/{cat,dog}
for class in cat dog; do for part in train val; do cp "$images/colour.jpg" "photos/$part/$class/1.jpg"; cp "$images/colour.png" "photos/$part/$class/2.png"; done; done
must_run "from timm's weights, a folder" train --data folder:photos --model vit-2x24 --patch 4 --mlp-ratio 1.5 --image-size 12 --epochs 1 --batch-size 4 --warmup-epochs 0 --init-from "$timm/token/model.safetensors" --out folder
check "a folder: crop is taken too" grep -q ': mean, std, crop-pct (' "$captured/err"
must_run "info of a folder's" info folder/last.safetensors --json
check "a folder: the weights' crop" equal "$(said crop_pct | cut -c1-6) $(said interpolation)" '0.9499 "bicubic"'

must_run "evaluate timm's shards" evaluate --weights "$timm/sharded/model.safetensors.index.json" --class-names <(printf 'cat\ndog\nnewt\nowl\nyak\n') --data folder:photos --json
check "evaluate timm's shards" equal "$(json_value images)" 4
must_run "class names behind a mark of UTF-8" evaluate --weights "$timm/sharded/model.safetensors.index.json" --class-names <(printf '\xEF\xBB\xBFcat\r\ndog\nnewt\nowl\nyak\n') --data folder:photos --json
check "class names behind a mark of UTF-8" equal "$(json_value images)" 4
mkdir bare && cp "$timm/token/model.safetensors" bare/  # nobody says what its classes are called
nobody_says=(evaluate --weights bare/model.safetensors --heads 2 --pool cls --mean 0.5 --std 0.5 --crop-pct 1 --interpolation bicubic --quiet)
refused "evaluate classes that are numbers on some of them" 2 "--class-names: must be given, a file with a line for each of 5 classes" "folder:photos has 2" -- "${nobody_says[@]}" --data folder:photos
for class in a b c d e; do mkdir -p "five/$class" && cp "$images/colour.jpg" "five/$class"; done
must_run "evaluate classes that are numbers on as many: in their order" "${nobody_says[@]}" --data folder:five

finish
