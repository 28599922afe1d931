#!/bin/sh
# Sets up SLURM with one node, this machine, to try `shards.sbatch`: Debian or Ubuntu, as root, in a container that may be
# thrown away. `sinfo` shows the node when it is done.
set -eu

if [ "$(id -u)" != 0 ]; then
  echo "$0: needs root, and a machine that may be thrown away" >&2
  exit 2
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update --quiet
apt-get install --yes --quiet --no-install-recommends slurm-wlm munge

name=$(hostname -s)
cores=$(nproc)
mkdir -p /etc/slurm /var/spool/slurmctld /var/spool/slurmd /run/munge
cat > /etc/slurm/slurm.conf <<EOF
ClusterName=here
SlurmctldHost=$name
SlurmUser=root
AuthType=auth/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
StateSaveLocation=/var/spool/slurmctld
SlurmdSpoolDir=/var/spool/slurmd
SlurmctldLogFile=/var/log/slurmctld.log
SlurmdLogFile=/var/log/slurmd.log
NodeName=$name CPUs=$cores State=UNKNOWN
PartitionName=all Nodes=$name Default=YES State=UP MaxTime=INFINITE
EOF

[ -s /etc/munge/munge.key ] || { dd if=/dev/urandom of=/etc/munge/munge.key bs=1 count=1024 2>/dev/null; }
chown munge:munge /etc/munge/munge.key /run/munge
chmod 400 /etc/munge/munge.key
pgrep -x munged >/dev/null || su -s /bin/sh munge -c munged
pgrep -x slurmctld >/dev/null || slurmctld
pgrep -x slurmd >/dev/null || slurmd

tries=0
until sinfo --noheader --states=idle,mix,alloc 2>/dev/null | grep -q .; do
  tries=$((tries + 1))
  if [ "$tries" -gt 60 ]; then
    echo "$0: the node does not come up; see /var/log/slurmctld.log and /var/log/slurmd.log" >&2
    exit 1
  fi
  sleep 1
done
sinfo
