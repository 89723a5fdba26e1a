#!/usr/bin/env bash
# tools/get_data.sh with small archives at addresses of files: what it makes of each is read by the program, and what can go
# wrong on the way does no harm. The publishers' own addresses are not opened here.
. tests/cli/lib/checks.sh
script=$repository/tools/get_data.sh

# get ARGUMENTS...: the script, with what it printed in $out and $err and its exit code in $code.
get() {
  code=0
  timeout 60 bash "$script" "$@" >"$captured/out" 2>"$captured/err" </dev/null || code=$?
  out=$(<"$captured/out") err=$(<"$captured/err")
}
# fails NAME CODE WORD... -- ARGUMENTS...: the last line of stderr says so, and that it is get_data.
fails() {
  local name=$1 wanted=$2 words=() said="" word
  shift 2
  while [ "$1" != -- ]; do words+=("$1"); shift; done
  shift
  get "$@"
  [ "$code" -eq "$wanted" ] || said+="exit $code instead of $wanted; "
  for word in "get_data: " "${words[@]}"; do has "$(tail -n 1 "$captured/err")" "$word" >/dev/null || said+="no '$word'; "; done
  if [ -z "$said" ]; then ok "$name"; else not_ok "$name" "$said [${err:0:300}]"; fi
}

### The list
sources=$repository/tools/data_sources.txt
check "the list: every line has five words, a size, a SHA-256 and an address" awk '
  /^ *(#|$)/ { next }
  NF != 5 || $2 !~ /^(unpack|keep)$/ || $3 !~ /^[0-9]+$/ || $4 !~ /^[0-9a-f]+$/ || length($4) != 64 || $5 !~ /^https?:\/\/[^ ]+\/[^\/ ]+$/ { print; wrong = 1 }
  END { exit wrong }' "$sources"
check "the list: four data sets" equal "$(awk '!/^ *(#|$)/ { print $1 }' "$sources" | uniq | tr '\n' ' ')" "cifar10 cifar100 fashion-mnist imagenette "

### The command line
fails "no arguments" 2 "cifar10|cifar100|fashion-mnist|imagenette DIR" --
fails "one argument" 2 usage -- cifar10
fails "an unknown data set" 2 "'cifar'" cifar100 -- cifar there
check "an unknown data set: nothing is made" absent there
SOURCES=gone fails "no list" 1 gone -- cifar10 there

if ! command -v curl >/dev/null; then
  skip "downloads" "no curl here, and wget opens no addresses of files"
  finish
fi

### Archives as the publishers have them, small
mkdir published
make_cifar10 cifar-10-batches-bin
tar -czf published/cifar10.tar.gz cifar-10-batches-bin
mkdir cifar-100-binary
for part in train test; do { printf '\1\2'; head -c 3072 /dev/zero; printf '\0\1'; head -c 3072 /dev/zero; } >cifar-100-binary/$part.bin; done
seq 0 99 >cifar-100-binary/fine_label_names.txt
seq 0 19 >cifar-100-binary/coarse_label_names.txt
tar -czf published/cifar100.tar.gz cifar-100-binary
for part in train t10k; do
  { printf '\0\0\10\3\0\0\0\2\0\0\0\34\0\0\0\34'; head -c 1568 /dev/zero; } | gzip >published/$part-images-idx3-ubyte.gz
  printf '\0\0\10\1\0\0\0\2\1\2' | gzip >published/$part-labels-idx1-ubyte.gz
done
for class in n1 n2; do
  mkdir -p imagenette2-320/train/$class imagenette2-320/val/$class
  cp "$repository/tests/golden/images/colour.jpg" imagenette2-320/train/$class/1.JPEG
  cp "$repository/tests/golden/images/colour.jpg" imagenette2-320/val/$class/2.JPEG
done
tar -czf published/imagenette.tgz imagenette2-320
line() { echo "$1 $2 $(wc -c <"published/$3") $(sha256sum <"published/$3" | cut -d ' ' -f 1) file://$work/published/$3"; }
{
  line cifar10 unpack cifar10.tar.gz
  line cifar100 unpack cifar100.tar.gz
  for part in train t10k; do line fashion-mnist keep $part-images-idx3-ubyte.gz; line fashion-mnist keep $part-labels-idx1-ubyte.gz; done
  line imagenette unpack imagenette.tgz
} >list
export SOURCES=$work/list

### Each data set, and the program reads it
reads() {  # WHAT SPEC FOLDER [FLAG]...
  get "$1" "$3"
  [ "$code" -eq 0 ] || { echo "exit $code: $err"; return 1; }
  has "$out" "$1 is complete: --data $2:$3" && equal "$(find "$3" -name '.*' | tr '\n' ' ')" "$3/.complete " &&
    "$program" train --quiet --data "$2:$3" --model vit-1x16 --patch 4 --heads 1 "${@:4}" --batch-size 2 --epochs 1 --warmup-epochs 0 --threads 1 --out "runs/$1"
}
check "cifar10" reads cifar10 cifar10 data/cifar10
check "cifar100" reads cifar100 cifar100 "data/cifar 100"
check "fashion-mnist" reads fashion-mnist mnist data/fashion
check "imagenette" reads imagenette folder data/imagenette --image-size 16

### There already
before=$(fingerprint data/cifar10)
mv published published.away
get cifar10 data/cifar10
check "there already: says so, and opens no address" equal "$code $out" "0 cifar10 is there already: --data cifar10:data/cifar10"
mv published.away published
fails "another data set is there" 1 data/cifar10 "another data set" -- cifar100 data/cifar10
mkdir mine && echo mine >mine/file
fails "a folder of the user's" 1 "mine: is not empty" -- cifar10 mine
check "a folder of the user's is left as it is" equal "$(ls -A mine) $(<mine/file)" "file mine"
check "there already: nothing was changed" equal "$(fingerprint data/cifar10)" "$before"
mkdir bare
get cifar10 bare
check "an empty folder will do" equal "$code" 0

### Interrupted
begin() { mkdir -p "$1/.download" && awk -v name="$2" '$1 == name { print $2, $3, $4, $5 }' list >"$1/.download/list"; }
begin half cifar10
head -c 3000 published/cifar10.tar.gz >half/.download/cifar10.tar.gz.part
get cifar10 half
check "interrupted: goes on" equal "$code" 0
check "interrupted: downloads only what is missing" has "$err" "$(($(wc -c <published/cifar10.tar.gz) - 3000)) of $(wc -c <published/cifar10.tar.gz) bytes to download"
check "interrupted: the same files" equal "$(fingerprint half)" "$before"
begin behind cifar10
cp published/cifar10.tar.gz behind/.download/cifar10.tar.gz
mkdir behind/.download/unpacked && echo half >behind/.download/unpacked/test_batch.bin && echo half >behind/data_batch_1.bin
get cifar10 behind
check "interrupted while it was unpacked: the same files" equal "$code $(fingerprint behind)" "0 $before"
begin other cifar10
fails "another download was begun there" 1 "another download" -- cifar100 other
begin long cifar10
{ cat published/cifar10.tar.gz; echo more; } >long/.download/cifar10.tar.gz.part
get cifar10 long
check "longer than it should be: begins again" equal "$code $(fingerprint long)" "0 $before"
cp published/cifar10.tar.gz whole.tar.gz
head -c 5000 whole.tar.gz >published/cifar10.tar.gz
fails "the server gives less" 1 "5000 of" "goes on" -- cifar10 short
cp whole.tar.gz published/cifar10.tar.gz
get cifar10 short
check "the server gives less, then the rest" equal "$code $(fingerprint short)" "0 $before"
# A server that can only give the whole file: curl ends with 33 when asked for a part.
mkdir tools
printf '#!/bin/sh\ncase "$*" in *--continue-at*) [ ! -s none/.download/cifar10.tar.gz.part ] || exit 33 ;; esac\nexec %s "$@"\n' "$(command -v curl)" >tools/curl
chmod +x tools/curl
begin none cifar10
head -c 3000 published/cifar10.tar.gz >none/.download/cifar10.tar.gz.part
PATH=$work/tools:$PATH get cifar10 none
check "a server that gives no parts: begins again" equal "$code $(fingerprint none)" "0 $before"

### Wrong, and gone
begin wrong cifar10
{ head -c 3000 whole.tar.gz; head -c 1 /dev/zero; tail -c +3002 whole.tar.gz; } >wrong/.download/cifar10.tar.gz.part
fails "a changed file" 1 cifar10.tar.gz "SHA-256" "$(sha256sum <whole.tar.gz | cut -d ' ' -f 1)" -- cifar10 wrong
check "a changed file: is not unpacked" equal "$(ls -A wrong)" .download
get cifar10 wrong
check "a changed file: the next run downloads it anew" equal "$code $(fingerprint wrong)" "0 $before"
rm published/t10k-images-idx3-ubyte.gz
fails "no such file at the address" 1 t10k-images-idx3-ubyte.gz "broke off" -- fashion-mnist gone
check "no such file at the address: DIR holds nothing that looks like the data" equal "$(ls -A gone)" .download
PATH_WITHOUT=$work/basic
mkdir basic
for tool in bash awk dirname ls mkdir mv cat wc rm sha256sum cut tar timeout tail; do ln -s "$(command -v $tool)" basic/$tool; done
PATH=$PATH_WITHOUT fails "neither curl nor wget" 1 curl wget apt-get -- cifar10 bare2

finish
