#!/usr/bin/env bash
# Top-1 on glyphs after the same training on 1, 2, 3 and 4 ranks, dense and with each routing: within 0.5 points of one
# rank's. The batches are the same and sums differ in their last bits; what that grows to in a whole training is seen here.
#   bash tests/cluster/accuracy.sh build/mvmoe        (part of make cluster-test; the program built with MPI=1)
. tests/cli/lib/checks.sh

if ! "$program" info | grep -q '^mpi .*MPI'; then
  skip "top-1 over rank counts" "this build has no MPI"
  finish
fi
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

recipe=(train --data glyphs --model vit-2x32 --patch 8 --batch-size 128 --lr 1e-3 --crop none --epochs "${EPOCHS:-4}" --warmup-epochs 1 --min-lr 1e-6 --quiet --json)
moe=(--experts 4 --moe-layers 1)
list() { printf '"%s", ' "$@" | sed 's/, $//'; }
echo "{\"superclasses\": [[$(list {0..9})], [$(list {A..Z})], [$(list {a..m})], [$(list {n..z})]]}" >four.json

seconds=$SECONDS
printf '# %-11s %8s %8s %8s %8s\n' routing "1 rank" "2 ranks" "3 ranks" "4 ranks"
after_training() {  # after_training NAME FLAG..
  local name=$1 n top1s=()
  shift
  for n in 1 2 3 4; do
    code=0
    mpirun --oversubscribe --bind-to none -np $n "$program" "${recipe[@]}" "$@" --threads $((n == 1 ? 2 : 1)) --out "$name-$n" >"$captured/out" 2>"$captured/err" </dev/null || code=$?
    top1s+=("$(json_value top1)")
    [ "$name-$n" != dense-2 ] || loss=$(json_value train_loss)
    check "$name, $n ranks: trains" equal "$code" 0
    [ $n = 1 ] || check "$name, $n ranks: $(printf "%.2f %%, on one %.2f %%" "${top1s[-1]:-0}" "${top1s[0]:-0}")" awk "BEGIN { d = ${top1s[-1]:-0} - ${top1s[0]:-99}; exit !(d <= 0.5 && d >= -0.5) }"
  done
  check "$name: it has learned something, or this shows nothing" between 20 "${top1s[0]}" 100
  printf "# %-11s %8.2f %8.2f %8.2f %8.2f\n" "$name" "${top1s[@]}"
}
after_training dense
after_training superclass "${moe[@]}" --superclasses four.json
after_training image "${moe[@]}" --routing image --balance importance-load --router-noise
after_training token "${moe[@]}" --routing token --balance switch

### What compressed gradients do to the loss
for compression in bf16 fp16; do
  code=0
  mpirun --oversubscribe --bind-to none -np 2 "$program" "${recipe[@]}" --threads 1 --gradient-compression $compression --out $compression >"$captured/out" 2>"$captured/err" </dev/null || code=$?
  check "$compression: trains" equal "$code" 0
  check "$compression, 2 ranks: the loss within 3 % of floats'" awk "BEGIN { d = $(json_value train_loss) / ${loss:-0.001} - 1; exit !(d < 0.03 && d > -0.03) }"
  printf '# dense, 2 ranks, %s: training loss %.4f, in floats %.4f; top-1 %.2f %%\n' $compression "$(json_value train_loss)" "$loss" "$(json_value top1)"
done
echo "# $((SECONDS - seconds)) s"
finish
