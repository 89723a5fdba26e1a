#!/usr/bin/env bash
# predict: what it prints, where names come from, damaged images among good ones; and weights from elsewhere, of which
# everything wrong is one line.
. tests/cli/lib/checks.sh

images=$repository/tests/golden/images timm=$repository/tests/golden/timm
mkdir pictures pictures/below
cp "$images/colour.jpg" pictures/a.jpg
cp "$images/grey.png" pictures/below/B.PNG
printf 'no image' >pictures/note.txt
head -c 200 "$images/colour.jpg" >damaged.jpg
cp damaged.jpg damaged
ln -s /dev/full full.png
token=$timm/token/model.safetensors
predict=(predict --weights "$token")

### What is printed
must_run "a table" "${predict[@]}" pictures/a.jpg
check "a table: the file, then five classes" equal "$(grep -c '^  *[0-9.]* %  [a-z]*$' "$captured/out") $(head -n 1 "$captured/out")" "5 pictures/a.jpg"
must_run "JSON" "${predict[@]}" --json --logits pictures/a.jpg
check "JSON: keys" json_has_keys predictions file top class probability superclass experts explanation explanation_range logits
check "JSON: no super-class and no experts in a dense network" has "$(json_line)" '"superclass":null,"experts":null,"explanation":null,"explanation_range":null'
check "JSON: nothing on stderr" equal "$err" ""
check "JSON: the most probable first" awk -v line="$(json_line)" 'BEGIN {
  n = split(line, part, "\"probability\":"); sum = 0
  for (i = 2; i <= n; ++i) { sum += part[i] + 0; if (i > 2 && part[i] + 0 > part[i - 1] + 0) exit 1 }
  exit !(n == 6 && sum > 0.999 && sum < 1.001) }'

### Where names come from
files() { grep -v '^ ' "$captured/out" | tr '\n' ' '; }
must_run "a folder" "${predict[@]}" pictures
check "a folder stands for its images, and those below" equal "$(files)" "pictures/a.jpg pictures/below/B.PNG "
printf 'pictures/below/B.PNG\npictures/a.jpg\n' >lines
printf 'pictures/a.jpg\0pictures/below/B.PNG\0' >zeros
reads() { "$program" "${predict[@]}" "${@:2}" <"$1" >"$captured/out" 2>"$captured/err"; }
check "lines on stdin" reads lines -
check "lines on stdin: in their order" equal "$(files)" "pictures/below/B.PNG pictures/a.jpg "
check "names that end in a zero byte" reads zeros -0
check "names that end in a zero byte: in their order" equal "$(files)" "pictures/a.jpg pictures/below/B.PNG "
check "stdin beside a file" reads lines pictures/a.jpg -
check "stdin beside a file: in their order" equal "$(files)" "pictures/a.jpg pictures/below/B.PNG pictures/a.jpg "
: >empty
check "no names on stdin are no predictions" reads empty - --json
check "no names on stdin: JSON" equal "$(json_line)" '{"predictions":[]}'

cp pictures/a.jpg ./--json
cp pictures/a.jpg ./-0
must_run "files that begin with dashes" "${predict[@]}" -- --json -0 pictures/a.jpg
check "files that begin with dashes: behind --" equal "$(files)" "--json -0 pictures/a.jpg "
refused "files that begin with dashes: without --" 2 "-a.jpg: no such flag" -- "${predict[@]}" pictures/a.jpg -a.jpg
rm ./--json ./-0

### An image says the same in any company
must_run "alone" "${predict[@]}" --json --logits --threads 1 pictures/a.jpg
alone=$(json_line | sed 's/.*"logits"//')
must_run "in company" "${predict[@]}" --json --logits --threads 2 pictures/below/B.PNG pictures/below/B.PNG pictures/a.jpg
check "an image says the same in any company" equal "$(json_line | sed 's/.*"logits"//')" "$alone"

