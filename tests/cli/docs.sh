#!/usr/bin/env bash
# The READMEs against the code: every file named, every link there, every marked command run, every quoted piece of code
# still so; what the map of the folders promises, that includes go in one direction; and each text that a mutant replaces, once.
#
#   <!-- run -->            the code block below is run by bash, must exit with 0
#   <!-- prints -->         the block below is what the block run before it must have printed, to the letter
#   <!-- from PATH -->      the block below stands so in that file; a line "..." is a gap
#   <!-- file PATH -->      the block below is a file of the worked example: what is C++ of ops/ must compile
#   <!-- figure: NAME -->   a place for a measured number
. tests/cli/lib/checks.sh

rooms=(data augment input optimize losses experts evaluate superclass files step log)  # of train/, in the order of its README
folders=(engine engine/mpi ops models train "${rooms[@]/#/train/}" tools/mvmoe tools/gradcheck tools/pipeline tools/study tools/report tools/library tests/fuzz)
# What belongs to a folder's README besides its own files.
declare -A also=()
cd "$repository" || exit 1
mapfile -t readmes < <(find . -name README.md -not -path './build*' -not -path './runs/*' -not -path './.git/*' | sed 's,^\./,,' | sort)

# blocks MARK README: for each code block below <!-- MARK ARGUMENT -->, a file in $captured/blocks, its argument in *.arg.
blocks() {
  rm -rf "$captured/blocks"
  mkdir "$captured/blocks"
  awk -v mark="$1" -v to="$captured/blocks/" '
    inside && /^ *```/ { inside = 0; close(file); next }
    inside { print > file; next }
    waiting && /^ *```/ { inside = 1; waiting = 0; printf "" > file; next }
    /^ *```/ { other = !other; next }
    !other && match($0, "^ *<!-- " mark "( [^>]*)? -->") {
      file = sprintf("%s%03d", to, NR); waiting = 1
      argument = $0; sub("^ *<!-- " mark " ?", "", argument); sub(" *-->.*", "", argument)
      print argument > (file ".arg"); close(file ".arg"); next }
    waiting && NF { waiting = 0 }' "$2"
}

### Every file is named, and every named file is there
named() {  # README FILE: by its name, with its own or its twin's ending (`linear.h` is enough for linear.cpp)
  local base=${2##*/}
  grep -qE "(^|[^A-Za-z0-9_])${base%.*}\\.(h|cpp|S|gz)" "$1"
}
for folder in "${folders[@]}"; do
  readme=$folder/README.md missing=
  if [ ! -f "$readme" ]; then not_ok "$folder: every file is named" "there is no $readme"; continue; fi
  # shellcheck disable=SC2086
  for file in $(find $folder ${also[$folder]:-} -maxdepth 1 -type f \( -name '*.h' -o -name '*.cpp' -o -name '*.S' -o -name '*.gz' \) | sort); do
    named "$readme" "$file" || missing+=" ${file#"$folder"/}"
  done
  if [ -z "$missing" ]; then ok "$folder: every file is named"; else not_ok "$folder: every file is named" "$readme does not name$missing"; fi
done

find . -path './.git' -prune -o -path './build*' -prune -o -type f -print >"$captured/files"
for readme in "${readmes[@]}"; do
  gone=
  grep -oE '^<!-- file [^ ]+' "$readme" | sed 's/^<!-- file //; s,.*/,,' | sort -u >"$captured/example"
  while read -r name; do
    grep -qF "/$name" "$captured/files" || grep -qxF "${name##*/}" "$captured/example" || gone+=" $name"
  done < <(awk '/^ *```/ { code = !code; next } !code' "$readme" | grep -oE '`[A-Za-z0-9_./-]+\.(h|cpp|sh|py|txt|csv|S|md)(/\.cpp)?`' | tr -d '`' | sed 's,\.h/\.cpp$,.h,' |
    grep -vE '^(log|results)\.csv$|NAME' | sort -u)
  if [ -z "$gone" ]; then ok "$readme: named files are there"; else not_ok "$readme: named files are there" "no$gone"; fi
done

### Links
slugs() { awk '/^```/ { code = !code } !code && /^#+ /' "$1" | sed -E 's/^#+ +//' | tr 'A-Z' 'a-z' | sed -E 's/[^a-z0-9 _-]//g; s/ /-/g'; }
for readme in "${readmes[@]}"; do
  broken=
  while read -r link; do
    path=${link%%#*} anchor=
    case $link in *'#'*) anchor=${link#*#} ;; esac
    target=$(dirname "$readme")/$path
    [ -n "$path" ] || target=$readme
    [ -e "$target" ] || { broken+=" $link"; continue; }
    [ ! -d "$target" ] || target=$target/README.md
    [ -z "$anchor" ] || slugs "$target" | grep -qxF -- "$anchor" || broken+=" $link"
  done < <(awk '/^ *```/ { code = !code; next } !code' "$readme" | grep -oE '\]\([^) ]+\)' | sed 's/^](//; s/)$//' | grep -vE '^[a-z]+:' | sort -u)
  if [ -z "$broken" ]; then ok "$readme: links"; else not_ok "$readme: links" "lead nowhere:$broken"; fi
done

### Commands, run in a folder that looks like the repository: what they write stays there
stage=$work/stage
mkdir -p "$stage/build"
for entry in *; do
  case $entry in build* | runs) ;; *) ln -s "$repository/$entry" "$stage/$entry" ;; esac
