#!/usr/bin/env bash
# hosts.sh HOSTS RATE COMMAND..: a cluster of several hosts on this machine, for as long as COMMAND runs. Needs root.
#
#   tools/cluster/hosts.sh 4 1gbit mpirun -np 4 build/mvmoe train --data glyphs ..
#
# The hosts are network namespaces, h1 to hN, each with its own name and address (10.77.0.N), joined by a bridge. COMMAND
# runs on a login host that is the bridge itself, and mpirun there reaches the others, one rank on each. What a host sends
# and what it receives is limited to RATE (tc's words, each way; none: not limited). It all stands in namespaces of its
# own (network, mounts, processes, names): this machine's network, /etc and /run are not changed, and when COMMAND ends,
# or this script is killed in whatever way, hosts and processes are gone.
#
# For COMMAND: `ip link set port2 down` pulls h2's cable, cable_rate.sh changes a host's rate, on_host.sh h2 .. runs
# something there; HOSTS holds their number.
set -eu
here=$(dirname "$(readlink -f "$0")")
if [ "${1:-}" != --inside ]; then
  if [ $# -lt 3 ] || [[ ! $1 =~ ^[1-9][0-9]?$ ]]; then
    echo "hosts.sh: want: hosts.sh HOSTS(1-99) RATE(as tc has it, or none) COMMAND.." >&2
    exit 2
  fi
  [ "$(id -u)" -eq 0 ] || { echo "hosts.sh: network namespaces need root" >&2; exit 1; }
  exec unshare --net --mount --pid --uts --fork --kill-child --mount-proc "$0" --inside "$@"
fi
export HOSTS=$2
rate=$3
shift 3

hostname login
mount -t tmpfs none /run  # where ip keeps namespaces by their names
mkdir /run/netns
printf '%s\n' "127.0.0.1 localhost" "10.77.0.254 login" >/run/names
ip link set lo up
ip link add cables type bridge
ip addr add 10.77.0.254/24 dev cables
ip link set cables up
for ((i = 1; i <= HOSTS; ++i)); do
  echo "10.77.0.$i h$i" >>/run/names
  echo "h$i slots=1" >>/run/hostfile
  ip netns add "h$i"
  ip link add "port$i" type veth peer name eth0 netns "h$i"
  ip link set "port$i" master cables up
  ip -n "h$i" link set lo up
  ip -n "h$i" addr add "10.77.0.$i/24" dev eth0
  ip -n "h$i" link set eth0 up
  "$here/cable_rate.sh" "$i" "$rate"
done
mount --bind /run/names /etc/hosts

# What a site's mpirun is told in its own openmpi-mca-params.conf.
export OMPI_MCA_orte_default_hostfile=/run/hostfile OMPI_MCA_plm_rsh_agent=$here/on_host.sh
export OMPI_MCA_btl=tcp,self OMPI_MCA_btl_tcp_if_include=10.77.0.0/24 OMPI_MCA_oob_tcp_if_include=10.77.0.0/24
# mpirun notices a lost host after 25 s; by itself after 480 s.
export OMPI_MCA_oob_tcp_keepalive_time=10 OMPI_MCA_oob_tcp_keepalive_intvl=5 OMPI_MCA_oob_tcp_keepalive_probes=3
export OMPI_MCA_hwloc_base_binding_policy=none  # each would bind its first rank to the same core
export OMPI_MCA_mpi_yield_when_idle=1  # they share the cores of one machine
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
code=0
"$@" || code=$?  # and not exec: the first process takes up those whose parent is gone
exit $code
