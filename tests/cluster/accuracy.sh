#!/usr/bin/env bash
# Top-1 on glyphs after the same training on 1, 2, 3 and 4 ranks, dense and with each routing, and with experts on ranks of
# their own: within 0.5 points of one rank's. The batches are the same and sums differ in their last bits; what that grows to
# in a whole training is seen here.
#   bash tests/cluster/accuracy.sh build/mvmoe        (part of make cluster-test; the program built with MPI=1)
. tests/cli/lib/checks.sh

if ! "$program" info | grep -q '^mpi .*MPI'; then
  skip "top-1 over rank counts" "this build has no MPI"
  finish
fi
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

recipe=(train --data glyphs --model vit-2x32 --patch 8 --batch-size 128 --lr 1e-3 --crop none --epochs "${EPOCHS:-4}" --warmup-epochs 1 --min-lr 1e-6 --json)
moe=(--experts 4 --moe-layers 1)
list() { printf '"%s", ' "$@" | sed 's/, $//'; }
echo "{\"superclasses\": [[$(list {0..9})], [$(list {A..Z})], [$(list {a..m})], [$(list {n..z})]]}" >four.json

seconds=$SECONDS
# trained NAME N FLAG..: on N ranks; its top-1 in $top1.
trained() {
  local n=$2
  code=0
  mpirun --oversubscribe --bind-to none -np "$n" "$program" "${recipe[@]}" "${@:3}" --threads $((n == 1 ? 2 : 1)) --out "$1" >"$captured/out" 2>"$captured/err" </dev/null || code=$?
  top1=$(json_value top1)
  check "$1: trains" equal "$code" 0
}
as_on_one() { check "$1: $(printf "%.2f %%, on one rank %.2f %%" "${top1:-0}" "${one:-0}")" awk "BEGIN { d = ${top1:-0} - ${one:-99}; exit !(d <= 0.5 && d >= -0.5) }"; }
row() { printf '# %-11s' "$1" && printf ' %8s' "${@:2}" && echo; }
row routing "1 rank" "2 ranks" "3 ranks" "4 ranks" "2 spread" "4 spread"
after_training() {  # after_training NAME FLAG..
  local name=$1 n top1s=()
  shift
  trained "$name-1" 1 "$@"
  one=$top1
  top1s=("$top1")
  check "$name: it has learned something, or this shows nothing" between 20 "$one" 100
  for n in 2 3 4; do
    trained "$name-$n" $n "$@"
    top1s+=("$top1")
    as_on_one "$name-$n"
    [ "$name-$n" != dense-2 ] || loss=$(json_value train_loss)
  done
  [ "$name" = dense ] || for n in 2 4; do
    trained "$name-spread-$n" $n "$@" --expert-parallel
    top1s+=("$top1")
    as_on_one "$name-spread-$n"
    check "$name-spread-$n: experts lived on $n ranks, or this shows nothing" grep -q "^experts: .*rank $((n - 1)) experts" "$captured/err"
  done
  # shellcheck disable=SC2046 # words
  row "$name" $(printf '%.2f ' "${top1s[@]}")
}
after_training dense
after_training superclass "${moe[@]}" --superclasses four.json
after_training image "${moe[@]}" --routing image --balance importance-load --router-noise
after_training token "${moe[@]}" --routing token --balance switch

### What compressed gradients do to the loss
for compression in bf16 fp16; do
  trained $compression 2 --gradient-compression $compression
  check "$compression, 2 ranks: the loss within 3 % of floats'" awk "BEGIN { d = $(json_value train_loss) / ${loss:-0.001} - 1; exit !(d < 0.03 && d > -0.03) }"
  printf '# dense, 2 ranks, %s: training loss %.4f, in floats %.4f; top-1 %.2f %%\n' $compression "$(json_value train_loss)" "$loss" "$top1"
done
echo "# $((SECONDS - seconds)) s"
finish
