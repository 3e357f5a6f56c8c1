#!/usr/bin/env bash
# A Slurm of one node on loopback, for tests: real daemons, no systemd, nothing outside one folder.
#   slurm-one-node.sh start DIR    starts it; then: export SLURM_CONF=DIR/slurm.conf
#   slurm-one-node.sh stop DIR     ends its jobs and daemons; the logs stay in DIR
# Needs root and Debian's packages slurm-wlm and munge. Partition `main` is the default; a job in `urgent` that needs the
# node pre-empts and requeues what runs in `main`.
set -euo pipefail

fail() { echo "error: $*" >&2; exit 1; }

[ $# -eq 2 ] || fail "usage: $0 start|stop DIR"
action=$1
mkdir -p "$2"
dir=$(cd "$2" && pwd)
export SLURM_CONF=$dir/slurm.conf
PATH=$PATH:/usr/sbin:/sbin

ends() {  # whether a process ends within so many tenths of a second
    local pid=$1 tenths=$2
    while kill -0 "$pid" 2>/dev/null; do
        # A process that nobody has waited for yet is no longer running.
        [ "$(sed 's/.*) //; s/ .*//' "/proc/$pid/stat" 2>/dev/null)" != Z ] || return 0
        [ "$tenths" -gt 0 ] || return 1
        tenths=$((tenths - 1))
        sleep 0.1
    done
}

stop_daemon() {  # ends the process of a pid file, if it is still the program of that name
    local program=$1 pid
    pid=$(cat "$dir/$program.pid" 2>/dev/null) || return 0
    [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$program" ] || return 0
    kill "$pid" 2>/dev/null || return 0
    ends "$pid" 50 || kill -9 "$pid" 2>/dev/null || true
}

stop() {
    if [ -f "$dir/slurmctld.pid" ]; then
        timeout 5 scancel --user="$(id -un)" --signal=KILL --full 2>/dev/null || true
        timeout 5 scancel --user="$(id -un)" 2>/dev/null || true
        for _ in $(seq 50); do
            [ -n "$(timeout 5 squeue --noheader 2>/dev/null)" ] || break
            sleep 0.1
        done
    fi
    for program in slurmd slurmctld munged; do stop_daemon "$program"; done
}

start() {
    for program in munged slurmctld slurmd sbatch; do
        command -v "$program" >/dev/null || fail "there is no $program; apt-get install -y slurm-wlm munge"
    done
    [ "$(id -u)" -eq 0 ] || fail 'the daemons need root'
    [ ${#dir} -le 80 ] || fail "the path $dir is too long for a socket in it; choose a shorter one"
    [ ! -e "$dir/munged.pid" ] || stop
    local node ports memory
    node=$(hostname -s)
    # In MB, and somewhat less than there is: a node that finds less than it is said to have is not used.
    memory=$(awk '/^MemTotal:/ { print int($2 / 1024 * 0.9) }' /proc/meminfo)
    ports=$(python3 - <<'PYTHON'
import socket

sockets = [socket.socket() for _ in range(2)]
for one in sockets:
    one.bind(("127.0.0.1", 0))
print(*(one.getsockname()[1] for one in sockets))
PYTHON
    )
    rm -rf "$dir/state" "$dir/spool"
    mkdir "$dir/state" "$dir/spool"
    (umask 077 && head -c 1024 /dev/urandom >"$dir/munge.key")
    # The folder may lie in one that is closed to other users, which munged would only take by force.
    munged --force --key-file="$dir/munge.key" --socket="$dir/munge.socket" --pid-file="$dir/munged.pid" \
        --seed-file="$dir/munge.seed" --log-file="$dir/munged.log" --num-threads=2 2>"$dir/munged.start" ||
        fail "munged did not start; see $dir/munged.log"
    cat >"$dir/slurm.conf" <<CONF
ClusterName=scarnet
SlurmctldHost=$node(127.0.0.1)
SlurmctldPort=${ports% *}
SlurmdPort=${ports#* }
SlurmUser=root
AuthType=auth/munge
CredType=cred/munge
# A requeued job waits for its credential to run out before it starts again: seconds instead of two minutes.
AuthInfo=socket=$dir/munge.socket,cred_expire=10
# A machine that stalls for some seconds is no fault.
MessageTimeout=60
TCPTimeout=30
BatchStartTimeout=60
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
ReturnToService=2
JobRequeue=1
KillWait=3
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.log
NodeName=$node NodeAddr=127.0.0.1 CPUs=$(nproc) RealMemory=$memory State=UNKNOWN
PartitionName=main Nodes=$node Default=YES MaxTime=INFINITE State=UP PriorityTier=1
PartitionName=urgent Nodes=$node MaxTime=INFINITE State=UP PriorityTier=10
CONF
    echo 'CgroupPlugin=cgroup/v1' >"$dir/cgroup.conf"
    slurmctld >"$dir/slurmctld.start" 2>&1 || fail "slurmctld did not start; see $dir/slurmctld.log"
    slurmd -N "$node" >"$dir/slurmd.start" 2>&1 || fail "slurmd did not start; see $dir/slurmd.log"
    for _ in $(seq 150); do
        [ "$(timeout 5 sinfo --noheader --partition=main --format=%T 2>/dev/null)" = idle ] && {
            echo "SLURM_CONF=$dir/slurm.conf"
            return
        }
        sleep 0.2
    done
    stop
    fail "the node did not come up within 30 s; see $dir/slurmctld.log and $dir/slurmd.log"
}

case $action in
    start) start ;;
    stop) stop ;;
    *) fail "usage: $0 start|stop DIR" ;;
esac
