#!/usr/bin/env bash
# The engine against its peers, in turn, pair by pair, so that a busy machine slows both: the table of ratios, and which goal is missed.
#   PEERS=FOLDER PYTHON=build/venv/bin/python bash tools/bench/compare.sh build/mvmoe
# PEERS holds torch_vit.py, torch_ddp.py and torch_infer.py (their interface: tools/bench/README.md); without it the rows
# that need none are measured. PAIRS (3) rounds of STEPS (4) steps, of short works more; THREADS (2); ROWS, a regular expression, picks rows.
set -u
export LC_ALL=C
program=$1 peers=${PEERS:-} python=${PYTHON:-python3} pairs=${PAIRS:-3} steps=${STEPS:-4} threads=${THREADS:-2} rows=${ROWS:-.}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
missed=() unmeasured=() reached=0 notes=()

# number KEY: of the one JSON object in the last line of stdin.
number() { tail -n 1 | sed -n "s/.*\"$1\": *\\([0-9.eE+-]*\\).*/\\1/p"; }
median() { printf '%s\n' "$@" | sort -g | awk '{ x[NR] = $1 } END { print NR % 2 ? x[(NR + 1) / 2] : (x[NR / 2] + x[NR / 2 + 1]) / 2 }'; }

# The contenders: each prints one number. (They run in a subshell: exit leaves that alone.)
no_peers() { echo "PEERS=FOLDER is not given" >&2; exit 1; }
engine() { local key=$1; shift; "$program" bench "$@" --threads "$threads" --steps $((steps * ${repeat:-1})) --warmup 1 --json | number "$key"; }
torch() { local key=$1; shift; [ -n "$peers" ] || no_peers; "$python" "$peers/torch_vit.py" "$@" --threads "$threads" --steps $((steps * ${repeat:-1})) --warmup 1 | number "$key"; }
torch_ddp() { [ -n "$peers" ] || no_peers; "$python" -m torch.distributed.run --nproc-per-node "$threads" "$peers/torch_ddp.py" "$@" --steps $((steps * ${repeat:-1})) --warmup 1 | number step_ms; }
# torch_infer.py prints "BATCH NAME MS" for all at once: it is run once a pair.
torch_infer() {
  local batch=$1 name=$2 file=$folder/infer.$pair
  [ -n "$peers" ] || no_peers
  [ -e "$file" ] || "$python" "$peers/torch_infer.py" --threads "$threads" >"$file" 2>"$folder/infer.error"
  [ -s "$file" ] || cat "$folder/infer.error" >&2
  awk -v b="$batch" -v n="$name" '$1 == b && $2 == n { print $3 }' "$file"
}

