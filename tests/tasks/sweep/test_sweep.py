"""Sweeps: one folder, a table that fills, nothing done twice and nothing lost."""

import collections
import csv
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from vaerun.tasks.registry import TASKS
from vaerun.tasks.sweep.settings import parse_sweep
from vaerun.utils import devices
from vaerun.utils.errors import UserError
from vaerun.utils.files import Locked, file_lock


def sweep_folder(here: Path) -> Path:
    (folder,) = (here / "outputs/multirun").glob("*/")
    return folder


def table(here: Path) -> list[dict[str, str]]:
    with (sweep_folder(here) / "table.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_folder_tells_what_was_typed_and_how_each_trial_went(vaerun, jobs, here):
    status, output, errors = vaerun("-m", "model=rvae,vae", "seed=0,1,3")
    folder = sweep_folder(here)
    kept = yaml.safe_load((folder / "sweep.yaml").read_text())
    assert kept["command"] == "vaerun -m model=rvae,vae seed=0,1,3"
    assert kept["trials"][1] == "model=rvae seed=1"
    rows = table(here)
    assert [row["status"] for row in rows] == ["finished", "failed", "failed"] * 2
    assert [(row["model"], row["seed"]) for row in rows] == list(
        itertools.product(("rvae", "vae"), "013")
    )
    assert rows[0]["run"] == "outputs/rvae/cards_iv/version_0"
    assert rows[1]["message"] == "ValueError: a bug"
    assert rows[2]["message"] == "data.path=x holds no images — give a folder"
    assert "| 6 | failed | vae | 3 |" in (folder / "table.md").read_text()
    assert status == 1
    assert errors[-1].startswith("4 of 6 trials did not finish: 2, 3, 5, 6 — see ")
    assert output[-1] == "run: outputs/vae/cards_iv/version_0"


def test_if_all_failures_are_the_users_so_is_the_status(vaerun, jobs):
    assert vaerun("-m", "seed=0,3")[0] == 2


def test_an_interrupt_ends_the_sweep(vaerun, jobs, here):
    status, _, errors = vaerun("-m", "seed=0,2,4")
    assert (status, errors[-1], len(jobs)) == (130, "interrupted", 2)
    assert [row["status"] for row in table(here)] == ["finished", "interrupted", "waiting"]


def test_the_same_trials_are_the_same_sweep(vaerun, jobs, here):
    vaerun("-m", "model=rvae,vae", "seed=0,1")
    status, output, _ = vaerun("-m", "seed=1,0", "model=vae,rvae", "data.root=elsewhere")
    assert [config.seed for config, _ in jobs] == [0, 1, 0, 1, 1, 1]  # only what had failed
    assert status == 1
    assert "2 of them have finished already; sweep.fresh=true would start again" in output
    assert len(list((here / "outputs/multirun").glob("*/"))) == 1
    vaerun("-m", "model=rvae,vae", "seed=0,1", "sweep.fresh=true")
    assert len(jobs) == 10
    assert len(list((here / "outputs/multirun").glob("*/"))) == 2


def test_other_trials_are_another_sweep(vaerun, jobs, here):
    vaerun("-m", "seed=0,4", "sweep.name=first")
    status, _, errors = vaerun("-m", "seed=0,4,5", "sweep.name=first")
    assert (status, len(jobs)) == (2, 2)
    assert errors[0].startswith("error: sweep.name=first is the name of a sweep of other trials")
    vaerun("-m", "seed=0,4,5")
    assert len(jobs) == 5


def test_a_combination_typed_twice_is_one_trial(vaerun, jobs):
    vaerun("-m", "seed=0,0", "trainer.max_epochs=3,3")
    assert len(jobs) == 1


def test_what_differs_only_in_its_place_or_its_runs_is_not_lost(vaerun, jobs, here, monkeypatch):
    vaerun("-m", "seed=0", "out=a,b")
    assert [config.out for config, _ in jobs] == ["a", "b"]
    runs = [f"{out}/rvae/cards_iv/version_0" for out in "ab"]
    monkeypatch.setitem(TASKS, "evaluate", TASKS["train"])
    vaerun("-m", "task=evaluate", f"run={','.join(runs)}")
    assert [config.run for config, _ in jobs[2:]] == runs


def test_a_run_that_was_removed_is_done_again(vaerun, jobs, here):
    vaerun("-m", "seed=0,4")
    (here / "outputs/rvae/cards_iv/version_0").rename(here / "gone")
    vaerun("-m", "seed=0,4")
    assert [config.seed for config, _ in jobs] == [0, 4, 0]


def test_one_trial_alone_as_in_a_job_array(vaerun, jobs, here):
    typed = ("-m", "seed=0,4,5", "sweep.name=array")
    assert vaerun(*typed, "sweep.trial=2")[:2] == (0, ["run: outputs/rvae/cards_iv/version_0"])
    assert [row["status"] for row in table(here)] == ["waiting", "finished", "waiting"]
    assert "but the sweep has 3 trials" in vaerun(*typed, "sweep.trial=4")[2][0]
    status, output, _ = vaerun("-m", "sweep.folder=outputs/multirun/array")
    assert (status, output[-1]) == (0, "run: outputs/rvae/cards_iv/version_2")
    assert [config.seed for config, _ in jobs] == [4, 0, 5]


def test_hydras_launchers_do_what_is_left(vaerun, jobs, here):
    vaerun("-m", "seed=0,1,4", "sweep.trial=1")
    status, _, _ = vaerun("-m", "seed=0,1,4", "hydra/launcher=basic")
    assert [config.seed for config, _ in jobs] == [0, 1, 4]
    assert (status, [row["status"] for row in table(here)]) == (
        1,
        ["finished", "failed", "finished"],
    )
    assert (sweep_folder(here) / "multirun.yaml").is_file()
    assert [path.name for path in here.iterdir()] == ["outputs"]


def test_folders_may_have_spaces_and_quotes(vaerun, jobs, here):
    typed = ("-m", "seed=0,4", "out='my \\'own\\' runs'")
    assert vaerun(*typed, "hydra/launcher=basic")[0] == 0
    assert vaerun(*typed)[1][-1] == "run: my 'own' runs/rvae/cards_iv/version_1"
    assert len(jobs) == 2


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("sweep.job=2", "sweep.job is not a key of sweep — did you mean sweep.jobs"),
        ("sweep.jobs=0", "sweep.jobs=0 must be at least 1"),
        ("sweep.jobs=1,2", "sweep.jobs=1,2 is not a whole number"),
        ("sweep.metric=goodness", "sweep.metric=goodness: its name does not tell whether less"),
        ("sweep.name=a/b", "sweep.name=a/b cannot be the name of a folder"),
        ("sweep.folder=nowhere", "sweep.folder=nowhere holds no sweep that can be read"),
        ("sweep.fresh=true sweep.trial=1", "sweep.fresh=true starts again, sweep.trial continues"),
        ("hydra/launcher=basic sweep.jobs=2", "sweep.jobs=2 is of no use to a launcher"),
        ("hydra/launcher=none_such", "the config cannot be composed: In 'hydra/config'"),
    ],
)
def test_wrong_settings_give_one_line_and_leave_nothing(typed, said, vaerun, jobs, here):
    status, output, errors = vaerun("-m", *typed.split())
    assert (status, output, len(errors)) == (2, [], 1), errors
    assert errors[0].startswith(f"error: {said}")
    assert list(here.iterdir()) == []


