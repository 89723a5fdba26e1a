#!/usr/bin/env bash
# measure.sh FOLDER RATE: step times of two networks on two hosts at this rate (as tc has it), what scaling.py predicts.
# FOLDER has mvmoe and network, built with MPI=1; a line a network: parameters summed, milliseconds a step of 32 images.
# First stand the lines of network.cpp that alpha and beta are fitted to. Needs a quiet machine and root.
set -eu
if [ -z "${HOSTS:-}" ]; then exec "$(dirname "$0")/hosts.sh" 2 "$2" bash "$0" "$(readlink -f "$1")" "$2"; fi
. tests/cli/lib/checks.sh "$1/mvmoe"
set -e
make_cifar10 data
mpirun -np 2 "$1/network" 0.2 send 2>/dev/null
measure() {  # measure NAME FLAG..
  mpirun -np 2 "$program" train --data cifar10:data --model vit-6x192 --patch 4 --batch-size 32 --warmup-epochs 0 --epochs 2 --threads 1 --json --out "$1" "${@:2}" >"$captured/out" 2>"$captured/err" ||
    { cat "$captured/err" >&2; return 1; }
  echo "$1 $(sed -n 's/.*(\([0-9]*\) parameters.*/\1/p' "$captured/err") $(awk -v speed="$(json_value images_per_s)" 'BEGIN { printf "%.1f", 32e3 / speed }')"
}
measure dense
measure sparse --experts 4 --moe-layers 2 --routing image
