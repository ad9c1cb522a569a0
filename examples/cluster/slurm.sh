#!/bin/bash
# Slurm: one Ray cluster over all nodes of the job, and a vidcondense command on it.
#     sbatch slurm.sh condense STORE --out RUN --recipe prism_small --shards 64
# STORE and RUN have to be on a file system that all nodes share. Given again, it finishes what is missing.
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --time=24:00:00
#SBATCH --signal=TERM@60
set -eu
export RAY_AUTH_MODE=token  # nobody else on these nodes has access; the token lies in your home
ray get-auth-token --generate > /dev/null
head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
exec srun ray symmetric-run --address "$head:6379" --min-nodes "$SLURM_JOB_NUM_NODES" \
    --num-cpus "$SLURM_CPUS_PER_TASK" -- vidcondense "$@" --on ray
