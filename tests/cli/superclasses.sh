#!/usr/bin/env bash
# confusion and superclasses: what they write and print, any class names, and bad input: one line, nothing overwritten.
. tests/cli/lib/checks.sh

make_cifar10 data
make_cifar10 awkward
printf '%s\n' 'a, b' 'say "no"' '<b>&amp;</b>' $'tab\tand \e[31mred' ' spaces ' "it's" 'été' $'bad \xff byte' '{"x": [1]}' 'back\slash' >awkward/batches.meta.txt
train=(train --quiet "${tiny[@]}" --epochs 1)
must_run "with a held-out part" "${train[@]}" --data cifar10:data --holdout 0.2 --out held
must_run "without one" "${train[@]}" --data cifar10:data --out unheld
must_run "awkward names" "${train[@]}" --data cifar10:awkward --holdout 0.2 --out strange
held=(--weights held/last.safetensors --data cifar10:data)

### confusion
must_run "confusion" confusion "${held[@]}" --out one.csv --threads 1 --lane-size 4 --json
check "confusion: keys" json_has_keys classes images accuracy
check "confusion: classes" equal "$(json_value classes)" 10
check "confusion: a fifth of each class's 32 or so training images" equal "$(json_value images)" 62
accuracy=$(json_value accuracy)
check "confusion: accuracy is the run's holdout_top1" equal "$(printf %.4g "$accuracy")" "$(tail -n 1 held/log.csv | cut -d, -f8 | xargs printf %.4g)"
for threads in 2 3; do
  must_run "confusion, $threads threads" confusion "${held[@]}" --out more.csv --threads $threads --lane-size 4
  check "confusion: --threads 1 and $threads write the same bytes" same_files one.csv more.csv
done
must_run "confusion, hard" confusion "${held[@]}" --out hard.csv --kind hard
check "confusion: hard counts the images" equal "$(awk -F, 'NR > 1 { for (i = 2; i <= NF; ++i) { n += $i; whole += $i == int($i) }; right += $NR } END { printf "%d %d %.4f", n, whole, right / n * 100 }' hard.csv)" "62 100 $(printf %.4f "$accuracy")"
check "confusion: soft sums probabilities to the same rows" equal "$(awk -F, 'NR > 1 { n = 0; for (i = 2; i <= NF; ++i) n += $i; printf "%.6f ", n }' one.csv)" \
  "$(awk -F, 'NR > 1 { n = 0; for (i = 2; i <= NF; ++i) n += $i; printf "%.6f ", n }' hard.csv)"
check "confusion: soft is not hard" different "$(cat one.csv)" "$(cat hard.csv)"
check "confusion: the header" equal "$(head -n 1 one.csv)" "class,class 0,class 1,class 2,class 3,class 4,class 5,class 6,class 7,class 8,class 9"
check "confusion: the rows" equal "$(tail -n +2 one.csv | cut -d, -f1 | tr '\n' ';')" "class 0;class 1;class 2;class 3;class 4;class 5;class 6;class 7;class 8;class 9;"
echo old >existing.csv
must_run "confusion onto a file" confusion "${held[@]}" --out existing.csv --threads 1 --lane-size 4
check "confusion: a file that is there is replaced as a whole" same_files one.csv existing.csv
check "confusion: nothing else is left" equal "$(find . -name '*.tmp' -o -name '.mvmoe*' | wc -l)" 0

