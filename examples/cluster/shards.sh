#!/bin/sh
# Measures the surfaces of a run in several processes on this machine, then merges them:
#
#   examples/cluster/shards.sh RUN SHARDS PROGRAM [ARGUMENT…]
#   examples/cluster/shards.sh runs/digits 8 target/release/examples/surfaces runs/digits
#
# With GNU parallel: several machines, by its own options, such as PARALLEL='--sshloginfile nodes.txt --env BURNSCAPE_SHARD'
# where all of them see the folder of the run under the same path. Without it: as many processes at a time as there are cores.
# A process that fails or is killed costs its share: start the script again, and only what is missing is measured.
# BURNSCAPE names the viewer, JOBS how many processes run at a time; WITHOUT_PARALLEL=1 leaves GNU parallel alone.
set -eu

if [ $# -lt 3 ]; then
  echo "usage: $0 RUN SHARDS PROGRAM [ARGUMENT…]" >&2
  exit 2
fi
run=$1 shards=$2
shift 2

jobs=${JOBS:-$(nproc 2>/dev/null || echo 1)}
if [ -z "${WITHOUT_PARALLEL:-}" ] && command -v parallel >/dev/null 2>&1 && parallel --version 2>/dev/null | grep -q 'GNU parallel'; then
  seq "$shards" | parallel --jobs "$jobs" BURNSCAPE_SHARD="{}/$shards" "$@" || failed=1
else
  # shellcheck disable=SC2016  # the shell that xargs starts takes its own arguments
  seq "$shards" | xargs -P "$jobs" -I '{}' sh -c '
    BURNSCAPE_SHARD="$0"; export BURNSCAPE_SHARD; exec "$@"' "{}/$shards" "$@" || failed=1
fi
if [ "${failed:-0}" = 1 ]; then
  echo "$0: some shards failed: what they measured is merged, what is missing is listed" >&2
fi
exec "${BURNSCAPE:-burnscape}" merge "$run"