### What was looked at
# png_size FILE: width and height of a PNG, as its header says them.
png_size() {
  [ "$(head -c 8 "$1" | od -An -tx1 | tr -d ' \n')" = 89504e470d0a1a0a ] || return 1
  od -An -tu1 -j16 -N8 "$1" | awk '{ print (($1 * 256 + $2) * 256 + $3) * 256 + $4, (($5 * 256 + $6) * 256 + $7) * 256 + $8 }'
}
must_run "explain" "${predict[@]}" --explain maps/new pictures pictures/a.jpg
check "explain: a picture for each image, two of one name apart" equal "$(ls maps/new | tr '\n' ' ')" "B.png a-2.png a.png "
check "explain: the table names it" grep -q '^  looked at: maps/new/a-2.png (its patches: [0-9.]* to [0-9.]* times their mean share)$' "$captured/out"
check "explain: the image of 12 pixels, 19 times as large" equal "$(png_size maps/new/B.png)" "464 228"
check "explain: an image and its copy are one picture" same_files maps/new/a.png maps/new/a-2.png
must_run "explain one image" "${predict[@]}" --explain one.PNG --json pictures/a.jpg
check "explain one image: JSON" has "$(json_line)" '"explanation":"one.PNG"'
check "explain one image: as in a folder" same_files one.PNG maps/new/a.png
for network in avg_norm avg_no_class_token layer_scale; do
  must_run "explain $network" predict --weights "$timm/$network/model.safetensors" --explain maps/$network.png pictures/a.jpg
  check "explain $network" equal "$(png_size maps/$network.png)" "464 228"
done
run "${predict[@]}" --explain maps/some pictures/a.jpg damaged.jpg
check "explain: a damaged image has no picture" equal "$code $(ls maps/some)" "1 a.png"
refused "explain into a folder that cannot be made" 1 "--explain: pictures/a.jpg/maps: Not a directory" -- "${predict[@]}" --explain pictures/a.jpg/maps pictures
refused "explain into a file" 1 "--explain: damaged is a file" -- "${predict[@]}" --explain damaged pictures
refused "explain several images in one picture" 2 "--explain: all.png" folder -- "${predict[@]}" --explain all.png pictures
refused "explain as a JPEG" 2 "--explain: a.jpg" PNG -- "${predict[@]}" --explain a.jpg pictures
refused "explain among the images" 2 "--explain: pictures holds the image pictures/a.jpg" -- "${predict[@]}" --explain pictures pictures/a.jpg
refused "explain over the image" 2 "--explain: pictures/below/B.PNG is the image itself" -- "${predict[@]}" --explain pictures/below/B.PNG pictures/below/B.PNG
refused "explain nowhere" 2 "--explain: is empty" -- "${predict[@]}" --explain= pictures
refused "explain with weights that are missing makes no folder" 1 gone.safetensors -- predict --weights gone.safetensors --explain folder pictures
if [ -e /dev/full ]; then refused "explain, the disk full" 1 "full.png: No space left on device" -- "${predict[@]}" --explain full.png pictures/a.jpg; fi

### Damaged and missing images
run "${predict[@]}" pictures/a.jpg damaged.jpg gone.jpg pictures/below/B.PNG
check "damaged and missing images: exit 1" equal "$code" 1
check "damaged and missing images: the others are predicted" equal "$(files)" "pictures/a.jpg pictures/below/B.PNG "
check "damaged and missing images: a line each" equal "$(wc -l <"$captured/err")" 2
check "a damaged image is named" grep -q '^mvmoe: damaged.jpg: ' "$captured/err"
check "a missing image is named" grep -q '^mvmoe: gone.jpg: No such file or directory$' "$captured/err"
refused "an image of a name that a terminal would obey" 1 'mvmoe: a\x1b[2Jb: ' -- "${predict[@]}" $'a\e[2Jb'
mkdir bare
refused "a folder without images" 1 bare -- "${predict[@]}" bare
refused "no image named" 2 IMAGE -- "${predict[@]}"
refused "no weights" 2 --weights -- predict pictures/a.jpg

