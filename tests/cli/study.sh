#!/usr/bin/env bash
# `mvmoe study`: each run is made once, by one process or two; killed at any moment and begun again, it ends with the
# same tables; a dense network that variants share is trained once, and is what each would have trained; bad files are
# a line.
. tests/cli/lib/checks.sh

tiny_flags='"data": "glyphs", "model": "vit-1x16", "patch": 16, "moe-layers": 1, "epochs": 1, '
tiny_flags+='"warmup-epochs": 0, "batch-size": 64, "lr": 0.003, "threads": 1'
cat >study.json <<END
{"title": "Experts & <seeds>", "seeds": [0, 1], "flags": {$tiny_flags}, "cross": {"experts": [2, 4]}}
END
runs_made() { find "$1" -name study-run.json | wc -l; }
rows_of() { awk 'END { print NR - 1 }' "$1"; }

### A whole study
must_run "a study" study study.json --out whole --json
check "a study ends with a JSON line" json_has_keys runs done failed rows path
check "it counts its runs, the shared dense trainings among them" has "$(json_line)" '"runs":6,"done":6,"failed":0,'
check "results.csv has a row a run" equal "$(rows_of whole/results.csv)" 4
check "a line tells of each run that ends" equal "$(grep -c ' of 6 runs done: ' "$captured/err")" 6
check "stdout is the table alone" equal "$(wc -l <"$captured/out")" 1
check "dense networks are trained once a seed" equal "$(ls -d whole/dense/*/ | wc -l)" 2
check "the file is kept" same_files study.json whole/study.json
before=$(fingerprint whole)
must_run "the same command again" study --out whole --json
check "the same command makes nothing again" equal "$(grep -c 'runs done:' "$captured/err")" 0
check "nor changes a file" equal "$(fingerprint whole)" "$before"
must_run "list" study --out whole --list
check "--list says what is done" equal "$(grep -c '^done ' "$captured/out")" 6
check "--list changes no file" equal "$(fingerprint whole)" "$before"

### The shared dense network is the pipeline's own
must_run "a pipeline of its own" pipeline --data glyphs --model vit-1x16 --patch 16 --moe-layers 1 --epochs 1 \
  --warmup-epochs 0 --batch-size 64 \
  --lr 0.003 --threads 1 --experts 4 --seed 1 --out own --quiet
for file in dense/last.safetensors confusion.csv superclasses.json moe/last.safetensors; do
  check "with the shared dense network, $file is the same" same_files "own/$file" "whole/runs/experts=4/seed-1/$file"
done

### Killed at a few moments, and stopped by a signal
for moment in 0.2 0.5 0.35 0.8; do
  start study study.json --out killed
  sleep "$moment"
  stopped KILL
done
start study study.json --out killed --quiet
until_true test -e killed/study.json
sleep 0.3
stopped TERM
check "a signal stops it with 75" equal "$code" 75
must_run "after kills" study --out killed --quiet
check "killed and begun again: the same results.csv" same_files whole/results.csv killed/results.csv
check "killed and begun again: the same results.json" same_files whole/results.json killed/results.json

### Two tasks at once
"$program" study study.json --out both --task 0 --tasks 2 >"$captured/first" 2>&1 &
first=$!
started+=("$first")
run study study.json --out both --task 1 --tasks 2
cp "$captured/err" "$captured/second"
wait "$first"
check "two tasks end well" equal "$? $code" "0 0"
check "two tasks at once: the same results.csv" same_files whole/results.csv both/results.csv
check "two tasks make each run once" equal "$(cat "$captured/first" "$captured/second" | grep -c 'runs done: ')" 6
check "and both have made some" different "$(grep -c 'runs done: ' "$captured/second")" 0

### A run that fails, and one that needs it
cat >failing.json <<END
{"command": "train", "seeds": [0], "flags": {$tiny_flags}, "baseline": "good", "variants": [
  {"name": "wild", "flags": {"lr": 1e30, "clip": 0}}, {"name": "good", "flags": {"moe-layers": 2}},
  {"name": "after", "flags": {"init-from": "{run:wild}/last.safetensors"}}]}