def test_one_run_has_no_use_for_settings_of_a_sweep(vaerun, jobs):
    assert vaerun("sweep.jobs=2")[2][0].startswith("error: sweep.jobs=2 is of no use to one run")


@pytest.mark.parametrize(
    ("metric", "less"),
    [("elbo.loss", True), ("knn_accuracy", False), ("angle.overall_mae_deg", True),
     ("angle.resultant", False), ("clustering.ari", False), ("train.seconds", True)],
)  # fmt: skip
def test_the_name_of_a_metric_tells_what_is_better(metric, less):
    assert parse_sweep([f"sweep.metric={metric}"]).settings.less_is_better is less


def test_what_is_better_may_be_said():
    settings = parse_sweep(["sweep.metric=goodness", "sweep.minimise=false"]).settings
    assert not settings.less_is_better
    with pytest.raises(UserError):
        parse_sweep(["sweep.metric=goodness"])


def test_threads_and_gpus_are_shared_out():
    assert devices.threads(2, 8, None) == 4
    assert devices.threads(16, 8, None) == 1
    assert devices.threads(2, 8, 1) == 1
    assert devices.gpus_of_each(2, ["0", "1", "2"]) == [["0", "2"], ["1"]]
    assert devices.gpus_of_each(3, ["a", "b"]) == [["a"], ["b"], ["a"]]
    assert devices.gpus_of_each(2, []) == [[], []]


def test_a_lock_is_held_by_one(tmp_path):
    with (
        file_lock(tmp_path / "lock"),
        pytest.raises(Locked),
        file_lock(tmp_path / "lock", wait=False),
    ):
        pass
    with file_lock(tmp_path / "lock", wait=False):
        pass


CLAIM = """
import sys, time
from vaerun.runs.folder import create_run_folder
print(flush=True)
sys.stdin.readline()
print(create_run_folder("outputs", "m", "d").path.name)
"""


@pytest.mark.parametrize("n", [2, 8])
def test_runs_started_at_the_same_instant_have_folders_of_their_own(n, here):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen([sys.executable, "-c", CLAIM], **pipes) for _ in range(n)]
    for process in processes:
        process.stdout.readline()  # ready
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    names = [process.communicate()[0].strip() for process in processes]
    assert sorted(names) == [f"version_{i}" for i in range(n)]