done
for built in mvmoe examples; do
  [ ! -e "$(dirname "$program")/$built" ] || ln -s "$(dirname "$program")/$built" "$stage/build/$built"
done
for readme in "${readmes[@]}"; do
  blocks '(run|prints)' "$readme"
  for block in "$captured"/blocks/???; do
    [ -e "$block" ] || continue
    line=$(basename "$block" | sed 's/^0*//')
    if sed -n "${line}p" "$readme" | grep -q -- '<!-- prints'; then
      if said=$(diff "$block" "$captured/printed" 2>&1); then ok "$readme:$line: printed so"
      else not_ok "$readme:$line: printed so" "$(head -n 4 <<<"$said" | tr '\n' ' ')"; fi
      continue
    fi
    code=0
    (cd "$stage" && OMP_NUM_THREADS=1 timeout 60 bash -eu "$block") >"$captured/printed" 2>"$captured/complained" </dev/null || code=$?
    if [ "$code" -eq 0 ]; then ok "$readme:$line: runs"
    else not_ok "$readme:$line: runs" "exit $code: $(head -c 300 "$captured/complained" | tr '\n' ' ')"; fi
  done
done

### Quoted code stands in the files it is quoted from, in this order
quoted() {  # BLOCK FILE
  awk 'NR == FNR { wanted[++n] = $0; next }
    { text[++m] = $0 }
    END {
      at = 1
      for (i = 1; i <= n; i = last + 2) {  # a piece up to the next "..." must follow the piece before it
        for (last = i; last <= n && wanted[last] !~ /^ *\.\.\.$/; ++last) {}
        --last
        for (found = 0; at + last - i <= m && !found; ++at) {
          found = 1
          for (k = i; k <= last; ++k) if (wanted[k] != text[at + k - i]) { found = 0; break }
        }
        if (!found) { print "not there, from here on: " wanted[i]; exit 1 }
        at += last - i
      }
    }' "$1" "$2"
}
for readme in "${readmes[@]}"; do
  blocks from "$readme"
  for block in "$captured"/blocks/???; do
    [ -e "$block" ] || continue
    source=$(<"$block.arg")
    line=$(basename "$block" | sed 's/^0*//')
    if said=$(quoted "$block" "$source" 2>&1); then ok "$readme:$line: quotes $source"
    else not_ok "$readme:$line: quotes $source" "$said (the code has changed: change the chapter with it)"; fi
  done
done

### The worked example of "How to add an op" compiles
blocks file ops/README.md
example=$captured/example-tree
mkdir "$example"
for block in "$captured"/blocks/???; do
  [ -e "$block" ] || continue
  mkdir -p "$example/$(dirname "$(<"$block.arg")")"
  cat "$block" >>"$example/$(<"$block.arg")"