### Weights from elsewhere
refused "missing weights" 1 "gone.safetensors: No such file" -- predict --weights gone.safetensors pictures/a.jpg
refused "missing weights, evaluate" 1 "gone.safetensors: No such file" -- evaluate --weights gone.safetensors --data glyphs
printf 'PK\3\4\0\0\10\10\0\0 and so on' >pytorch_model.bin
printf '\200\2\212\12l\374\234F\371 and so on' >old.pt
for file in pytorch_model.bin old.pt; do
  for command in "predict --weights $file pictures/a.jpg" "evaluate --weights $file --data glyphs" "info $file"; do
    # shellcheck disable=SC2086
    refused "${command%% *}: $file is refused with the command that converts it" 1 "$file: is pickled" weights_only=True "'$file' '${file%.*}.safetensors'" -- $command
  done
done
for name in ../$(basename "$work")/w.safetensors /etc/passwd below/w.safetensors; do
  printf '{"weight_map": {"head.bias": "%s"}}' "$name" >model.safetensors.index.json
  refused "an index that names $name" 1 model.safetensors.index.json "'$name'" "plain name" -- predict --weights model.safetensors.index.json pictures/a.jpg
done
cp "$token" alone.safetensors
refused "no config.json: every flag that is missing is named" 2 --heads --pool --mean --std --crop-pct --interpolation alone.safetensors config.json -- predict --weights alone.safetensors pictures/a.jpg
said=(--pool cls --mean 0.5 --std 0.5 --crop-pct 0.95 --interpolation bicubic)
refused "heads alone are missing" 2 "--heads: must be given" -- predict --weights alone.safetensors "${said[@]}" pictures/a.jpg
refused "heads that do not divide the width" 2 "--heads: 5 does not divide the width 24" -- predict --weights alone.safetensors "${said[@]}" --heads 5 pictures/a.jpg
refused "heads that contradict the configuration" 2 "--heads: contradicts" "has 2" -- "${predict[@]}" --heads 3 pictures/a.jpg
refused "two means" 2 "--mean: is given 2 times" -- "${predict[@]}" --mean 0.5 --mean 0.4 pictures/a.jpg
refused "an image size that the patch does not divide" 2 "--patch: 4 does not divide the image size 13" -- "${predict[@]}" --image-size 13 pictures/a.jpg
printf 'cat\ndog\n' >two
refused "too few class names" 2 "--class-names: 2 names" "5 classes" -- "${predict[@]}" --class-names two pictures/a.jpg
must_run "by the configuration" "${predict[@]}" --json --logits pictures/a.jpg
by_configuration=$(json_line | sed 's/.*"logits"//')
must_run "by flags" predict --weights alone.safetensors "${said[@]}" --heads 2 --json --logits pictures/a.jpg
check "flags say what the configuration says" equal "$(json_line | sed 's/.*"logits"//')" "$by_configuration"
check "without names classes are numbers" has "$(json_line)" '"class":"0"'
printf 'cat\ndog\nnewt\nowl\nyak\n' >five
must_run "a file of names" predict --weights alone.safetensors "${said[@]}" --heads 2 --class-names five pictures/a.jpg
check "a file of names" has "$out" newt
must_run "three means" "${predict[@]}" --mean 0.5 --mean 0.5 --mean 0.5 --json --logits pictures/a.jpg
check "three means that are one" equal "$(json_line | sed 's/.*"logits"//')" "$by_configuration"
must_run "another size" "${predict[@]}" --image-size 20 --json --logits pictures/a.jpg
check "another size is another input" different "$(json_line | sed 's/.*"logits"//')" "$by_configuration"
must_run "shards" predict --weights "$timm/sharded/model.safetensors.index.json" pictures/a.jpg
must_run "info of shards" info "$timm/sharded/model.safetensors.index.json" --json
check "info of shards: what timm's configuration says" has "$(json_line)" '"depth":2,"width":24,"heads":2,'
must_run "info without a configuration" info alone.safetensors --json
check "info without a configuration: null is what nobody says" has "$(json_line)" '"heads":null,'

