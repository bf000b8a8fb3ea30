"""A cluster of one machine: sbatch, srun, scontrol and sacct as far as they are used here.

Called with the name of the command; keeps its books in the folder $FAKE_SLURM, and numbers jobs
from $FAKE_SLURM_JOB in steps of 10. Jobs start at once, and again if they were requeued.
"""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path


def books() -> Path:
    return Path(os.environ["FAKE_SLURM"])


def note(line: str) -> None:
    with (books() / "log").open("a") as log:
        log.write(line + "\n")


def options_of(script: str, typed: list[str]) -> dict[str, str]:
    lines = re.findall(r"^#SBATCH --(\S+)", Path(script).read_text(), re.MULTILINE)
    pairs = [word.removeprefix("--").partition("=") for word in [*lines, *typed]]
    return {name: value.strip("'") for name, _, value in pairs}


def sbatch(arguments: list[str]) -> None:
    n_typed = next(i for i, word in enumerate(arguments) if not word.startswith("--"))
    typed, (script, *rest) = arguments[:n_typed], arguments[n_typed:]
    options = options_of(script, typed)
    job = int(os.environ["FAKE_SLURM_JOB"]) + 10 * len(list(books().glob("*.options")))
    (books() / f"{job}.options").write_text("\n".join(f"{k}={v}" for k, v in options.items()))
    note(f"sbatch {job}")
    first, last = re.match(r"(\d*)-?(\d*)", options.get("array", "")).groups()
    tasks = range(int(first), int(last or first) + 1) if first else [None]
    for task in tasks:
        own = os.environ | {
            "SLURM_JOB_ID": str(job if task is None else job + task),
            "SLURM_JOB_NUM_NODES": options.get("nodes", "1"),
            "SLURM_NTASKS_PER_NODE": options.get("ntasks-per-node", "1"),
            "SLURM_JOB_NODELIST": "localhost",
        }
        if task is not None:
            own |= {"SLURM_ARRAY_JOB_ID": str(job), "SLURM_ARRAY_TASK_ID": str(task)}
        command = [sys.executable, __file__, "supervise", script, *rest]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.Popen(command, env=own, start_new_session=True, **quiet)
    print(f"Submitted batch job {job}")


def name_of_job() -> str:
    own = os.environ
    if "SLURM_ARRAY_JOB_ID" in own:
        return f"{own['SLURM_ARRAY_JOB_ID']}_{own['SLURM_ARRAY_TASK_ID']}"
    return own["SLURM_JOB_ID"]


def supervise(arguments: list[str]) -> None:
    job = name_of_job()
    while True:
        with (books() / f"{job}.out").open("a") as out:
            batch = subprocess.Popen(["bash", *arguments], stdout=out, stderr=out)
        (books() / f"{job}.pid").write_text(str(batch.pid))
        status = batch.wait()
        requeued = books() / f"{job}.requeue"
        if not requeued.exists():
            break
        requeued.unlink()
    (books() / f"{job}.ended").write_text(str(status))


def srun(arguments: list[str]) -> int:
    while arguments[0].startswith("--"):
        takes_a_value = arguments[0] in ("--output", "--error")
        arguments = arguments[1 + takes_a_value :]
    per_node = int(os.environ["SLURM_NTASKS_PER_NODE"])
    n = per_node * int(os.environ["SLURM_JOB_NUM_NODES"])
    tasks = []

    def forward(number: int, _: object) -> None:
        for task in tasks:
            task.send_signal(number)

    for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM):
        signal.signal(number, forward)
    (books() / f"{name_of_job()}.step").write_text(str(os.getpid()))
    for rank in range(n):
        own = os.environ | {
            "SLURM_PROCID": str(rank),
            "SLURM_NTASKS": str(n),
            "SLURM_STEP_NUM_TASKS": str(n),
            "SLURM_STEP_NUM_NODES": os.environ["SLURM_JOB_NUM_NODES"],
            "SLURM_STEP_NODELIST": "localhost",
            "SLURM_LOCALID": str(rank % per_node),
            "SLURM_NODEID": str(rank // per_node),
        }
        tasks.append(subprocess.Popen(arguments, env=own))
    return max(task.wait() for task in tasks)


def scontrol(arguments: list[str]) -> None:
    note(f"scontrol {' '.join(arguments)}")
    (books() / f"{arguments[1]}.requeue").touch()


def sacct(arguments: list[str]) -> None:
    print("JobID|State|NodeList")
    for pid in books().glob("*.pid"):
        ended = pid.with_suffix(".ended").exists()
        print(f"{pid.stem}|{'COMPLETED' if ended else 'RUNNING'}|localhost")


if __name__ == "__main__":
    name, *rest = sys.argv[1:]
    commands = {f.__name__: f for f in (sbatch, supervise, srun, scontrol, sacct)}
    sys.exit(commands[name](rest))