END
sed -i 's/"moe-layers": 1, //; s/{"moe-layers": 2}/{}/' failing.json
run study failing.json --out failing --json
check "a failed run: exit 1" equal "$code" 1
check "the others are made" has "$(json_line)" '"runs":3,"done":1,"failed":1,'
check "its error is said" has "$err" "wild, seed 0: failed: train: "
run study --out failing --list
check "--list names the error" has "$out" "failed   wild, seed 0: train: "
check "what needs it is blocked" has "$out" "blocked  after, seed 0, by wild, seed 0, which failed"
check "results.csv says so" equal "$(cut -d, -f 1-3 failing/results.csv | tr '\n' ' ')" \
  "variant,seed,state wild,0,failed good,0,done after,0,blocked "
run study --out failing --quiet --retry
check "--retry makes it again" equal "$code $(grep -c 'wild, seed 0: failed' "$captured/err")" "1 1"
run study --out failing --quiet
check "without it, it is left" equal "$code $(grep -c 'wild, seed 0: failed' "$captured/err")" "1 0"

### Trainings that need others
cat >chain.json <<END
{"command": "train", "seeds": [3], "flags": {"data": "glyphs", "model": "vit-1x16", "patch": 16, "epochs": 1, \
  "warmup-epochs": 0, "threads": 1},
 "baseline": "plain", "variants": [
  {"name": "longer", "flags": {"init-from": "{run:first}/last.safetensors"}},
  {"name": "first", "hidden": true, "flags": {"holdout": 0.5}}, {"name": "plain"}]}
END
must_run "a chain" study chain.json --out chain --json
check "what is needed is made first" equal "$(json_value runs) $(json_value done)" "3 3"
check "a hidden variant has no row" equal "$(rows_of chain/results.csv)" 2
check "it began from there" has "$(<chain/runs/longer/seed-3/config.json)" \
  '"init-from": "chain/runs/first/seed-3/last.safetensors"'

### Pipelines that need others: both networks from a pre-trained one, and a teacher for both
cat >pretrained.json <<END
{"seeds": [0], "flags": {"model": "vit-1x16", "patch": 16, "epochs": 1, "warmup-epochs": 0, "batch-size": 64, \
  "lr": 0.003, "threads": 1, "data": "glyphs"},
 "variants": [
  {"name": "scratch", "flags": {"experts": 2, "moe-layers": 1}},
  {"name": "two", "flags": {"experts": 2, "moe-layers": 1, "init-from": "{run:before}/last.safetensors"}},
  {"name": "four", "flags": {"experts": 4, "moe-layers": 1, "init-from": "{run:before}/last.safetensors"}},
  {"name": "taught", "flags": {"experts": 2, "moe-layers": 1, "teacher": "{run:teacher}/last.safetensors"}},
  {"name": "before", "command": "train", "hidden": true,
   "flags": {"data": "fractals:classes=6,images=40,test=4,seed={seed}"}},
  {"name": "teacher", "command": "train", "hidden": true}]}
END
must_run "pipelines that need others" study pretrained.json --out pretrained --json
check "three dense networks, of which two pipelines share one" \
  equal "$(json_value runs) $(json_value done) $(ls -d pretrained/dense/*/ | wc -l)" "9 9 3"
began='"init-from": "pretrained/runs/before/seed-0/last.safetensors"'
check "the shared one began from the pre-trained one" \
  equal "$(grep -l "$began" pretrained/dense/*/config.json | wc -l)" 1
check "so did the sparse ones of both" \
  equal "$(grep -l "$began" pretrained/runs/*/seed-0/moe/config.json | tr '\n' ' ')" \
  "pretrained/runs/four/seed-0/moe/config.json pretrained/runs/two/seed-0/moe/config.json "
must_run "the same by hand" pipeline --data glyphs --model vit-1x16 --patch 16 --epochs 1 --warmup-epochs 0 \
  --batch-size 64 --lr 0.003 --threads 1 --experts 4 --moe-layers 1 --quiet --out pretrained-by-hand \
  --init-from pretrained/runs/before/seed-0/last.safetensors