### A folder of class folders, evaluated by weights from elsewhere
mkdir -p val/{cat,dog,newt,owl,yak}
for class in cat dog newt owl yak; do cp "$images/colour.jpg" "val/$class/1.jpg"; done
must_run "evaluate a folder" evaluate --weights "$token" --data "folder:$work" --json
check "evaluate: of one image five times under five names one is right" equal "$(json_value top1) $(json_value top5) $(json_value images)" "20.0 100.0 5"
must_run "evaluate with numbered classes" evaluate --weights alone.safetensors "${said[@]}" --heads 2 --data "folder:$work" --json
check "evaluate: classes without names are the folder's, in order" equal "$(json_value top1)" 20.0

### A sparse network
make_cifar10 data
printf '{"superclasses": [["class 0", "class 1", "class 2"], ["class 3", "class 4", "class 5", "class 6", "class 7", "class 8", "class 9"]]}' >two.json
sparse=(train --quiet --data cifar10:data "${tiny[@]}" --epochs 1 --experts 2 --moe-layers 1)
must_run "a network routed by super-class" "${sparse[@]}" --superclasses two.json --out guided
must_run "predict, routed by super-class" predict --weights guided/last.safetensors --json pictures/a.jpg
best=$(json_line | sed 's/.*"top":\[{"class":"class \([0-9]\)".*/\1/')
check "routed by super-class: that of the most probable class" equal "$(json_value superclass)" "$((best > 2))"
check "routed by super-class: one expert" equal "$(json_line | grep -o '"index":' | wc -l | tr -d ' ')" 1
must_run "predict, routed by super-class, as a table" predict --weights guided/last.safetensors pictures/a.jpg
check "routed by super-class: the table says it" grep -q "^  super-class $((best > 2))\$" "$captured/out"
must_run "a network routed by image" "${sparse[@]}" --routing image --top-k 2 --out image
must_run "predict, routed by image" predict --weights image/last.safetensors --json pictures/a.jpg
gates() { json_line | grep -o '"gate":[0-9.e-]*' | cut -d: -f2; }
check "routed by image: both experts, their gates sum to 1" between 0.999 "$(gates | awk '{ s += $1 } END { print s }')" 1.001
check "routed by image: the heaviest first" equal "$(gates)" "$(gates | sort -gr)"
must_run "a network routed by token" "${sparse[@]}" --routing token --out token
must_run "predict, routed by token" predict --weights token/last.safetensors --json pictures/a.jpg
check "routed by token: experts and gates" has "$(json_line)" '"experts":[{"index":'
must_run "predict, routed by token, as a table" predict --weights token/last.safetensors pictures/a.jpg
check "routed by token: the table has experts" grep -q '^  experts: [01] (gate 0\.' "$captured/out"
for routing in guided image token; do
  must_run "explain, routed by $routing" predict --weights $routing/last.safetensors --explain maps/$routing pictures/a.jpg
  check "explain, routed by $routing" equal "$(png_size maps/$routing/a.png)" "456 224"
done

### Experts that no image went to stay in the file
# resident WEIGHTS: kB that the program has in memory when it has predicted four images and waits for the next name.
resident() {
  rm -f names "$captured/asked"  # what the one before said is not this one's answer
  mkfifo names
  "$program" predict --weights "$1" --threads 1 - <names >"$captured/asked" 2>&1 &
  pid=$!
  started+=("$pid")
  exec 8>names
  printf '%s\n' pictures/a.jpg pictures/a.jpg pictures/a.jpg pictures/a.jpg >&8
  until_true test -s "$captured/asked"
  kilobytes=$(awk '$1 == "VmRSS:" { print $2 }' "/proc/$pid/status")
  exec 8>&-
  wait "$pid"
}
must_run "64 experts" train --quiet --data cifar10:data --model vit-2x96 --patch 16 --heads 2 --batch-size 64 --warmup-epochs 0 --threads 1 --epochs 1 --experts 64 --moe-layers 2 --routing image --out many
kilobytes=0
resident many/last.safetensors
many=$kilobytes
resident "$token"
# The system may map 2 MiB around each of four weights and their biases; read whole, it would be all of the file.
check "64 experts: of $(($(wc -c <many/last.safetensors) / 1024)) kB a part is in memory" between 1 $((many - kilobytes)) $(($(wc -c <many/last.safetensors) / 1024 / 2))

finish
