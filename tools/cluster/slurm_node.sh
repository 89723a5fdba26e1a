# Sourced: a real Slurm of one node in a folder of its own (its configuration, key, socket, ports, state and logs), so that
# nothing in /etc and no Slurm that may run here is touched.
#
#   start_node FOLDER   munged, slurmctld and slurmd, and waits until the node is idle; exports SLURM_CONF
#   stop_node           ends all of it, and every process that was started in it
#
# Two cores are declared, whatever the machine has. Partition `low` is preempted by partition `high`: its jobs get SIGTERM,
# and 30 s before SIGKILL.

free_port() {  # of those that no client is given
  local port
  while port=$((20000 + RANDOM % 12000)); do
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
  done
}

start_node() {
  node=$(readlink -f "$1")
  local host user first
  host=$(uname -n) host=${host%%.*} user=$(id -un) first=$(free_port)
  mkdir -p "$node"/{state,spool,log,tmp}
  chmod 755 "$node"
  head -c 128 /dev/urandom >"$node/key"
  chmod 600 "$node/key"
  # cred_expire is also how long a requeued job waits before it starts again: 2 min where nothing is said.
  cat >"$node/slurm.conf" <<CONF
ClusterName=mvmoe
SlurmctldHost=$host(127.0.0.1)
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$node/munge.socket,cred_expire=20
SlurmctldPort=$first
SlurmdPort=$(free_port)
StateSaveLocation=$node/state
SlurmdSpoolDir=$node/spool
TmpFS=$node/tmp
SlurmctldPidFile=$node/slurmctld.pid
SlurmdPidFile=$node/slurmd.pid
SlurmctldLogFile=$node/log/slurmctld
SlurmdLogFile=$node/log/slurmd
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
ReturnToService=2
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
MessageTimeout=100
KillWait=10
NodeName=$host NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=low Nodes=$host Default=YES MaxTime=INFINITE State=UP PriorityTier=1 GraceTime=30
PartitionName=high Nodes=$host MaxTime=INFINITE State=UP PriorityTier=10 PreemptMode=OFF
CONF
  export SLURM_CONF=$node/slurm.conf
  /usr/sbin/munged --force --key-file="$node/key" --socket="$node/munge.socket" --pid-file="$node/munged.pid" \
    --log-file="$node/log/munged" --seed-file="$node/munged.seed" &&
    /usr/sbin/slurmctld -f "$SLURM_CONF" && /usr/sbin/slurmd -f "$SLURM_CONF" || return 1
  local tries
  for ((tries = 0; tries < 600; ++tries)); do
    [ "$(sinfo -h -p low -o %T 2>/dev/null)" != idle ] || return 0
    sleep 0.1
  done
  echo "the Slurm node does not come up; its logs:" >&2
  tail -n 20 "$node"/log/* >&2
  return 1
}

# Those that were started in it: SLURM_CONF stands in their environment.
node_processes() {
  (unset SLURM_CONF; grep -lzxF "SLURM_CONF=$node/slurm.conf" /proc/[0-9]*/environ 2>/dev/null | cut -d/ -f3)  # not grep itself
}

stop_node() {
  [ -n "${node:-}" ] && [ -n "$(node_processes)" ] || return 0  # scancel waits long for a controller that is gone
  local pid one tries
  scancel --user="$(id -un)" --signal=KILL 2>/dev/null
  scancel --user="$(id -un)" 2>/dev/null
  for one in slurmd slurmctld munged; do
    pid=$(cat "$node/$one.pid" 2>/dev/null) && kill "$pid" 2>/dev/null
  done
  for ((tries = 0; tries < 20; ++tries)); do
    [ -n "$(node_processes)" ] || return 0
    sleep 0.3
  done
  for pid in $(node_processes); do kill -KILL "$pid" 2>/dev/null; done
}
