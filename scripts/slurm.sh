#!/usr/bin/env bash
# On a SLURM cluster, without submitit. From the checkout, once `bash scripts/run.sh --version` has
# made .venv there:
#
#     sbatch scripts/slurm.sh model=rvae data=cards_iv                  one run
#     sbatch --nodes=2 --ntasks-per-node=4 --gpus-per-node=4 scripts/slurm.sh model=rvae …
#                                                                       one run on eight GPUs
#     sbatch --array=1-12%4 scripts/slurm.sh -m model=rvae,vae,jrvae data=cards_iii,cards_iv seed=0,1
#                                                                       twelve trials, four at a time
#
# Two minutes before its time limit a job saves its state and is requeued, as is a preempted one; it
# continues in the same run folder. Edit the options below for your cluster.
#SBATCH --job-name=vaerun
#SBATCH --partition=gpu
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=1
#SBATCH --cpus-per-task=8
#SBATCH --time=04:00:00
#SBATCH --requeue
#SBATCH --signal=B:USR1@120
#SBATCH --open-mode=append
set -u
vaerun=${VAERUN:-.venv/bin/vaerun} # the program, found from where sbatch was called

if [ "${1:-}" = -m ]; then
    shift
    set -- -m "sweep.trial=${SLURM_ARRAY_TASK_ID:?a sweep is an array: sbatch --array=1-N}" "$@"
else
    set -- resume=auto "$@"
fi

# trainer=ddp trains on all processes, one a GPU; an override may change that
srun --kill-on-bad-exit=1 "$vaerun" trainer=ddp "$@" &
step=$!
out_of_time=
trap 'out_of_time=yes; kill -USR1 "$step"' USR1
status=130
while kill -0 "$step" 2>/dev/null; do # a signal ends the wait, not the step
    wait "$step"
    status=$?
done
# SLURM requeues preempted jobs; this requeues a job at its time limit
[ -z "$out_of_time" ] || [ "$status" = 0 ] || exec scontrol requeue "$SLURM_JOB_ID"
exit "$status"
