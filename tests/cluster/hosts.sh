#!/usr/bin/env bash
# Ranks on several hosts, which are network namespaces of this machine: TCP between them, at a limited rate.
#   bash tests/cluster/hosts.sh build/mpi/mvmoe        (part of make cluster-test; the program built with MPI=1)
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

finish
