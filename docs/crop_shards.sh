#!/bin/bash
# The crops of a cohort by a SLURM array: sbatch docs/crop_shards.sh
# Any other scheduler does as well: run --shard 1/32 to 32/32 in any order, anywhere that sees the same folders.
#SBATCH --job-name=crop
#SBATCH --array=1-32
#SBATCH --cpus-per-task=4
#SBATCH --mem=12G
#SBATCH --time=04:00:00
#SBATCH --requeue
#SBATCH --output=crop-%A_%a.log
set -euo pipefail

COHORT=${COHORT:-nlst}
SHARDS=32  # as many as the array has; the same when some of them are given again (sbatch --array=3,17 ...)

if [ "${1:-}" = finish ]; then
    # Ends with an error that names every shard which lacks, and changes nothing then.
    bench crop --cohort "$COHORT" --finish
    exit
fi

# Given again (requeued, preempted, out of time) a shard goes on where it stopped. Nodules that cannot be cropped do
# not end it with an error: --finish lists them.
bench crop --cohort "$COHORT" --shard "$SLURM_ARRAY_TASK_ID/$SHARDS" \
    --workers "${SLURM_CPUS_PER_TASK:-1}"

# When all are done, once:
#   sbatch --dependency=afterok:JOB --array=1-1 --cpus-per-task=1 docs/crop_shards.sh finish
