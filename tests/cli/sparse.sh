#!/usr/bin/env bash
# Sparse networks from outside: train, evaluate and the pipeline; what they write, stops, edits, and bad input: one line,
# nothing overwritten.
. tests/cli/lib/checks.sh

make_cifar10 data
moe=(--experts 3 --moe-layers 1)
train=(train --quiet "${tiny[@]}" --epochs 1 --data cifar10:data)
cat >three.json <<'JSON'
{"superclasses": [["class 0", "class 1", "class 2", "class 3"], ["class 4", "class 5", "class 6"], ["class 7", "class 8", "class 9"]]}
JSON

### train and evaluate
must_run "train, dense" "${train[@]}" --out dense --json
check "train, dense: no router, no load" equal "$(json_value router_accuracy) $(json_value expert_load)" "null null"
must_run "train, superclass" "${train[@]}" "${moe[@]}" --superclasses three.json --out guided --json
accuracy=$(json_value router_accuracy)
check "train, superclass: router_accuracy" between 0 "$accuracy" 100
check "train, superclass: expert_load" grep -qE '"expert_load":\[[0-9.]+,[0-9.]+,[0-9.]+\]' "$captured/out"
check "train, superclass: log.csv has it" equal "$(tail -n 1 guided/log.csv | cut -d, -f10 | xargs printf %.3f)" "$(printf %.3f "$accuracy")"
loss=$(tail -n 1 guided/log.csv | cut -d, -f13)
check "train, superclass: log.csv has the guidance, and no balance" equal "$(awk -v x="$loss" 'BEGIN { print (x > 0 && x < 5) }') $(tail -n 1 guided/log.csv | cut -d, -f14-15)" "1 ,"
must_run "evaluate, superclass" evaluate --weights guided/last.safetensors --data cifar10:data --json
check "evaluate, superclass: the same router_accuracy" equal "$(json_value router_accuracy)" "$accuracy"
must_run "evaluate, superclass, text" evaluate --weights guided/last.safetensors --data cifar10:data
check "evaluate, superclass: says how good the router is" has "$out" "to their super-class's expert"
must_run "train, image" "${train[@]}" "${moe[@]}" --routing image --balance importance-load --router-noise --out image --json
check "train, image: no super-classes, no accuracy" equal "$(json_value router_accuracy)" null
must_run "train, token" "${train[@]}" "${moe[@]}" --routing token --balance switch --capacity 1.05 --batch-priority --top-k 2 --router-z-weight 0.001 --shared-experts 1 --out token --json
check "train, token: log.csv has balance and z-loss, and no guidance" awk -F, 'END { exit !($13 == "" && $14 > 0.5 && $15 > 0) }' token/log.csv
run train "${tiny[@]}" --epochs 1 --data cifar10:data "${moe[@]}" --routing image --balance-weight 1 --guide-weight 0.5 --bias-rate 0.1 --out light
for flag in balance-weight guide-weight bias-rate; do check "train: --$flag is said to weigh nothing" has "$err" "mvmoe: --$flag: weighs nothing here"; done
must_run "train, as V-MoE's upcycling starts" "${train[@]}" "${moe[@]}" --routing token --balance bias --no-router-bias --equal-experts --out equal
check "train, as V-MoE's upcycling starts: config.json says so" equal "$(grep -c '"\(no-router-bias\|equal-experts\)": "true"' equal/config.json)" 2
run info equal/last.safetensors --json
check "train, without the router's bias: there is none" has_not "$out" 'mlp.router.bias'
must_run "train, without the router's bias: the weights are read again" evaluate --weights equal/last.safetensors --data cifar10:data
must_run "train, token, bias" "${train[@]}" "${moe[@]}" --routing token --balance bias --out bias
must_run "train, token, expert choice" "${train[@]}" "${moe[@]}" --routing token --balance expert-choice --out choice
run train "${tiny[@]}" --epochs 1 --data cifar10:data "${moe[@]}" --routing token --balance importance-load --out unnoisy
check "train: a load without noise is dropped with a word" has "$err" "only the importance is balanced"
must_run "train, upcycled" "${train[@]}" "${moe[@]}" --superclasses three.json --init-from dense/last.safetensors --upcycle --out upcycled
run train "${tiny[@]}" --epochs 1 --data cifar10:data "${moe[@]}" --superclasses three.json --init-from dense/last.safetensors --out trunk
check "train: says what is started anew" has "$err" "started anew: router.weight"
must_run "train, stopped halfway" "${train[@]}" "${moe[@]}" --routing image --balance switch --epochs 2 --out once
must_run "train, resumed" "${train[@]}" "${moe[@]}" --routing image --balance switch --epochs 2 --out once --resume