for file in dense/last.safetensors superclasses.json moe/last.safetensors; do
  check "pre-trained, in a study and by hand: $file" \
    same_files pretrained-by-hand/$file pretrained/runs/four/seed-0/$file
done
check "the taught one's dense network has the teacher" \
  has "$(<pretrained/runs/taught/seed-0/dense/config.json)" \
  '"teacher": "pretrained/runs/teacher/seed-0/last.safetensors"'

### A file that has changed
sed 's/"lr": 0.003/"lr": 0.004/' study.json >changed.json
refused "a changed flag is named" 2 changed.json lr 0.004 0.003 whole/ -- study changed.json --out whole
sed 's/"threads": 1/"threads": 2/; s/\[2, 4\]/[2]/' study.json >fewer.json
must_run "fewer variants" study fewer.json --out whole --json
check "threads and the list of variants may change" equal "$(json_value runs) $(json_value done)" "4 4"

### Files and flags that make no sense
bad() {  # NAME FILE'S_TEXT WORD...
  local name=$1 contents=$2
  shift 2
  printf '%s' "$contents" >bad.json
  refused "$name" 2 bad.json "$@" -- study bad.json --out bad
}
data='"flags": {"data": "glyphs"}'
bad "no JSON" '{"flags": ' JSON
bad "no object" '[]' object
bad "a name twice" '{"seeds": [0], "seeds": [1]}' seeds twice
bad "an unknown key" "{\"sedes\": [0], $data}" sedes "did you mean 'seeds'"
bad "nothing to compare" "{$data}" variants cross
bad "no variants" "{$data, \"variants\": []}" variants list
bad "a variant without a name" "{$data, \"variants\": [{}]}" variants "number 1" name
bad "a name that is no folder's" "{$data, \"variants\": [{\"name\": \"../up\"}]}" ../up letters
bad "two variants of a name" "{$data, \"variants\": [{\"name\": \"a\"}, {\"name\": \"a\"}]}" "variant a" two
bad "an unknown flag" "{$data, \"variants\": [{\"name\": \"a\", \"flags\": {\"expert\": 5}}]}" "variant a" --expert
bad "a flag of the other command" \
  "{$data, \"command\": \"train\", \"variants\": [{\"name\": \"a\", \"flags\": {\"max-size\": 5}}]}" "variant a" \
  --max-size
bad "a value that is none" "{$data, \"variants\": [{\"name\": \"a\", \"flags\": {\"epochs\": \"many\"}}]}" \
  "variant a" --epochs many
bad "a value that is an object" "{$data, \"variants\": [{\"name\": \"a\", \"flags\": {\"epochs\": {}}}]}" \
  "variant a" epochs
bad "a model that is none" "{$data, \"cross\": {\"model\": [\"vit-9000\"]}}" vit-9000
bad "data that are none" '{"flags": {"data": "glyfs"}, "cross": {"experts": [5]}}' --data glyfs
two='{"name": "a", "flags": {"upcycle": true, "init-from": "x"}}'
bad "two starts" "{$data, \"variants\": [$two]}" "variant a" --upcycle --init-from
bad "no data" '{"cross": {"experts": [5]}}' --data missing
bad "a flag of the study's own" "{$data, \"variants\": [{\"name\": \"a\", \"flags\": {\"out\": \"x\"}}]}" \
  "variant a" --out
bad "a command that is none" "{$data, \"command\": \"predict\", \"variants\": [{\"name\": \"a\"}]}" command predict
bad "seeds that are none" "{$data, \"seeds\": [-1], \"variants\": [{\"name\": \"a\"}]}" seeds "number 1"
bad "a seed twice" "{$data, \"seeds\": [1, 1], \"variants\": [{\"name\": \"a\"}]}" seeds twice
bad "a flag crossed and given" "{$data, \"cross\": {\"data\": [\"glyphs\"]}}" cross data
bad "a crossed value with a slash" "{$data, \"cross\": {\"superclasses\": [\"a/b\"]}}" a/b name
bad "an unknown baseline" "{$data, \"baseline\": \"b\", \"variants\": [{\"name\": \"a\"}]}" baseline "'b'"
bad "an unknown run" \
  "{$data, \"command\": \"train\", \"variants\": [{\"name\": \"a\", \"flags\": {\"init-from\": \"{run:b}/x\"}}]}" \
  "variant a" "{run:b}"