done
for source in "$example"/ops/*.cpp; do
  name="ops/README.md: the example ops/$(basename "$source") compiles"
  if said=$("${CXX:-g++}" -std=c++20 -fopenmp -Wall -Wextra -Werror -fsyntax-only -I"$example" -I"$repository" "$source" 2>&1); then ok "$name"
  else not_ok "$name" "$( (grep -m 1 'error:' <<<"$said" || tail -n 2 <<<"$said") | sed "s,$example/,," | tr '\n' ' ')"; fi
done

### The mutants' texts stand where tools/mutate/mutate.sh looks for them
said=$(awk '
  /^(#|$)/ { next }
  { line = $0; count = 0
    while ((at = index($0, " | ")) > 0) { field[++count] = substr($0, 1, at - 1); $0 = substr($0, at + 3) }
    field[++count] = $0
    if (count != 4) { print NR ": needs four fields: " line; next }
    found = readable = 0
    while ((getline text < field[1]) > 0) {
      readable = 1
      while ((at = index(text, field[2])) > 0) { ++found; text = substr(text, at + length(field[2])) }
    }
    close(field[1])
    if (!readable) print NR ": no such file: " field[1]
    else if (found != 1) print NR ": stands " found " times in " field[1] ": " field[2] }' tools/mutate/mutants.txt)
if [ -z "$said" ]; then ok "tools/mutate/mutants.txt: each text stands once in its file"; else not_ok "tools/mutate/mutants.txt: each text stands once in its file" "$(head -n 4 <<<"$said" | tr '\n' ' ')"; fi

### One direction: a folder includes from itself and from those before it
order=(engine ops models train tools)
wrong=
for i in "${!order[@]}"; do
  for ((j = i + 1; j < ${#order[@]}; ++j)); do
    wrong+=$(grep -rnE --include='*.h' --include='*.cpp' "^ *# *include *\"${order[j]}/" "${order[i]}")
  done
  wrong+=$(grep -rnE --include='*.h' --include='*.cpp' '^ *# *include *"tests/' "${order[i]}")
done
if [ -z "$wrong" ]; then ok "includes go in one direction"; else not_ok "includes go in one direction" "$(head -c 500 <<<"$wrong" | tr '\n' ' ')"; fi

# Inside train/ a room includes from itself and from those before it; its root, which ties them together, from all.
wrong=
for i in "${!rooms[@]}"; do
  wrong+=$(grep -rnE --include='*.h' --include='*.cpp' '^ *# *include *"train/[^/]*"' "train/${rooms[i]}")
  for ((j = i + 1; j < ${#rooms[@]}; ++j)); do
    wrong+=$(grep -rnE --include='*.h' --include='*.cpp' "^ *# *include *\"train/${rooms[j]}/" "train/${rooms[i]}")
  done
done
listed=$(grep -oE '^\| \[[a-z]+\]\([a-z]+/README' train/README.md | grep -oE '[a-z]+/' | tr -d '/' | tr '\n' ' ')
there=$(cd train && for room in */; do echo "${room%/}"; done | sort | tr '\n' ' ')
[ "$listed" = "${rooms[*]} " ] || wrong+="train/README.md lists $listed"
[ "$there" = "$(printf '%s\n' "${rooms[@]}" | sort | tr '\n' ' ')" ] || wrong+="train/ has $there"
if [ -z "$wrong" ]; then ok "rooms of train/ include in one direction"; else not_ok "rooms of train/ include in one direction" "$(head -c 500 <<<"$wrong" | tr '\n' ' ')"; fi

wrong=$(grep -rlE --include='*.h' --include='*.cpp' '^ *# *include *[<"](dnnl|oneapi/dnnl)' "${order[@]}" | grep -vE '^(engine|ops)/|^tools/mvmoe/info\.cpp$')
if [ -z "$wrong" ]; then ok "oneDNN is included where it is used"; else not_ok "oneDNN is included where it is used" "$wrong"; fi

wrong=$(grep -rlE --include='*.h' --include='*.cpp' '^ *# *include *[<"]mpi\.h' "${order[@]}" tests | grep -vE '^(engine/mpi/|tools/cluster/)')
if [ -z "$wrong" ]; then ok "MPI is included behind engine/comm.h, and where the network is measured"; else not_ok "MPI is included behind engine/comm.h, and where the network is measured" "$wrong"; fi

users=$(grep -rlE --include='*.h' --include='*.cpp' '^ *# *include *[<"]cxxopts' "${order[@]}" tests)
check "cxxopts is included in one file" equal "$users" tools/mvmoe/flags.cpp

finish