refused "train: --superclasses missing" 2 --superclasses "mvmoe superclasses" -- "${train[@]}" "${moe[@]}" --out new
refused "train: --superclasses for learned routing" 2 --superclasses -- "${train[@]}" "${moe[@]}" --routing image --superclasses three.json --out new
refused "train: --superclasses of no file" 1 missing.json -- "${train[@]}" "${moe[@]}" --superclasses missing.json --out new
refused "train: more super-classes than experts" 2 three.json 3 2 -- "${train[@]}" --experts 2 --moe-layers 1 --superclasses three.json --out new
refused "train: more experts than classes" 2 --experts 11 10 -- "${train[@]}" --experts 11 --moe-layers 1 --superclasses three.json --out new
refused "train: more MoE layers than layers" 2 --moe-layers 2 1 -- "${train[@]}" --experts 3 --moe-layers 2 --routing token --out new
refused "train: k over E" 2 --top-k 4 3 -- "${train[@]}" "${moe[@]}" --top-k 4 --routing token --out new
refused "train: a capacity of zero" 2 --capacity -- "${train[@]}" "${moe[@]}" --routing token --capacity 0 --out new
refused "train: a capacity for images" 2 --capacity token -- "${train[@]}" "${moe[@]}" --routing image --capacity 1 --out new
refused "train: balance for super-classes" 2 --balance superclass -- "${train[@]}" "${moe[@]}" --superclasses three.json --balance switch --out new
refused "train: a misspelt balance" 2 --balance "did you mean switch?" -- "${train[@]}" "${moe[@]}" --routing token --balance swich --out new
refused "train: a MoE flag without experts" 2 --top-k --experts -- "${train[@]}" --top-k 2 --out new
refused "train: --upcycle from a sparse network" 1 guided "no dense network" -- "${train[@]}" "${moe[@]}" --superclasses three.json --upcycle --init-from guided/last.safetensors --out new
refused "train: --guide-weight without experts" 2 --guide-weight --experts -- "${train[@]}" --guide-weight 0.5 --out new
refused "train: --upcycle from nothing" 2 --upcycle --init-from -- "${train[@]}" "${moe[@]}" --superclasses three.json --upcycle --out new
sed 's/"class 3"\], \["class 4"/"class 4"], ["class 3"/' three.json >other.json
refused "train: weights of another division" 2 --superclasses other.json guided -- "${train[@]}" "${moe[@]}" --superclasses other.json --init-from guided/last.safetensors --out new
refused "train: resumed with another division" 2 --superclasses other.json -- "${train[@]}" "${moe[@]}" --superclasses other.json --out guided --resume
refused "train: resumed with another routing" 2 --routing superclass image -- "${train[@]}" "${moe[@]}" --routing image --out guided --resume

### pipeline
pipeline=(pipeline --quiet --data cifar10:data --out pipe "${tiny[@]}" --epochs 2 --experts 3 --moe-layers 1 --holdout 0.2)
refused "pipeline: no experts" 2 --experts -- pipeline --data cifar10:data --out new "${tiny[@]}" --experts 0
refused "pipeline: no held-out part" 2 --holdout -- pipeline --data cifar10:data --out new "${tiny[@]}" --experts 3 --moe-layers 1 --holdout 0
refused "pipeline: more experts than classes" 2 --experts -- pipeline --data cifar10:data --out new "${tiny[@]}" --experts 11 --moe-layers 1
refused "pipeline: a bound that holds too few" 2 --max-size -- pipeline --data cifar10:data --out new "${tiny[@]}" --experts 3 --moe-layers 1 --max-size 3
refused "pipeline: --max-size of a file" 2 --max-size -- pipeline --data cifar10:data --out new "${tiny[@]}" --experts 3 --moe-layers 1 --method file --superclasses three.json --max-size 4
refused "pipeline: a held-out share that is no image" 2 --holdout -- pipeline --data cifar10:data --out new "${tiny[@]}" --experts 3 --moe-layers 1 --holdout 0.001
refused "pipeline: --method file without one" 2 --superclasses -- pipeline --data cifar10:data --out new "${tiny[@]}" --experts 3 --moe-layers 1 --method file
refused "pipeline: a folder of another run" 2 --out -- pipeline --data cifar10:data --out dense "${tiny[@]}" --experts 3 --moe-layers 1
must_run "pipeline" "${pipeline[@]}" --json
for pair in crop:pad4 flip:yes image-size:32 classes:10 crop-pct:1; do
  check "pipeline: config.json holds what was chosen: ${pair%:*}" grep -q "\"${pair%:*}\": \"${pair#*:}\"" pipe/config.json