two='{"name": "a", "flags": {"init-from": "{run:b}/x"}}, {"name": "b", "flags": {"init-from": "{run:a}/x"}}'
bad "a circle" "{$data, \"command\": \"train\", \"variants\": [$two]}" "its own run"
bad "braces of another kind" \
  "{$data, \"command\": \"train\", \"variants\": [{\"name\": \"a\", \"flags\": {\"init-from\": \"{sed}\"}}]}" \
  "{sed}" "{seed}"
bad "a logarithm without numbers" "{$data, \"plot\": {\"log\": true}, \"variants\": [{\"name\": \"a\"}]}" plot log
refused "no file" 2 "no study is given" -- study --out nowhere
refused "a file that is not there" 1 none.json -- study none.json --out nowhere
refused "no --out" 2 --out -- study study.json
refused "two files" 2 changed.json -- study study.json changed.json --out nowhere
refused "a task beyond the tasks" 2 --task --tasks "array=0-3" -- study study.json --out nowhere --task 4 --tasks 4
refused "a folder that holds a run" 2 own -- study study.json --out own

### pipeline --dense by itself
recipe=(--data glyphs --model vit-1x16 --patch 16 --moe-layers 1 --epochs 1
  --warmup-epochs 0 --batch-size 64 --lr 0.003 --threads 1 --experts 2 --quiet)
refused "--dense of another recipe" 2 --dense --seed 1 0 -- pipeline "${recipe[@]}" --out given --dense own/dense
refused "--dense that is no training" 2 --dense own -- pipeline "${recipe[@]}" --seed 1 --out given --dense \
  own/moe/checkpoints
refused "--dense with experts" 2 --dense experts -- pipeline "${recipe[@]}" --seed 1 --out given --dense own/moe
cp -r own/dense unfinished
rm unfinished/last.safetensors
refused "--dense that is not finished" 2 --dense unfinished --resume -- pipeline "${recipe[@]}" --seed 1 --out \
  given --dense unfinished
must_run "--dense" pipeline "${recipe[@]}" --seed 1 --out given --dense own/dense
check "--dense is copied" same_files own/dense/last.safetensors given/dense/last.safetensors
rm -rf unfinished
mv own/dense moved
must_run "--dense elsewhere" pipeline "${recipe[@]}" --seed 1 --out given --dense moved
check "the same network in another place changes nothing" absent given/earlier-1
refused "a given dense network after one of its own" 2 --dense own -- pipeline "${recipe[@]}" --experts 4 --seed 1 \
  --out own --dense moved

### Several ranks
run info --json
if [ "$(json_value mpi)" = false ]; then
  skip "a study in several ranks" "this build has no MPI (make test MPI=1)"
  finish
fi
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_btl_base_warn_component_unused=0
. "$repository/tests/cli/lib/ranks.sh"
cat >ranks.json <<END
{"seeds": [0], "flags": {$tiny_flags}, "variants": [{"name": "many", "flags": {"experts": 100}}, {"name": "two", \
  "flags": {"experts": 2}}]}
END
ranks 2 study ranks.json --out together --json
check "2 ranks: one fails, the others are made, exit 1" equal "$code" 1
check "2 ranks: one result" has "$(json_line)" '"runs":3,"done":2,"failed":1,'
check "2 ranks: the error is said once" equal "$(ours | grep -c 'many, seed 0: failed: --experts: 100')" 1
start_ranks 2 study study.json --out together-stopped
until_true test -e together-stopped/runs/experts=2/seed-0/study-run.json
pkill -USR1 -P "$pid" -n
stopped
check "2 ranks: a signal to one stops all, with 75" equal "$code" 75
ranks 2 study --out together-stopped --json
check "2 ranks: the same command goes on" has "$(json_line)" '"runs":6,"done":6,"failed":0,'
ranks 2 study no-such-file.json --out none
check "2 ranks: an error of the file is said once" equal "$code $(ours | grep -c no-such-file.json)" "1 1"

finish
