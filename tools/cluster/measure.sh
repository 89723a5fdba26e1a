#!/usr/bin/env bash
# measure.sh FOLDER RATE [STEPS]: what scaling.py is fitted to, and what it predicts: the lines of network.cpp, and the median step of
# two networks, on two hosts at this rate (as tc has it; none: not limited). FOLDER has mvmoe and network, built with MPI=1; a
# line a network: parameters summed, milliseconds a step of 32 images, percent of the gradient that was summed during backward.
# Needs a quiet machine and root.
set -eu
if [ -z "${HOSTS:-}" ]; then exec "$(dirname "$0")/hosts.sh" 2 "$2" bash "$0" "$(readlink -f "$1")" "$2" "${3:-15}"; fi
. tests/cli/lib/checks.sh "$1/mvmoe"
set -e
steps=$3
mpirun -np 2 "$1/network" 0.2 send sum 2>/dev/null
measure() {  # measure NAME FLAG..
  local name=$1 model=(--model vit-6x192 --patch 4 --image-size 32 --classes 10 "${@:2}") parameters
  run summary "${model[@]}" --json
  parameters=$(json_value params)
  mpirun -np 2 "$program" bench train "${model[@]}" --batch-size 32 --threads 1 --steps "$steps" --json >"$captured/out" 2>"$captured/err" || { cat "$captured/err" >&2; return 1; }
  echo "$name $parameters $(json_value step_ms) $(json_value hidden_share)"
}
measure dense
measure sparse --experts 4 --moe-layers 2 --routing image