done
check "pipeline: so do its trainings', alike" equal "$(for run in dense moe; do grep -c '"crop": "pad4"' pipe/$run/config.json; done | tr '\n' ' ')" "1 1 "
check "pipeline: keys" json_has_keys dense_top1 moe_top1 gain control_top1 oracle_top1 random_router_top1 dense_macs moe_macs dense_ms moe_ms router_accuracy sizes ari
check "pipeline: its sizes are those of ten classes" equal "$(json_line | sed 's/.*"sizes":\[\([^]]*\)\].*/\1/' | tr , '\n' | awk '{ n += $1 } END { print n }')" 10
check "pipeline: the gain is the difference" equal "$(awk -v a="$(json_value moe_top1)" -v b="$(json_value dense_top1)" 'BEGIN { printf "%.4f", a - b }')" "$(json_value gain | xargs printf %.4f)"
check "pipeline: the router costs its product" equal "$(($(json_value moe_macs) - $(json_value dense_macs)))" $((16 * 3))
check "pipeline: the same number of epochs" equal "$(wc -l <pipe/dense/log.csv)" "$(wc -l <pipe/moe/log.csv)"
first=$(json_line)
look; before=$state
must_run "pipeline, again" "${pipeline[@]}" --json
look
check "pipeline, again: the same result" equal "$(json_line)" "$first"
check "pipeline, again: nothing was done" equal "$state" "$before"
must_run "pipeline, text" pipeline --out pipe
check "pipeline, text: the table" has "$out" "gain of the sparse network over the dense one"
check "pipeline, text: the plan says what is done" has "$err" "compare       both on the test set (done)"
refused "pipeline: other flags" 2 --epochs pipe 3 2 -- pipeline --out pipe --epochs 3 --quiet
refused "pipeline: another routing" 2 --routing pipe -- pipeline --out pipe --routing image --quiet

# The user's own division: the sparse network is trained by it, and what was there is kept.
cp pipe/moe/last.safetensors earlier.safetensors
cp three.json pipe/superclasses.json
must_run "pipeline, edited" "${pipeline[@]}" --json
check "pipeline, edited: the edit stays" same_files three.json pipe/superclasses.json
check "pipeline, edited: sizes are the file's" has "$(json_line)" '"sizes":[4,3,3]'
check "pipeline, edited: the earlier network is kept" same_files earlier.safetensors pipe/earlier-1/moe/last.safetensors
check "pipeline, edited: so is its comparison" test -e pipe/earlier-1/comparison.json
echo '{"superclasses": [["class 0"]]}' >pipe/superclasses.json
run "${pipeline[@]}"
check "pipeline, badly edited: refused" equal "$code" 1
check "pipeline, badly edited: names the file" has "$err" superclasses.json
check "pipeline, badly edited: the network is where it was" test -e pipe/moe/last.safetensors
cp three.json pipe/superclasses.json
trained=$(stat -c %Y%i pipe/moe/last.safetensors)
must_run "pipeline, edited back" "${pipeline[@]}"
check "pipeline, edited back: nothing is trained again" equal "$(stat -c %Y%i pipe/moe/last.safetensors)" "$trained"
rm pipe/dense/last.safetensors pipe/moe/last.safetensors
must_run "pipeline, files deleted" "${pipeline[@]}"
check "pipeline, files deleted: made anew" test -e pipe/dense/last.safetensors -a -e pipe/moe/last.safetensors
make_cifar10 other_data
tail -c 3073 other_data/test_batch.bin | head -c 1 | tr '\0-\11' '\1-\11\0' | dd of=other_data/test_batch.bin bs=1 seek=$((63 * 3073)) conv=notrunc 2>/dev/null
refused "pipeline: other data in the folder" 2 --data pipe -- pipeline --quiet --data cifar10:other_data --out pipe
refused "train: into a pipeline's folder" 2 --out pipe -- "${train[@]}" --out pipe --overwrite

