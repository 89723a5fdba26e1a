#!/usr/bin/env bash
# Ranks on several hosts, which are network namespaces of this machine: TCP between them, at a limited rate.
#   bash tests/cluster/hosts.sh build/mvmoe        (make hosts-test; the program built with MPI=1)
if [ -z "${HOSTS:-}" ]; then
  if ! said=$(tools/cluster/hosts.sh 1 1gbit true 2>&1); then
    echo "skip several hosts on one machine: ${said//$'\n'/ }"
    exit 0
  fi
  exec tools/cluster/hosts.sh 3 200mbit bash "$0" "$@"
fi
. tests/cli/lib/checks.sh
network=$(dirname "$program")/network

### The hosts themselves
check "mpirun starts a rank on each host" equal "$(mpirun -np 3 hostname 2>/dev/null | sort | tr '\n' ' ')" "h1 h2 h3 "
check "a host sees its own cable only" equal "$(mpirun -np 1 sh -c "echo /sys/class/net/*" 2>/dev/null | tr -d "\r")" "/sys/class/net/eth0 /sys/class/net/lo"
mpirun -np 3 "$network" 0 send >network.txt 2>/dev/null
seconds=$(awk '$1 == "send" && $3 == 8388608 { print $4 }' network.txt)
# 8 MiB at 200 Mbit/s are 0.336 s. Slower is this machine's affair.
check "a message is not faster than the cable" between 0.332 "$seconds" 60

### A host that is cut off in the middle of training
if ! "$program" info | grep -q '^mpi .*MPI'; then
  skip "training on several hosts" "this build has no MPI"
  finish
fi
make_cifar10 data
recipe=(train --data cifar10:data --model vit-2x32 --patch 4 --batch-size 30 --epochs 40 --warmup-epochs 0 --threads 1 --save-every 7 --ema 0.9 --quiet --json)
steps=400
on_hosts() {  # on_hosts ARGUMENTS..: mpirun in the background, as `start` does for one process
  set -m
  mpirun -np 3 "$program" "$@" >"$captured/started.out" 2>"$captured/started.err" </dev/null &
  pid=$!
  set +m
  started+=("$pid")
}
halfway() { [ -e "$1/log.csv" ] && [ "$(wc -l <"$1/log.csv")" -gt 8 ]; }
programs() { pgrep -cf "^$program train"; }

on_hosts "${recipe[@]}" --out whole
stopped
check "three hosts train" equal "$code $(json_value executed_steps)" "0 $steps"

on_hosts "${recipe[@]}" --out cut
until_true halfway cut
ip link set port2 down
cut_at=$SECONDS
stopped
took=$((SECONDS - cut_at))
check "h2 is cut off: mpirun ends with an error" between 1 "$code" 255
check "h2 is cut off: within 90 s" between 0 $took 90
check "h2 is cut off: it is named" grep -q 'node h2$' "$captured/err"
check "h2 is cut off: the run was not over" different "$(tail -n 1 cut/log.csv | cut -d, -f1)" 40
while [ "$(programs)" != 0 ] && ((SECONDS - cut_at < 90)); do sleep 0.5; done
check "h2 is cut off: no rank is left on any host, h2 among them, within 90 s" equal "$(programs)" 0
ip link set port2 up
sleep 1

on_hosts "${recipe[@]}" --out cut --resume
stopped
check "with its cable again: goes on" equal "$code" 0
at=$(json_value resumed_at) did=$(json_value executed_steps)
check "with its cable again: from a checkpoint" between 1 "$at" $steps
check "with its cable again: does the rest, no more" equal $((at + did)) $steps
for file in last ema; do check "with its cable again: $file.safetensors as if nothing had been" same_files whole/$file.safetensors cut/$file.safetensors; done
echo "# h2 was cut off at step $at or later; mpirun ended $took s after"

### Cut off where the program is the first to notice (mpirun looks for hosts later than --comm-timeout)
# The ranks that can be reached end. mpirun then tells the cut-off host to end too, and keep-alive does not watch a connection
# on which something waits to be sent: how often TCP tries decides how long mpirun stays.
echo 5 >/proc/sys/net/ipv4/tcp_retries2
export OMPI_MCA_oob_tcp_keepalive_time=30
on_hosts "${recipe[@]}" --comm-timeout 10 --out noticed
until_true halfway noticed
ip link set port3 down
cut_at=$SECONDS
until_true grep -q -- --comm-timeout "$captured/started.err"
check "h3 is cut off: the ranks say so within 20 s" between 8 $((SECONDS - cut_at)) 20
check "h3 is cut off: one line names rank and host" equal "$(grep -cE '^mvmoe: rank 2 \(host h3, process [0-9]+\) was not heard of for [0-9]+ s \(--comm-timeout\)' "$captured/started.err")" 1
while [ "$(programs)" != 0 ] && ((SECONDS - cut_at < 90)); do sleep 0.5; done
check "h3 is cut off: no rank is left on any host, h3 among them, within 90 s" equal "$(programs)" 0
stopped
check "h3 is cut off: mpirun ends with an error" between 1 "$code" 255
check "h3 is cut off: within 90 s" between 0 $((SECONDS - cut_at)) 90

finish
