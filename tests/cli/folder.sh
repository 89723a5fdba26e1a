#!/usr/bin/env bash
# Folders of images and packs from outside: training, resuming, evaluation; and what such folders hold in practice: empty
# classes, damaged and huge images, names for no terminal, loops, files that vanish. Named, counted, and the run goes on
# or ends with one clear line.
. tests/cli/lib/checks.sh

kinds=$repository/tests/golden/images
# Two classes, told apart by file: 12 training and 4 test images each.
make_folder() {
  local part count class i
  for part in train:12 val:4; do
    for class in 'cat' "dog's \"best\" ä"; do
      mkdir -p "$1/${part%:*}/$class"
      for ((i = 0; i < ${part#*:}; ++i)); do
        case $class in cat) cp "$kinds/colour.png" "$1/${part%:*}/$class/image $i.png" ;; *) cp "$kinds/progressive.jpg" "$1/${part%:*}/$class/$i.JPEG" ;; esac
      done
    done
  done
}
make_folder data
small=(--model vit-1x16 --patch 8 --heads 1 --image-size 16 --batch-size 8 --warmup-epochs 0 --threads 1)
train=(train --quiet "${small[@]}" --lr 1e-2)

### It is trained on, and learned
must_run "train on a folder" "${train[@]}" --data folder:data --epochs 10 --out run --json
check "two kinds of pictures are told apart" equal "$(json_value top1)" 100.0
check "no word on stderr" equal "$err" ""
must_run "evaluate" evaluate --weights run/last.safetensors --data folder:data --json
check "evaluate: test images" equal "$(json_value images)" 8
check "evaluate: the same" equal "$(json_value top1)" 100.0
check "config.json: how training crops" grep -q '"crop": "random-resized"' run/config.json
check "config.json: what evaluation crops to" grep -q '"crop-pct": "0.875' run/config.json
must_run "evaluate: val alone" evaluate --weights run/last.safetensors --data folder:data/val --json
check "evaluate: class folders directly" equal "$(json_value images)" 8
cp -r data partly && mkdir partly/train/cow
must_run "evaluate: an empty class in train, which it does not read" evaluate --weights run/last.safetensors --data folder:partly --json
check "evaluate: the same all the same" equal "$(json_value top1)" 100.0
mkdir -p some/val && cp -r data/val/dog* some/val/
must_run "evaluate: some classes only" evaluate --weights run/last.safetensors --data folder:some --json
check "evaluate: labels follow names, not places" equal "$(json_value top1)" 100.0
mv some/val/dog* some/val/wolf
refused "evaluate: a class that the weights do not know" 2 --data "'wolf'" -- evaluate --weights run/last.safetensors --data folder:some
must_run "confusion" train --quiet "${small[@]}" --data folder:data --epochs 1 --holdout 0.3 --out held
cp -r data learned && rm -r learned/val/* && mkdir learned/val/cow  # it does not read val
must_run "confusion" confusion --weights held/last.safetensors --data folder:learned --out confusion.csv --json
check "confusion: the held-out images" equal "$(json_value images)" 8

### A stop and a resume; another worker count; the data moved; other data
cp -r data elsewhere
must_run "uninterrupted" "${train[@]}" --data folder:data --epochs 400 --eval-every 150 --out whole
start "${train[@]}" --data folder:data --epochs 400 --eval-every 150 --save-every 1 --keep 1000 --out stopped
until_true [ -e stopped/checkpoints/step-20 ]
stopped TERM
check "stopped" equal "$code" 75
must_run "resumed" train --quiet --resume --out stopped --workers 2 --data folder:elsewhere --json
check "resumed in the middle" different "$(json_value resumed_at)" 0
check "resumed: the same weights to the bit" same_files whole/last.safetensors stopped/last.safetensors
cp "$kinds/grey.png" elsewhere/train/cat/'image 3.png'
start "${train[@]}" --data folder:data --epochs 400 --keep 1000 --out other
until_true [ -e other/checkpoints/step-3 ]
stopped TERM
refused "resume on other images" 2 --data folder:elsewhere -- train --quiet --resume --out other --data folder:elsewhere

### Packs
must_run "pack" pack --data folder:data --out data.pack --size 14 --json
check "pack: keys" json_has_keys images skipped bytes
check "pack: images" equal "$(json_value images)" 32
check "pack: bytes" equal "$(json_value bytes)" "$(stat -c %s data.pack)"
must_run "pack, one thread" pack --data folder:data --out one.pack --size 14 --threads 1
must_run "pack, three threads" pack --data folder:data --out three.pack --size 14 --threads 3
check "pack: the same bytes whatever the threads" same_files data.pack one.pack three.pack
must_run "pack, raw" pack --data folder:data --out raw.pack --size 14 --format raw
must_run "info" info raw.pack --json
check "info: every image" equal "$(json_value verified)" 32
must_run "train on a pack" "${train[@]}" --data pack:raw.pack --epochs 10 --out packed --json
check "a pack is learned" equal "$(json_value top1)" 100.0
must_run "a folder's run again, from the pack" train --quiet --config run/config.json --data pack:raw.pack --epochs 1 --out by-config
check "the network reads what it read before" grep -q '"image-size": "16"' by-config/config.json
sed 's/"data": .*/"data": "glyphs",/; s/"crop-pct": .*/"crop-pct": "1",/; s/"crop": .*/"crop": "pad4",/' run/config.json >of-glyphs.json
must_run "a run of other data again, on the folder" train --quiet --config of-glyphs.json --image-size 16 --patch 8 --data folder:data --epochs 1 --out by-config2
check "how images of any size are cut is chosen anew" grep -q '"crop-pct": "0.875"' by-config2/config.json
must_run "evaluate on a pack" evaluate --weights run/last.safetensors --data pack:data.pack --json
check "evaluate on a pack: images" equal "$(json_value images)" 8
must_run "bench loader" bench loader --data pack:data.pack --batch-size 8 --image-size 16 --json
check "bench loader: keys" json_has_keys step_ms images_per_s peak_share peak_rss_mb macs executed_macs
must_run "bench loader, val only" bench loader --data folder:data/val --batch-size 8 --image-size 16 --workers 2

cp raw.pack bad.pack
printf X | dd of=bad.pack bs=1 seek=20 conv=notrunc status=none
refused "info of a pack with a changed pixel" 1 bad.pack "image 0" CRC -- info bad.pack
run "${train[@]}" --data pack:bad.pack --epochs 1 --out damaged-pack
check "a changed pixel: another image stands in" has "$code $err" "0 mvmoe: warning: bad.pack: image 0 (cat): its CRC is not the stored one: another"
for cut in 1 100 $(($(stat -c %s raw.pack) - 3)); do
  cp raw.pack bad.pack
  truncate -s -$cut bad.pack
  refused "a pack without its last $cut bytes" 1 bad.pack -- "${train[@]}" --data pack:bad.pack --epochs 1 --out fresh
  refused "the same, info" 1 bad.pack -- info bad.pack
done
refused "pack: no such file" 1 nowhere -- "${train[@]}" --data pack:nowhere --epochs 1 --out fresh
refused "pack: a folder" 1 data -- "${train[@]}" --data pack:data --epochs 1 --out fresh
refused "pack: another file" 1 "mvmoe pack makes one" -- "${train[@]}" --data pack:run/last.safetensors --epochs 1 --out fresh
refused "pack of glyphs" 2 --data -- pack --data glyphs --out fresh
refused "pack without --out" 2 --out -- pack --data folder:data
refused "pack --quality 0" 2 --quality -- pack --data folder:data --out fresh --quality 0
refused "pack --size 0" 2 --size -- pack --data folder:data --out fresh --size 0
refused "pack --format png" 2 --format -- pack --data folder:data --out fresh --format png
refused "pack into no folder" 1 nowhere/pack -- pack --data folder:data --out nowhere/pack
refused "bench loader without data" 2 --data -- bench loader
refused "bench loader, a batch larger than the set" 2 --batch-size -- bench loader --data folder:data --batch-size 100

# What the network is trained on, as a picture.
must_run "augment-preview" augment-preview --data folder:data --out sheet.png --recipe deit --images 5 --image-size 20 --json
check "augment-preview: its size" equal "$(json_value images) $(json_value width) $(json_value height)" "5 68 46"
check "augment-preview: it is a PNG" equal "$(head -c 4 sheet.png | tail -c 3)" PNG
must_run "augment-preview again" augment-preview --data folder:data --out again.png --recipe deit --images 5 --image-size 20
check "augment-preview: the same picture" same_files sheet.png again.png
must_run "augment-preview of another epoch" augment-preview --data folder:data --out other.png --recipe deit --images 5 --image-size 20 --epoch 1
check "augment-preview: another epoch is another picture" eval '! cmp -s sheet.png other.png'
refused "augment-preview into no folder" 1 nowhere/sheet.png -- augment-preview --data folder:data --out nowhere/sheet.png
refused "augment-preview, no PNG by name" 2 sheet.jpg .png -- augment-preview --data folder:data --out sheet.jpg
refused "augment-preview, more images than there are" 2 --images -- augment-preview --data folder:data --out sheet.png --images 1000

# Stopped while it packs: no file, and the one that was there stays.
mkdir many
for ((i = 0; i < 3000; ++i)); do ln -s "$kinds/colour.png" "many/$i.png"; done
mkdir -p much/c && for ((i = 0; i < 8; ++i)); do ln -s "$work/many" "much/c/$i"; done
cp one.pack kept.pack
start pack --data folder:much --out kept.pack --threads 1
until_true grep -q kept.pack "/proc/$pid/cmdline"
until_true compgen -G '.mvmoe-*.tmp' >/dev/null
stopped INT
check "pack stopped by Ctrl-C" equal "$code" 130
check "pack stopped: the old one is there" same_files one.pack kept.pack
check "pack stopped: nothing else is" equal "$(compgen -G '.mvmoe-*.tmp')" ""
rm -rf many much

### Damaged images: named once, counted, the run goes on; with --strict it ends
cp -r data damaged
truncate -s 300 damaged/train/dog*/3.JPEG
echo 'I am a text' >damaged/train/cat/text.jpg
: >damaged/train/cat/empty.png
ln -s gone damaged/train/cat/broken.jpg
{ head -c 16 "$kinds/colour.png"; printf '\0\0\116\40\0\0\116\40\10\2\0\0\0'; tail -c +30 "$kinds/colour.png"; } >damaged/train/cat/huge.png
printf 'x' >$'damaged/train/cat/\e[31mred\nline.png'
cp "$kinds/one_pixel.png" "$kinds/grey16.png" "$kinds/cmyk.jpg" "$kinds/alpha.png" damaged/train/cat/
must_run "damaged images: train" "${train[@]}" --data folder:damaged --epochs 3 --out run --overwrite --json
for word in '3.JPEG: JPEG is ' 'text.jpg: is no JPEG, PNG, BMP or GIF' 'empty.png: is empty' 'broken.jpg: No such file' 'huge.png: is 20000 x 20000 pixels' '\x1b[31mred\x0aline.png'; do
  check "damaged images: $word" equal "$(grep -cF -- "$word" "$captured/err")" 1
done
check "damaged images: no others are" equal "$(wc -l <"$captured/err")" 6
check "damaged images: each line is a warning" equal "$(grep -c '^mvmoe: warning: damaged/train/.*: another image of its class stands in$' "$captured/err")" 6
run train "${small[@]}" --data folder:damaged --epochs 2 --out run --overwrite
check "damaged images: counted at an epoch's end, and not again where they are no more" equal "$(grep -c 'epoch .* 6 images cannot be read so far' "$captured/err")" 1
run "${train[@]}" --data folder:damaged --epochs 3 --out strict --strict
check "--strict: the run ends" equal "$code $(wc -l <"$captured/err")" "1 1"
check "--strict: names one" has "$err" "damaged/train/"
must_run "pack of damaged images" pack --data folder:damaged --out damaged.pack --json
check "pack of damaged images: left out" equal "$(json_value skipped)" 6
refused "pack --strict" 1 damaged/train/ -- pack --data folder:damaged --out damaged.pack --strict
cp damaged/train/cat/huge.png damaged/val/cat/
run evaluate --weights run/last.safetensors --data folder:damaged
check "evaluate: a damaged image is named" has "$code $err" "0 mvmoe: warning: damaged/val/cat/huge.png: is 20000 x 20000"
refused "evaluate --strict" 1 damaged/val/cat/huge.png -- evaluate --weights run/last.safetensors --data folder:damaged --strict

# Files that vanish while it trains.
cp -r data vanishing
start "${train[@]}" --data folder:vanishing --epochs 100000 --save-every 1 --keep 100000 --out vanished
until_true [ -e vanished/checkpoints/step-5 ]
rm vanishing/train/cat/'image '[0-6].png
gone='^mvmoe: warning: vanishing/train/cat/image [0-6].png: No such file or directory: another'
all_named() { [ "$(grep -c "$gone" "$captured/started.err")" -ge 7 ]; }
until_true all_named
stopped TERM
check "vanished files: trained on until told to stop" equal "$code" 75
check "vanished files: each named, once" equal "$(grep -c "$gone" "$captured/err")" 7

### Folders
bad_folder() {  # bad_folder NAME WORD...: data with the caller's $damage, refused by train and by pack
  rm -rf bad && cp -r data bad
  (cd bad && eval "$damage")
  refused "$1" 1 "${@:2}" -- "${train[@]}" --data folder:bad --epochs 1 --out fresh
}
damage='mkdir train/empty'                    bad_folder "an empty class folder" bad/train empty
damage='mkdir val/cow; cp val/cat/* val/cow'  bad_folder "a class in val that train lacks" bad/val cow bad/train
damage='rm -r train'                          bad_folder "no train folder" folder:bad train/CLASS
damage='rm -r val'                            bad_folder "no val folder" folder:bad val/CLASS
damage='rm -r val; echo >val'                 bad_folder "val is a file" bad/val directory
damage='rm -r train/*; cp val/cat/* train'    bad_folder "images without class folders" bad/train "one a class"
damage='rm -r train/* val/*'                  bad_folder "nothing" bad/train "one a class"
damage='mkdir $'"'train/\\e[31m'"             bad_folder "a name for no terminal" '\x1b[31m'
damage='rm train/cat/*; echo >train/cat/1.jpg; echo >train/cat/2.jpg'
rm -rf bad && cp -r data bad && (cd bad && eval "$damage")
run "${train[@]}" --data folder:bad --epochs 1 --out fresh
check "a class whose every image is damaged" has "$code $err" "its class has no other image that can be read"
check "a class whose every image is damaged: fails" equal "${code}" 1
refused "no such folder" 1 nowhere -- "${train[@]}" --data folder:nowhere --epochs 1 --out other-fresh
refused "a file" 1 data.pack directory -- "${train[@]}" --data folder:data.pack --epochs 1 --out other-fresh
refused "folder: without one" 2 folder:DIR -- "${train[@]}" --data folder: --epochs 1 --out other-fresh
refused "pack: without one" 2 pack:FILE -- "${train[@]}" --data pack: --epochs 1 --out other-fresh
refused "--crop pad4 for images of any size" 2 --crop -- "${train[@]}" --data folder:data --epochs 1 --out other-fresh --crop pad4
refused "--crop random-resized for images of one size" 2 --crop -- "${train[@]}" --image-size 0 --data glyphs --epochs 1 --out other-fresh --crop random-resized

cp -r data loops
ln -s .. loops/train/cat/up
ln -s . loops/train/cat/here
ln -s "$work/loops/val/cat" loops/train/cat/val
mkdir loops/train/cat/folder.jpg
mkfifo loops/train/cat/pipe.png
run train "${small[@]}" --data folder:loops --epochs 1 --out looped
check "loops: the run is done" equal "$code" 0
for word in 'cat/up' 'cat/here' 'folder.jpg: a folder' 'pipe.png: no files'; do check "loops: $word is named" has "$err" "$word"; done
check "a link to another folder is followed" has "$err" "28 training"

if [ "$(id -u)" -eq 0 ]; then
  skip "a file and a folder that may not be read" "root may read everything"
else
  cp -r data closed
  chmod 0 closed/train/cat/'image 1.png'
  run "${train[@]}" --data folder:closed --epochs 2 --out closed-run
  check "a file that may not be read stands aside" has "$code $err" "0 mvmoe: warning: closed/train/cat/image 1.png: Permission denied"
  chmod 0 closed/train/cat
  refused "a folder that may not be read" 1 closed/train/cat "Permission denied" -- "${train[@]}" --data folder:closed --epochs 1 --out other-fresh
  chmod 755 closed/train/cat
fi

### The sample of ImageNet, where it is
sample=${MVMOE_DATA:-$repository/../shared/data}/imagenet-sample
if [ ! -d "$sample/val" ]; then
  skip "the sample of ImageNet" "$sample is not there (MVMOE_DATA names the folder that holds it)"
else
  must_run "the sample of ImageNet is packed" pack --data "folder:$sample" --out imagenet.pack --strict --json
  check "the sample of ImageNet: images" equal "$(json_value images)" 102
fi
finish
