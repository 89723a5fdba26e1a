#!/usr/bin/env bash
# --precision from outside: what is stored, what a resumed run knows, what is refused where the processor cannot, and that
# it is used. Every check runs on every processor: plain kernels round anywhere, and oneDNN is told to be an older one's.
. tests/cli/lib/checks.sh

make_cifar10 data
train=(train --quiet "${tiny[@]}" --epochs 2 --data cifar10:data)
stored() { sed -n 's/.*"precision": "\(.*\)".*/\1/p' "$1/config.json"; }
logits() { run evaluate --weights "$1/last.safetensors" --data cifar10:data --json "${@:2}"; json_value loss; }

must_run "train, fp32" "${train[@]}" --out fp32
must_run "train, bf16" "${train[@]}" --kernels plain --precision bf16 --out bf16
check "fp32 is the default, and stored" equal "$(stored fp32)" fp32
check "bf16 is stored" equal "$(stored bf16)" bf16
check "bf16 trains other weights" different "$(cksum <fp32/last.safetensors)" "$(cksum <bf16/last.safetensors)"

fp32=$(logits fp32) plain=$(logits fp32 --kernels plain) bf16=$(logits fp32 --kernels plain --precision bf16)
check "evaluate: plain kernels give the fast ones' loss" between "$(awk -v x="$fp32" 'BEGIN { print x * 0.99999 }')" "$plain" "$(awk -v x="$fp32" 'BEGIN { print x * 1.00001 }')"
check "evaluate: bf16 gives another loss" different "$plain" "$bf16"
check "evaluate: but not far" between "$(awk -v x="$fp32" 'BEGIN { print x * 0.99 }')" "$bf16" "$(awk -v x="$fp32" 'BEGIN { print x * 1.01 }')"

# A run in two halves that only the folder tells to be in bf16.
must_run "train, bf16, stopped at once" "${train[@]}" --kernels plain --precision bf16 --epochs 2 --save-every 5 --out halves
rm -r halves/last.safetensors halves/best.safetensors "$(ls -d halves/checkpoints/* | sort -V | tail -n 1)"
must_run "train, resumed" train --quiet --out halves --resume --threads 2
check "a resumed run keeps its precision, bit for bit" same_files bf16/last.safetensors halves/last.safetensors
must_run "resume with auto" train --quiet --out bf16 --resume --precision auto
refused "resume in another precision" 2 --precision fp32 bf16 -- train --quiet --out bf16 --resume --precision fp32

export ONEDNN_MAX_CPU_ISA=AVX2
refused "train: bf16 without the instructions" 2 --precision AVX512-BF16 "--kernels plain" -- "${train[@]}" --precision bf16 --out new
refused "evaluate: bf16 without the instructions" 2 --precision AVX512-BF16 -- evaluate --weights fp32/last.safetensors --data cifar10:data --precision bf16
refused "bench: bf16 without the instructions" 2 --precision AVX512-BF16 -- bench train --model vit-1x16 --image-size 8 --classes 2 --steps 1 --precision bf16
must_run "train, auto, without the instructions" "${train[@]}" --precision auto --out auto
check "auto is fp32 there, and that is stored" equal "$(stored auto)" fp32
unset ONEDNN_MAX_CPU_ISA

run info --json
if [ "$(json_value bf16)" = true ]; then
  must_run "train, auto" "${train[@]}" --precision auto --out native
  check "auto is bf16 where the processor has it" equal "$(stored native)" bf16
  check "evaluate: the processor's bf16 is the plain one's" between "$(awk -v x="$bf16" 'BEGIN { print x * 0.9999 }')" "$(logits fp32 --precision bf16)" "$(awk -v x="$bf16" 'BEGIN { print x * 1.0001 }')"
  must_run "bench, bf16" bench train --model vit-1x16 --image-size 8 --classes 2 --patch 4 --batch-size 8 --steps 1 --precision bf16 --json
  check "bench says the precision" equal "$(json_value precision)" '"bf16"'
else
  skip "bf16 by the processor" "no AVX512-BF16"
fi
finish