# The program with a task that takes a moment, and that a file tells to fail; without torch, so
# that a dozen processes start at once.
PROGRAM = """
import sys, time, json
from pathlib import Path
from types import ModuleType, SimpleNamespace as Names
def proved(plain):
    return Names(task=Names(name="train"), **{k: plain[k] for k in ("out", "seed", "resume")},
                 model=plain["model"]["name"], data=plain["data"]["name"])
config = sys.modules["vaerun.runs.config"] = ModuleType("vaerun.runs.config")
config.validate, config.INCIDENTAL, config.RunConfig = proved, frozenset(), None
config.keys_affecting = lambda *what: frozenset()
from vaerun import cli, tasks
from vaerun.runs.manifest import RunFacts, recorded
from vaerun.runs.folder import RunFolder, create_run_folder
from vaerun.utils.files import write_text
from vaerun.tasks.sweep import process_pool as pool
pool.PROGRAM = [sys.executable, __file__]
def note(what):
    with open("ledger", "a") as file:
        file.write(what + "\\n")
def train(config, job):
    trial = f"{config.model} {config.data} {config.seed}"
    resumed = config.resume and RunFolder(Path(config.resume))
    folder = resumed or create_run_folder(config.out, config.model, config.data)
    with recorded(folder, job, RunFacts(device="cpu", data_fingerprint="")):
        note(("resumed " if resumed else "begun ") + trial)
        write_text(folder.last_checkpoint, "")
        time.sleep(0.3)
        if Path("fail").exists() and Path("fail").read_text() == trial:
            raise ValueError("a bug")
        write_text(folder.metrics_json, json.dumps({"elbo": {"loss": config.seed + 1.0}}))
    assert "torch" not in sys.modules
    note("ended " + trial)
    return folder.path
tasks.TASKS["train"] = train
sys.exit(cli.main())
"""
TYPED = ("-m", "model=rvae,vae", "data=cards_iii,cards_iv", "seed=0,1")
FAILING = "vae cards_iv 1"


def ledger(here: Path) -> collections.Counter[str]:
    file = here / "ledger"
    return collections.Counter(file.read_text().splitlines() if file.exists() else [])


def n_ended(here: Path) -> int:
    return sum(n for line, n in ledger(here).items() if line.startswith("ended"))


def status_of(run: Path) -> str:
    manifest = run / "manifest.json"  # yet to be written where a run was killed as it began
    return json.loads(manifest.read_text())["status"] if manifest.exists() else ""


@pytest.mark.slow
@pytest.mark.parametrize("jobs_at_a_time", [1, 3])
def test_killed_half_way_and_given_again_a_sweep_ends_complete(jobs_at_a_time, here):
    (here / "program.py").write_text(PROGRAM)
    command = [sys.executable, "program.py", *TYPED, f"sweep.jobs={jobs_at_a_time}"]
    options = {"cwd": here, "env": {**os.environ, "CUDA_VISIBLE_DEVICES": ""}, "text": True}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, **options, **pipes) as process:
        while n_ended(here) < 3:
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    runs = (here / "outputs").glob("*/*/version_*")
    done = [run / "manifest.json" for run in runs if status_of(run) == "finished"]
    before = {manifest: manifest.stat().st_mtime_ns for manifest in done}
    assert 3 <= len(before) < 8

    (here / "fail").write_text(FAILING)
    second = subprocess.run(command, **options, capture_output=True)
    assert second.returncode == 1, second.stderr
    assert second.stderr.splitlines()[-1].startswith("1 of 8 trials did not finish: 8 — see ")
    rows = table(here)
    assert [row["status"] for row in rows].count("finished") == 7
    assert rows[7]["message"] == "ValueError: a bug"

    (here / "fail").unlink()
    third = subprocess.run(command, **options, capture_output=True)
    assert third.returncode == 0, third.stderr
    trials = [
        " ".join(one)
        for one in itertools.product(("rvae", "vae"), ("cards_iii", "cards_iv"), "01")
    ]
    noted = ledger(here)
    assert {line: n for line, n in noted.items() if line.startswith("ended")} == {
        f"ended {trial}": 1 for trial in trials
    }
    assert noted[f"resumed {FAILING}"] == 1  # in the folder that it had failed in
    assert {manifest: manifest.stat().st_mtime_ns for manifest in done} == before
    rows = table(here)
    assert {row["status"] for row in rows} == {"finished"}
    assert len({row["run"] for row in rows}) == 8
    assert all(status_of(here / row["run"]) == "finished" for row in rows)
    assert (sweep_folder(here) / "summary.png").is_file()
    assert "best on cards_iii: elbo.loss 1, model=rvae data=cards_iii seed=0" in third.stdout
    assert third.stdout.splitlines()[-1] == f"run: {rows[0]['run']}"