### superclasses
# blocks N SIZE [OUTSIDE]: N classes in blocks of SIZE, the others taken for it OUTSIDE times as often
blocks() {
  awk -v n="$1" -v size="$2" -v outside="${3:-0.05}" 'BEGIN {
    printf "class"
    for (j = 0; j < n; ++j) printf ",class %d", j
    for (i = 0; i < n; ++i) {
      printf "\nclass %d", i
      for (j = 0; j < n; ++j) printf ",%g", i == j ? 10 : int(i / size) == int(j / size) ? 1 : outside
    }
    print "" }'
}
blocks 12 4 >blocks.csv
must_run "superclasses" superclasses --confusion blocks.csv --experts 3 --out s.json --json
check "superclasses: keys" json_has_keys sizes eigenvalues eigengap ari nmi
check "superclasses: sizes" has "$(json_line)" '"sizes":[4,4,4]'
check "superclasses: no coarse labels, no score" equal "$(json_value ari) $(json_value nmi)" "null null"
check "superclasses: the eigengap is clear" between 0.5 "$(json_value eigengap)" 1.2
check "superclasses: the file, a line each" equal "$(grep -c '^    \["class' s.json)" 3
check "superclasses: the file, a block each" grep -qxF '    ["class 4", "class 5", "class 6", "class 7"],' s.json
must_run "superclasses, text" superclasses --confusion blocks.csv --experts 3 --out again.json
check "superclasses: the same file again" same_files s.json again.json
check "superclasses: prints each with its classes" has "$out" "  1     4 classes  class 4, class 5, class 6, class 7"
check "superclasses: marks the chosen E" grep -qE '^> +3 +0\.' "$captured/out"
check "superclasses: suggests an E" has "$out" "at E = 3"
check "superclasses: quiet on stderr" equal "$err" ""
must_run "superclasses, bounded" superclasses --confusion blocks.csv --experts 4 --max-size 3 --out b.json --json
check "superclasses: --max-size" has "$(json_line)" '"sizes":[3,3,3,3]'
must_run "superclasses, random" superclasses --confusion blocks.csv --experts 5 --method random --seed 3 --out r.json --json
check "superclasses: random is balanced" equal "$(json_line | grep -oE '"sizes":\[[0-9,]*' | grep -oE '[0-9]+' | sort | tr '\n' ' ')" "2 2 2 3 3 "
check "superclasses: random has no eigenvalues" equal "$(json_value eigenvalues) $(json_value eigengap)" "null null"
must_run "superclasses, another seed" superclasses --confusion blocks.csv --experts 5 --method random --seed 4 --out r4.json
check "superclasses: random follows the seed" different "$(grep '\["' r.json)" "$(grep '\["' r4.json)"
must_run "superclasses, file" superclasses --confusion blocks.csv --experts 9 --method file --file s.json --out f.json --json
check "superclasses: file keeps the division" equal "$(grep '\["' f.json)" "$(grep '\["' s.json)"
must_run "superclasses, one expert" superclasses --confusion blocks.csv --experts 1 --out e.json --json
check "superclasses: E = 1" has "$(json_line)" '"sizes":[12]'
must_run "superclasses, an expert a class" superclasses --confusion blocks.csv --experts 12 --out e.json --json
check "superclasses: E = classes" has "$(json_line)" '"sizes":[1,1,1,1,1,1,1,1,1,1,1,1]'
check "superclasses: E = classes has no gap" equal "$(json_value eigengap)" null

# Known coarse labels: five classes each, in order.
mkdir fine
awk 'BEGIN { for (c = 0; c < 100; ++c) { printf "%c%c", int(c / 5), c; for (i = 0; i < 3072; ++i) printf "%c", 7 } }' >fine/train.bin
cp fine/train.bin fine/test.bin
seq 0 99 | sed 's/^/class /' >fine/fine_label_names.txt
seq 0 19 >fine/coarse_label_names.txt
blocks 100 5 0.001 >fine.csv
must_run "superclasses, coarse labels" superclasses --confusion fine.csv --experts 20 --data cifar100:fine --out e.json --json
check "superclasses: the coarse labels found score 1" equal "$(printf '%.9f %.9f' "$(json_value ari)" "$(json_value nmi)")" "1.000000000 1.000000000"
must_run "superclasses, long lists" superclasses --confusion fine.csv --experts 2 --out e.json
check "superclasses: long lists are folded at 100 columns" between 80 "$(awk '{ if (length > n) n = length } END { print n }' "$captured/out")" 100
check "superclasses: and go on below their first name" equal "$(awk '/^  0 /{ first = index($0, "class 0") } /^          /{ print match($0, /[^ ]/) - first }' "$captured/out" | sort -u)" 0
must_run "superclasses, coarse labels, random" superclasses --confusion fine.csv --experts 20 --method random --data cifar100:fine --out e.json --json
check "superclasses: random ones do not" between -0.1 "$(json_value ari)" 0.1
must_run "superclasses, data without coarse labels" superclasses --confusion one.csv --experts 3 --data cifar10:data --out e.json --json
check "superclasses: data without coarse labels has no score" equal "$(json_value ari)" null

### Any class names
must_run "awkward names" confusion --weights strange/last.safetensors --data cifar10:awkward --out strange.csv
check "awkward names: no control character on the terminal" has_not "$out" $'\e'
check "awkward names: CSV quotes" equal "$(head -n 1 strange.csv | cut -c1-31)" 'class,"a, b","say ""no""",<b>&a'
must_run "awkward names, superclasses" superclasses --confusion strange.csv --experts 3 --data cifar10:awkward --out strange.json
check "awkward names: no control character on the terminal, superclasses" has_not "$out" $'\e'
check "awkward names: on the terminal" has "$out" "'a, b'"
check "awkward names: JSON escapes" grep -qF '"tab\tand \u001b[31mred"' strange.json
must_run "awkward names, read back" superclasses --confusion strange.csv --experts 3 --method file --file strange.json --out strange2.json
check "awkward names: the file comes back" equal "$(grep '\["' strange.json)" "$(grep '\["' strange2.json)"

### Bad input of confusion
for flag in weights data out; do
  arguments=(--weights held/last.safetensors --data cifar10:data --out one.csv)
  for i in 0 2 4; do [ "${arguments[i]}" != --$flag ] || unset "arguments[i]" "arguments[i+1]"; done
  refused "confusion without --$flag" 2 "--$flag" -- confusion "${arguments[@]}"
done
refused "weights without a held-out part" 2 unheld/last.safetensors "--holdout 0.1" -- confusion --weights unheld/last.safetensors --data cifar10:data --out one.csv
refused "weights of other classes" 2 --data "'a, b'" -- confusion --weights held/last.safetensors --data cifar10:awkward --out one.csv
refused "weights of other data" 2 --data glyphs -- confusion --weights held/last.safetensors --data glyphs --out one.csv
refused "weights that are not there" 1 none.safetensors -- confusion --weights none.safetensors --data cifar10:data --out one.csv
refused "weights that are none" 1 one.csv -- confusion --weights one.csv --data cifar10:data --out hard.csv
refused "--kind both" 2 --kind soft hard -- confusion "${held[@]}" --out one.csv --kind both
refused "--out in no folder" 1 none/c.csv -- confusion "${held[@]}" --out none/c.csv
refused "--out a folder" 1 held -- confusion "${held[@]}" --out held
refused "--out the weights" 2 --out -- confusion "${held[@]}" --out held/last.safetensors
refused "confusion, --threads -1" 2 --threads -- confusion "${held[@]}" --out one.csv --threads -1
head -c 3000 held/last.safetensors >cut.safetensors
refused "weights cut short" 1 cut.safetensors -- confusion --weights cut.safetensors --data cifar10:data --out one.csv
sed 's/^class 3$/class 2/' data/batches.meta.txt >names && cp -r data twice && mv names twice/batches.meta.txt
must_run "two classes of one name train" "${train[@]}" --data cifar10:twice --holdout 0.2 --out twins
refused "two classes of one name" 1 one.csv "class 2" -- confusion --weights twins/last.safetensors --data cifar10:twice --out one.csv

### Bad input of superclasses: a confusion file
# bad_matrix NAME WORD EDIT: the file after a sed command
bad_matrix() {
  sed -E "$3" blocks.csv >bad.csv
  cmp -s bad.csv blocks.csv && not_ok "$1" "the edit changes nothing"
  refused "$1" 1 bad.csv "$2" -- superclasses --confusion bad.csv --experts 3 --out s.json
}
bad_matrix "an unknown class" "row 3 is named 'mine'" '4s/^class 2/mine/'
bad_matrix "a row too few" "the row of 'class 11' is missing" '$d'
bad_matrix "a row too few in the middle" "row 5 is 'class 5', must be 'class 4'" 6d
bad_matrix "a column too few" "row 1 is named 'class 0'" '1s/,class 0//'
bad_matrix "a class twice, in the header" "columns 2 and 3 are both named 'class 1'" '1s/class 2/class 1/'
bad_matrix "a class twice, in the rows" "row 3 is 'class 1' again" '4s/^class 2/class 1/'
bad_matrix "rows in another order" "row 2 is 'class 2', must be 'class 1'" '3{h;d};4G'
bad_matrix "a negative entry" "row 5 (class 4), column 6 (class 5): -1 is negative" '6s/,1,/,-1,/'
for value in nan inf 1e999; do bad_matrix "an entry of $value" "row 1 (class 0), column 1 (class 0): $value is not finite" "2s/,10,/,$value,/"; done
bad_matrix "an entry that is no number" "'ten' is not a number" '2s/,10,/,ten,/'
bad_matrix "an empty entry" "'' is not a number" '2s/,10,/,,/'
bad_matrix "an entry too few" "row 2 (class 1) has 11 entries, must have 12" '3s/,1,/,/'
bad_matrix "an entry too many" "row 2 (class 1) has more than 12" '3s/,1,/,1,1,/'
bad_matrix "a control character in a name" "'\\x1b[31m'" $'4s/^class 2/\e[31m/'
: >bad.csv
refused "an empty matrix" 1 bad.csv empty -- superclasses --confusion bad.csv --experts 3 --out s.json
truncate -s 257M bad.csv
refused "a huge matrix" 1 bad.csv "at most" -- superclasses --confusion bad.csv --experts 3 --out s.json
rm bad.csv
refused "a matrix that is not there" 1 none.csv -- superclasses --confusion none.csv --experts 3 --out s.json
refused "a folder for a matrix" 1 data -- superclasses --confusion data --experts 3 --out s.json
refused "weights for a matrix" 1 held/last.safetensors -- superclasses --confusion held/last.safetensors --experts 3 --out s.json
refused "a matrix of other classes than the data's" 2 strange.csv "'a, b' is none of those" -- superclasses --confusion strange.csv --experts 3 --data cifar10:data --out s.json
sed -E '1s/class 1,class 2/class 2,class 1/; 3{h;d}; 4G' one.csv >turned.csv
refused "a matrix in another order than the data's" 2 turned.csv "class 1 is 'class 2', must be 'class 1'" -- superclasses --confusion turned.csv --experts 3 --data cifar10:data --out s.json

### Bad input of superclasses: a division
bad_division() {  # NAME CODE WORD LISTS
  printf '{"superclasses": [%s]}' "$4" >bad.json
  refused "$1" "$2" bad.json "$3" -- superclasses --confusion four.csv --experts 2 --method file --file bad.json --out s.json
}
blocks 4 2 >four.csv
bad_division "a class left out" 1 "'class 3' is in no super-class" '["class 0", "class 1"], ["class 2"]'
bad_division "a class twice" 1 "'class 1' stands in super-class 0 and again in 1" '["class 0", "class 1"], ["class 2", "class 3", "class 1"]'
bad_division "a class that is none" 1 "'mine', which is no class" '["class 0", "class 1"], ["class 2", "class 3", "mine"]'
bad_division "an empty super-class" 1 "super-class 1 is empty" '["class 0", "class 1", "class 2", "class 3"], []'
bad_division "more super-classes than experts" 2 "more than --experts 2" '["class 0", "class 1"], ["class 2"], ["class 3"]'
bad_division "numbers for names" 1 "must hold class names" '[0, 1], [2, 3]'
bad_division "no lists" 1 "is not a list" '"class 0", "class 1"'
bad_division "not JSON" 1 "is not valid JSON" '["class 0", '
refused "an empty file for a division" 1 /dev/null "is not valid JSON" -- superclasses --confusion four.csv --experts 2 --method file --file /dev/null --out s.json
refused "a division that is not there" 1 none.json -- superclasses --confusion four.csv --experts 2 --method file --file none.json --out s.json

### Bad flags of superclasses
matrix=(superclasses --confusion blocks.csv --out s.json)
refused "more experts than classes" 2 --experts "from 1 to 12" -- "${matrix[@]}" --experts 13
refused "more experts than classes, random" 2 --experts -- "${matrix[@]}" --experts 13 --method random
for value in 0 -1 x 1.5 ''; do refused "--experts '$value'" 2 --experts -- "${matrix[@]}" --experts "$value"; done
refused "no --experts" 2 --experts -- "${matrix[@]}"
refused "no --confusion" 2 --confusion -- superclasses --experts 3 --out s.json
refused "no --out" 2 --out -- superclasses --confusion blocks.csv --experts 3
refused "--max-size too small" 2 --max-size "at least 4" -- "${matrix[@]}" --experts 3 --max-size 3
refused "--max-size too small, random" 2 --max-size "at least 3" -- "${matrix[@]}" --experts 4 --max-size 2 --method random
refused "--max-size with --method file" 2 --max-size -- "${matrix[@]}" --experts 3 --method file --file s.json --max-size 4
refused "--method kmeans" 2 --method spectral -- "${matrix[@]}" --experts 3 --method kmeans
refused "--method file without --file" 2 --file -- "${matrix[@]}" --experts 3 --method file
refused "--file without --method file" 2 --file -- "${matrix[@]}" --experts 3 --file s.json
refused "--out the matrix" 2 --out -- superclasses --confusion blocks.csv --experts 3 --out ./blocks.csv
refused "--out in no folder" 1 none/s.json -- superclasses --confusion blocks.csv --experts 3 --out none/s.json
refused "data that is not there" 1 none -- "${matrix[@]}" --experts 3 --data cifar100:none
refused "data of no kind" 2 --data -- "${matrix[@]}" --experts 3 --data cifar1000:none

finish
