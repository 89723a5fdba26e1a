#!/bin/sh
# cable_rate.sh N RATE: what host hN of hosts.sh sends, and what it receives, passes at RATE (100mbit, 1gbit; none: unlimited).
set -eu
limit() {
  if [ "$rate" = none ]; then
    "$@" qdisc del dev "$device" root 2>/dev/null || true
  else
    # A bucket of 64 KiB holds one packet as TCP hands them over; the queue is 20 ms long.
    "$@" qdisc replace dev "$device" root tbf rate "$rate" burst 64kb latency 20ms
  fi
}
rate=$2
device=port$1 && limit tc
device=eth0 && limit tc -n "h$1"
