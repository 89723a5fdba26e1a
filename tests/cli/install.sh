#!/usr/bin/env bash
# make install: what it puts where, what libmvmoe.so shows, and the examples built against what was installed, alone: their
# answers are `mvmoe predict`'s.
. tests/cli/lib/checks.sh
build=$(dirname "$program")
build=${build#"$repository"/}  # as make has built it
token=$repository/tests/golden/timm/token/model.safetensors image=$repository/tests/golden/images/colour.jpg

installs() { make --no-print-directory -C "$repository" install BUILD="$build" "$@" 2>&1; }
there=$work/there
check "make install PREFIX=" installs PREFIX="$there"
check "a second time, over what is there" installs PREFIX="$there"
for file in bin/mvmoe lib/libmvmoe.a lib/libmvmoe.so lib/pkgconfig/mvmoe.pc lib/pkgconfig/mvmoe-static.pc include/mvmoe.h include/mvmoe/train/evaluate/predict.h; do
  check "installed: $file" test -f "$there/$file"
done
check "every header of the engine is there, but for the one that needs MPI" equal "$(cd "$there/include/mvmoe" && find . -name '*.h' | sort)" \
  "$(cd "$repository" && find ./engine ./ops ./models ./train -name '*.h' ! -path './engine/mpi/*' | sort)"
check "a folder with a space and an &" installs PREFIX="$work/a place & more"
check "a folder with a space and an &: files" test -f "$work/a place & more/lib/pkgconfig/mvmoe.pc"
check "DESTDIR= stands before it" installs PREFIX=/opt/mvmoe DESTDIR="$work/root"
check "DESTDIR=: files" test -f "$work/root/opt/mvmoe/lib/libmvmoe.so"
check "DESTDIR=: is not in mvmoe.pc" equal "$(head -n 2 "$work/root/opt/mvmoe/lib/pkgconfig/mvmoe.pc" | tail -n 1)" "prefix=/opt/mvmoe"

### What libmvmoe.so shows
declared() { sed -n 's/^MVMOE_API.*[ *]\(mvmoe_[a-z_]*\)(.*/\1/p' "$there/include/mvmoe.h" | sort; }
check "the header declares functions" between 10 "$(declared | wc -l)" 100
check "libmvmoe.so shows the functions of mvmoe.h and nothing else" equal \
  "$(nm -D --defined-only "$there/lib/libmvmoe.so" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort)" "$(declared)"
soname=$(readelf -d "$there/lib/libmvmoe.so" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p')
check "libmvmoe.so has a soname, which is there" test -n "$soname" -a -f "$there/lib/$soname"
check "libmvmoe.so asks for no executable stack" has_not "$(readelf -lW "$there/lib/libmvmoe.so" | grep GNU_STACK)" RWE
# Instructions that this processor has, and another lacks, would end that program before mvmoe_load can say so.
check "libmvmoe.so runs nothing of its own while it is loaded" has_not "$(nm "$there/lib/libmvmoe.so")" _GLOBAL__sub_I
check "mvmoe.h is C89" gcc -std=c89 -pedantic -Wall -Wextra -Wstrict-prototypes -Werror -fsyntax-only -x c "$there/include/mvmoe.h"
check "mvmoe.h is C99" gcc -std=c99 -pedantic -Wall -Wextra -Werror -fsyntax-only -x c "$there/include/mvmoe.h"
check "mvmoe.h is C++" g++ -std=c++11 -pedantic -Wall -Wextra -Werror -fsyntax-only -x c++ "$there/include/mvmoe.h"

### The examples, built by pkg-config in a folder that has nothing else
must_run "predict" predict --weights "$token" --json "$image"
expected=$(json_line | grep -o '"class":"[^"]*","probability":[0-9.e-]*' | awk -F'[":,]+' '{ printf "%.6f %s\n", $5, $3 }')
check "predict gives five classes" equal "$(wc -l <<<"$expected")" 5
same_answer() {
  local said
  said=$("$@" 2>&1) || { echo "$said"; return 1; }
  equal "$said" "$expected"
}
# complains WORD COMMAND...: it fails, in one line that has the word.
complains() {
  local word=$1 said code=0
  shift
  said=$("$@" 2>&1) || code=$?
  [ "$code" -ne 0 ] && [ "$(wc -l <<<"$said")" -eq 1 ] && has "$said" "$word"
}
head -c 200 "$image" >cut.jpg
export PKG_CONFIG_PATH=$there/lib/pkgconfig
# built NAME COMPILER SOURCE [PKG-CONFIG ARGUMENT]...: NAME, of the example SOURCE.
built() {
  local name=$1 compiler=$2 source=$3 flags
  shift 3
  flags=$(pkg-config --cflags --libs "$@") || return 1
  mkdir -p alone && cp "$repository/tools/examples/$source" alone/ && cd alone || return 1
  eval "$compiler" -O1 "$source" "$flags" -o "$name"  # pkg-config quotes for a shell
}
example() {
  local what=$1 name=$2
  shift
  check "$what: is built" built "$@"
  check "$what: the same answer" same_answer "alone/$name" "$token" "$image"
  check "$what: a damaged image is an error" complains cut.jpg "alone/$name" "$token" cut.jpg
  check "$what: missing weights are an error" complains gone.safetensors "alone/$name" gone.safetensors "$image"
}
if ! command -v pkg-config >/dev/null; then
  skip "the examples by pkg-config" "no pkg-config here"
else
  check "pkg-config knows the version" pkg-config --exact-version=0.1.0 mvmoe
  example "C++, libmvmoe.a" classify "g++ -std=c++20" classify.cpp mvmoe-static
  example "C, libmvmoe.a" classify_c_static gcc classify_c.c mvmoe-static
  check "C, libmvmoe.a: needs no libmvmoe.so" has_not "$(readelf -d alone/classify_c_static)" libmvmoe
  export LD_LIBRARY_PATH=$there/lib
  example "C, libmvmoe.so" classify_c gcc classify_c.c mvmoe
  check "C, libmvmoe.so: by its soname" has "$(readelf -d alone/classify_c)" "[$soname]"
  unset LD_LIBRARY_PATH
  mkdir aside && mv "$there"/lib/libmvmoe.so* aside
  example "C, libmvmoe.a where there is no libmvmoe.so" classify_c_only gcc classify_c.c --static mvmoe
  mv aside/* "$there/lib"
fi

### As a plugin: opened, used and closed again and again, while a timer's signals come in. oneDNN's products for AVX2 use the
### stack pointer as an ordinary register, whatever this processor could do: not for every size, so
### the network is not tiny.
make_cifar10 data
must_run "train a network to open" train --data cifar10:data --model vit-4x64 --patch 4 --epochs 1 --batch-size 64 --warmup-epochs 0 --out opened
check "a program that opens and closes the library is built" gcc -O1 -Wall -Wextra -Werror "$repository/tests/cli/lib/host.c" -I"$there/include" -ldl -o host
for isa in AVX2 ALL; do
  check "opened and closed 10 times, with signals, oneDNN for $isa" env ONEDNN_MAX_CPU_ISA=$isa ./host "$there/lib/$soname" opened/best.safetensors "$image"
done

if ! command -v python3 >/dev/null; then
  skip "Python, libmvmoe.so" "no python3 here"
else
  python=(python3 "$repository/tools/examples/classify.py" "$there/lib/$soname")
  check "Python, libmvmoe.so: the same answer" same_answer "${python[@]}" "$token" "$image"
  check "Python, libmvmoe.so: a damaged image is an error" complains cut.jpg "${python[@]}" "$token" cut.jpg
  check "Python, libmvmoe.so: missing weights are an error" complains gone.safetensors "${python[@]}" gone.safetensors "$image"
fi

finish
