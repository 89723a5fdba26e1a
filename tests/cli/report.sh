#!/usr/bin/env bash
# `mvmoe report` from outside: a page from real runs, in its place or where --out says; bad input, and nothing lost.
. tests/cli/lib/checks.sh

trained=(train --quiet --data glyphs "${tiny[@]}" --batch-size 128)
must_run "a run" "${trained[@]}" --epochs 2 --holdout 0.1 --out one
must_run "another run" "${trained[@]}" --epochs 1 --lr 2e-3 --out "two <&>"

### One run
run report one
check "one run: succeeds" equal "$code $err" "0 "
check "one run: says where" equal "$out" "report: one/report.html"
page=$(<one/report.html)
check "one run: the accuracy is the log's" has "$page" "<h1>$(awk -F, 'END { printf "%.2f", $5 }' one/log.csv)"
check "one run: held-out accuracy has a chart" has "$page" "Top-1 on the held-out part, percent</figcaption>"
check "one run: the configuration" has "$page" "<dt>--holdout</dt><dd>0.1</dd>"
check "one run: nothing is fetched" has_not "$page" "http"
first=$(sha256sum <one/report.html)
run report one
check "again: the same bytes" equal "$(sha256sum <one/report.html)" "$first"
mkdir -p inside
(cd inside && "$program" report ../one --out here.html >/dev/null)
check "--out, from another folder" same_files one/report.html inside/here.html
(cd one && "$program" report . --out ../dot.html >/dev/null)
check "a folder named . has its own name" same_files one/report.html dot.html

### Several runs
run report one "two <&>/" --out both.html --json
check "two runs: succeeds" equal "$code $err" "0 "
check "two runs: key" json_has_keys path
check "two runs: the path" equal "$(json_value path)" '"both.html"'
page=$(<both.html)
check "two runs: compared" has "$page" "<h1>2 runs compared</h1>"
check "two runs: names are escaped" has "$page" "two &lt;&amp;&gt;"
check "two runs: what differs" has "$page" "<code>--lr</code></th><td>0.001</td><td>0.002</td>"
check "no half-written file is left" equal "$(find . -name '.mvmoe-*')" ""

### Bad input
refused "no folder" 2 RUN -- report
refused "an unknown flag suggests" 2 "--out" -- report one --outt x
refused "--out is empty" 2 --out -- report one --out ""
refused "a folder that is not there" 1 gone -- report gone
refused "a folder that is not there, beside one that is" 1 gone -- report one gone --out both.html
mkdir nothing
refused "a folder that is no run" 2 nothing "no run" -- report nothing
refused "a file instead of a folder" 2 log.csv -- report one/log.csv
refused "a name with control characters" 1 '\x1b' -- report $'gone\e[31m'
refused "--out in a folder that is not there" 1 gone/x.html -- report one --out gone/x.html
refused "--out is a folder" 1 nothing -- report one --out nothing
damaged() {  # NAME FILE WORD: with the file's contents from stdin; the report that was there stays
  rm -rf broken
  cp -a one broken
  cat >"broken/$2"
  refused "$1" 1 "broken/$2" "$3" -- report broken
}
damaged "log.csv is cut" log.csv cells < <(head -c -5 one/log.csv | sed '2,$s/,[^,]*$//')
damaged "log.csv is of zeros" log.csv column < <(head -c 300 /dev/zero)
damaged "config.json is cut" config.json JSON < <(head -c 100 one/config.json)
rm broken/config.json
refused "config.json is missing" 1 broken/config.json -- report broken
mkdir -p piped/dense
cp one/config.json one/log.csv piped/dense/
refused "a pipeline that has only begun" 1 piped/moe/config.json -- report piped
if [ "$(id -u)" -eq 0 ] && ! mount -t tmpfs -o size=64k none nothing 2>/dev/null; then
  skip "a full disk" "a small file system cannot be mounted here"
elif [ "$(id -u)" -eq 0 ]; then
  mounted+=("$work/nothing")
  echo old >nothing/report.html
  head -c 200000 /dev/zero >nothing/filler 2>/dev/null
  refused "a full disk" 1 nothing/report.html -- report one --out nothing/report.html
  check "a full disk: the old page is still there" equal "$(<nothing/report.html)" old
fi

finish
