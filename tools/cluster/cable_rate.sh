#!/bin/sh
# cable_rate.sh N RATE: what host hN of hosts.sh sends, and what it receives, passes at RATE (100mbit, 1gbit; none: unlimited).
set -eu
limit() {
  if [ "$rate" = none ]; then
    "$@" qdisc del dev "$device" root 2>/dev/null || true
  else
    # TCP hands over packets of up to 64 KiB and their headers. A bucket that does not hold one has it cut into 1,500 bytes
    # each, and the machine's cores move these. The queue is 20 ms long.
    "$@" qdisc replace dev "$device" root tbf rate "$rate" burst 128kb latency 20ms
  fi
}
rate=$2
device=port$1 && limit tc
device=eth0 && limit tc -n "h$1"