# Stopped at any moment, the same command ends with the same bits as one that was never stopped.
long=(pipeline --quiet --data cifar10:data "${tiny[@]}" --epochs 12 --experts 3 --moe-layers 1 --holdout 0.2 --save-every 7)
must_run "pipeline, not stopped" "${long[@]}" --out whole
code=1
for signal in INT TERM KILL TERM KILL INT KILL; do
  start "${long[@]}" --out pieces
  sleep 0.$((RANDOM % 8 + 1))
  stopped $signal
  [ "$code" -ne 0 ] || break
  case $signal in
    INT) check "pipeline: stopped by Ctrl-C" equal "$code" 130 ;;
    TERM) check "pipeline: stopped by SIGTERM" equal "$code" 75 ;;
  esac
done
must_run "pipeline, to its end" "${long[@]}" --out pieces
for file in dense/last.safetensors moe/last.safetensors confusion.csv superclasses.json; do
  check "pipeline: stopped and resumed, $file" same_files whole/$file pieces/$file
done

up=(pipeline --quiet --data cifar10:data "${tiny[@]}" --epochs 60 --eval-every 60 --experts 3 --moe-layers 1 --holdout 0.2 --upcycle --save-every 50)
must_run "pipeline, upcycled, not stopped" "${up[@]}" --out up_whole
for stage in control moe; do
  start "${up[@]}" --out up_pieces
  until_true test -d up_pieces/$stage/checkpoints
  stopped TERM
  check "pipeline, upcycled: stopped in $stage" equal "$code" 75
done
must_run "pipeline, upcycled, to its end" "${up[@]}" --out up_pieces
check "pipeline, upcycled: stopped and resumed" same_files up_whole/moe/last.safetensors up_pieces/moe/last.safetensors
must_run "pipeline, upcycled" pipeline --quiet --data cifar10:data --out up "${tiny[@]}" --epochs 1 --experts 3 --moe-layers 1 --holdout 0.2 --upcycle --json
check "pipeline, upcycled: the gain is counted against the control" equal "$(awk -v a="$(json_value moe_top1)" -v b="$(json_value control_top1)" 'BEGIN { printf "%.4f", a - b }')" "$(json_value gain | xargs printf %.4f)"
must_run "pipeline, by token" pipeline --quiet --data cifar10:data --out token_pipe "${tiny[@]}" --epochs 1 --experts 3 --moe-layers 1 --holdout 0.2 --routing token --json
check "pipeline, by token: no router of images" equal "$(json_value oracle_top1) $(json_value random_router_top1) $(json_value router_accuracy)" "null null null"
must_run "pipeline, at random" pipeline --quiet --data cifar10:data --out random "${tiny[@]}" --epochs 1 --experts 3 --moe-layers 1 --holdout 0.2 --method random
must_run "pipeline, from a file" pipeline --quiet --data cifar10:data --out filed "${tiny[@]}" --epochs 1 --experts 3 --moe-layers 1 --holdout 0.2 --method file --superclasses three.json
sed 's/"class 3"\], \["class 4"/"class 4"], ["class 3"/' three.json >given.json
must_run "pipeline, from another file" pipeline --quiet --out filed --superclasses given.json
check "pipeline, from another file: by that" grep -q '"class 0", "class 1", "class 2", "class 4"' filed/superclasses.json
cp three.json given.json
must_run "pipeline, from the file that was edited" pipeline --quiet --out filed
check "pipeline, from a file: by it" grep -q '"class 0", "class 1", "class 2", "class 3"' filed/superclasses.json
finish