# row NAME at-least|at-most GOAL STRETCH UNIT OURS [PEER=COMMAND]...: OURS and every COMMAND, in turn, `pairs` times. The ratio is the peer's
# number over ours where it must be at least the goal, ours over the peer's where it must be at most that. The best peer's counts.
row() {
  local name=$1 sense=$2 goal=$3 stretch=$4 unit=$5 ours=$6 best='' best_median='' verdict peer command value
  shift 6
  [[ $name =~ $rows ]] || return 0
  local -A numbers=() broken=()
  for ((pair = 1; pair <= pairs; ++pair)); do
    for command in "ours=$ours" "$@"; do
      peer=${command%%=*} command=${command#*=}
      [ -z "${broken[$peer]:-}" ] || continue
      value=$($command 2>"$folder/error")
      if [[ $value =~ ^[0-9.]+$ ]]; then numbers[$peer]+=" $value"; continue; fi
      broken[$peer]=1
      unset "numbers[$peer]"
      notes+=("$name: no figure of $peer: $(tail -n 1 "$folder/error")")
    done
  done
  for peer in "${!numbers[@]}"; do
    [ "$peer" != ours ] || continue
    # shellcheck disable=SC2086
    value=$(median ${numbers[$peer]})
    if [ -z "$best" ] || awk "BEGIN { exit !($value < $best_median) }"; then best=$peer best_median=$value; fi
  done
  if [ -z "${numbers[ours]:-}" ] || [ -z "$best" ]; then
    unmeasured+=("$name")
    printf '| %s | | | not measured | %s | %s | |\n' "$name" "$goal" "$stretch"
    return
  fi
  local middle spread cell=''
  for peer in "$best" "${!numbers[@]}"; do
    [ "$peer" != ours ] && { [ "$peer" != "$best" ] || [ -z "$cell" ]; } || continue
    # shellcheck disable=SC2086
    value=$(median ${numbers[$peer]})
    read -r middle spread < <(ratios "$sense" "${numbers[ours]}" "${numbers[$peer]}")
    if [ -z "$cell" ]; then
      judge "$name" "$sense" "$goal" "$stretch" "$middle"
      cell="$peer $(printf '%.4g' "$value") $unit" ours="$(printf '%.3g' "$middle") ($spread)"
    else cell+="; $peer $(printf '%.4g' "$value"): $(printf '%.3g' "$middle")"; fi
  done
  # shellcheck disable=SC2086
  printf '| %s | %s | %.4g %s | %s | %s | %s | %s |\n' "$name" "$cell" "$(median ${numbers[ours]})" "$unit" "$ours" "$goal" "$stretch" "$verdict"
}

# ratios SENSE OURS PEER: of the numbers in two lists, pair by pair: the median, then the smallest and the largest.
ratios() {
  local -a a b all=()
  read -ra a <<<"$2"
  read -ra b <<<"$3"
  for ((i = 0; i < pairs; ++i)); do
    if [ "$1" = at-least ]; then all+=("$(awk "BEGIN { print ${b[i]} / ${a[i]} }")"); else all+=("$(awk "BEGIN { print ${a[i]} / ${b[i]} }")"); fi
  done
  echo "$(median "${all[@]}") $(printf '%s\n' "${all[@]}" | sort -g | awk 'NR == 1 { low = $1 } { high = $1 } END { printf "%.3g to %.3g", low, high }')"
}

# judge NAME SENSE GOAL STRETCH VALUE: sets `verdict`, and counts.
judge() {
  verdict=$(awk -v x="$5" -v goal="$3" -v stretch="$4" -v sense="$2" \
    'function good(limit) { return sense == "at-least" ? x >= limit : x <= limit } BEGIN { print good(stretch) ? "stretch" : good(goal) ? "reached" : "MISSED" }')
  if [ "$verdict" = MISSED ]; then missed+=("$1: $(printf '%.3g' "$5"), goal $3"); else reached=$((reached + 1)); fi
}

# below NAME GOAL STRETCH UNIT COMMAND: a number that must be at most the goal, `pairs` times.
below() {
  local name=$1 verdict all=()
  [[ $name =~ $rows ]] || return 0
  for ((pair = 1; pair <= pairs; ++pair)); do all+=("$($5 2>"$folder/error")"); done
  if ! [[ ${all[0]} =~ ^-?[0-9.]+$ ]]; then
    unmeasured+=("$name")
    notes+=("$name: no figure: $(tail -n 1 "$folder/error")")
    return
  fi
  judge "$name" at-most "$2" "$3" "$(median "${all[@]}")"
  printf '| %s | | %.3g %s | | %s | %s | %s |\n' "$name" "$(median "${all[@]}")" "$4" "$2" "$3" "$verdict"
}

# cold_start: milliseconds of `predict` for one image, from the start of the process to its end, beyond those of the inference.
cold_start() {
  local start end
  if [ ! -e "$folder/run/last.safetensors" ]; then
    "$program" augment-preview --data glyphs --out "$folder/sheet.png" >/dev/null && mkdir -p "$folder/data/"{train,val}/{a,b} &&
      for part in train val; do cp "$folder/sheet.png" "$folder/data/$part/a/"; cp "$folder/sheet.png" "$folder/data/$part/b/"; done &&
      "$program" train --data folder:"$folder/data" --model vit-tiny --image-size 224 --batch-size 2 --epochs 1 --warmup-epochs 0 --out "$folder/run" >/dev/null
  fi
  start=$(date +%s%N)
  "$program" predict --weights "$folder/run/last.safetensors" --threads "$threads" "$folder/sheet.png" >/dev/null || return
  end=$(date +%s%N)
  awk "BEGIN { print ($end - $start) / 1e6 - $(engine step_ms infer --model vit-tiny --image-size 224 --classes 2 --batch-size 1) }"
}

# train NAME GOAL STRETCH DEPTH WIDTH PATCH SIDE BATCH: a training step against PyTorch's.
train() {
  local shape="--dim $5 --depth $4 --heads $(($5 / 64)) --patch $6 --image $7 --batch $8"
  row "$1" at-least "$2" "$3" ms "engine step_ms train --model vit-$4x$5 --patch $6 --image-size $7 --classes 100 --batch-size $8" \
    "PyTorch=torch step_ms $shape" "PyTorch DDP=torch_ddp $shape"
}

"$program" info | sed -n 's/^processor *//p'
echo "$threads threads, fp32, $(date -u +%F), $pairs pairs of $steps steps; milliseconds of a step, the median; ratios are of pairs"
echo
echo "| work | peers, the best first | mvmoe | ratio (smallest to largest) | goal | stretch | |"
echo "|---|---|---|---|---|---|---|"
small="--image-size 32 --classes 100" big="--model vit-12x192 --patch 16 --image-size 224 --classes 1000"
deep="train --model vit-12x192 --patch 4 $small" narrow="train --model vit-9x64 --patch 4 $small" sparse="--experts 10 --moe-layers 2"
train "train 12x192, 32 px / patch 4, batch 128" 1.3 1.4 12 192 4 32 128
repeat=3 train "train 9x64, 32 px / patch 4, batch 128" 1.9 2.2 9 64 4 32 128
repeat=8 train "train 9x64, 32 px / patch 8, batch 128" 2.2 2.5 9 64 8 32 128
train "train 12x192, 224 px / patch 16, batch 32" 1.3 1.4 12 192 16 224 32
for model in "12x192 $deep" "9x64 $narrow"; do
  row "MoE over dense, per super-class, ${model%% *}" at-most 1.03 1.00 ms "engine step_ms ${model#* } $sparse" "dense=engine step_ms ${model#* }"
  row "MoE over dense, per token, ${model%% *}" at-most 1.10 1.05 ms "engine step_ms ${model#* } $sparse --routing token" "dense=engine step_ms ${model#* }"
done
repeat=12 row "infer ViT-Tiny/16 at 224, batch 1" at-least 1.2 1.3 ms \
  "engine step_ms infer $big --batch-size 1" \
  "PyTorch=torch step_ms --mode infer --patch 16 --image 224 --classes 1000 --batch 1" \
  "ONNX Runtime=torch_infer 1 onnxruntime" "OpenVINO=torch_infer 1 openvino"
row "infer ViT-Tiny/16 at 224, batch 32" at-least 1.12 1.25 ms "engine step_ms infer $big --batch-size 32" \
  "PyTorch=torch step_ms --mode infer --patch 16 --image 224 --classes 1000 --batch 32" "ONNX Runtime=torch_infer 32 onnxruntime" "OpenVINO=torch_infer 32 openvino"
repeat=12 row "Mobile V-MoE at batch 1 over dense" at-most 1.02 1.00 ms "engine step_ms infer $big --batch-size 1 $sparse" "dense=engine step_ms infer $big --batch-size 1"
repeat=12 below "cold start of predict, beyond the inference" 100 30 ms cold_start
row "peak memory, training 12x192, batch 128" at-most 0.25 0.125 MiB "engine peak_rss_mb $deep" "PyTorch=torch peak_rss_mb --batch 128"
row "peak memory, the same with ten experts per super-class" at-most 0.25 0.125 MiB "engine peak_rss_mb $deep $sparse" "PyTorch=torch peak_rss_mb --batch 128"
single() { local threads=1; engine step_ms "$@"; }
row "training 12x192, $threads threads over 1" at-least 1.9 1.97 ms "engine step_ms $deep" "1 thread=single $deep"

echo
echo "$reached goals reached, ${#missed[@]} missed, ${#unmeasured[@]} not measured"
for one in ${missed[@]+"${missed[@]}"}; do echo "missed: $one"; done
for one in ${notes[@]+"${notes[@]}"}; do echo "note: $one"; done
