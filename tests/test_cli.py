"""The command line: exit statuses, one line for each fault, help without the weight of torch."""

import os
import signal
import subprocess
import sys
import time

import pytest
import yaml

from vaerun.config.schema import names
from vaerun.config.task import CONFIGS
from vaerun.tasks.registry import TASKS

# What is typed, and how the one line about it begins.
WRONG = {
    "modle=vae": "modle is not a key of this config — did you mean model",
    "model=rvea": "model=rvea is not a choice — did you mean rvae (choices: ",
    "model=null": "model=null is not a choice — did you mean ",
    "data=cards_v": "data=cards_v is not a choice — did you mean cards_i",
    "task=trian": "task=trian is not a choice — did you mean train",
    "experiment=best/nothing": "experiment=best/nothing is not a choice — ",
    "model/decoder=sptial": "model/decoder=sptial is not a choice — did you mean spatial",
    "model/decodr=mlp": "model/decodr=mlp names no group of choices — did you mean model/decoder",
    "model.decoder=spatial": "model.decoder=spatial sets a whole group of keys — did you mean "
    "model/decoder=spatial",
    "model.name=vae": "model.name=vae changes the name and not what it names — did you mean "
    "model=vae",
    "model@x=vae": "model@x=vae moves a group elsewhere — leave out @",
    "+model=vae": "+model=vae adds a second model — leave out the +: model=vae",
    "model.latent_dim=0": "model.latent_dim=0 must be at least 1 — raise it",
    "model.latent_dims=3": "model.latent_dims is not a key of this config — did you mean "
    "model.latent_dim",
    "latent_dim=3": "latent_dim is not a key of this config — did you mean model.latent_dim",
    "epochs=3": "epochs is not a key of this config — did you mean data.epochs",
    "+model.new=1": "model.new is not a key of this config — did you mean model.",
    "+seed=1": "+seed=1 adds a key that is there — leave out the +: seed=1",
    "~seed": "~seed deletes what a run needs — leave it out",
    "model.hidden=256": "model.hidden=256 is not a list, each a whole number — give a list",
    "model.hidden=[256,-1]": "model.hidden[1]=-1 must be at least 1 — raise it",
    "model.invariances=[r,q]": "model.invariances[1]=q is not a choice — did you mean ",
    "seed=-1": "seed=-1 must be at least 0 — raise it",
    "seed=one": "seed=one is not a whole number — give a whole number at least 0",
    "seed=1.5": "seed=1.5 is not a whole number — ",
    "seed=1_000": "seed=1_000 has underscores among digits, so that 1_000 is no number — write 1",
    "-m seed=1_0,2": "seed=1_0,2 has underscores among digits, so that 1_0 is no number — write",
    "model.hidden=[1_0,2]": "model.hidden=[1_0,2] has underscores among digits, so that 1_0 is no",
    "trainer.learning_rate=1_0e-4": "trainer.learning_rate=1_0e-4 has underscores among digits, ",
    "seed=0,1": "seed=0,1 gives several values to one run — put -m first",
    "trainer.learning_rate=nan": "trainer.learning_rate=nan is not a number — ",
    "trainer.accelerator=tpu": "trainer.accelerator=tpu is not a choice — did you mean cpu",
    "trainer.precision=31": "trainer.precision=31 is not a choice — did you mean 32",
    "trainer.devices=0": "trainer.devices=0 must be at least 1 — raise it",
    "data.corrupt=nois": "data.corrupt=nois is not a choice — did you mean noise (choices: none, ",
    "data.corruption.mask=patch": "data.corruption.mask=patch is not a choice — did you mean ",
    "data.corruption.share=1": "data.corruption.share=1 must be below 1 — lower it (share of the",
    "data.corruption.sd=0": "data.corruption.sd=0 must be above 0 — raise it (sd of gaussian",
    "data.corruption.patches=3": "data.corruption.patches is not a key of this config — did you "
    "mean data.corruption.patch_px",
    "data.corruption=mask": "data.corruption=mask sets a whole group of keys — set its keys",
    "data.batch_size=0": "data.batch_size=0 must be at least 1 — raise it",
    "data.name=../x": "data.name=../x cannot be the name of a folder — use letters",
    "out=": "out= is empty — give a folder",
    "out=${nope}": "the config cannot be composed: Interpolation key 'nope' not found — set out",
    "run=somewhere": "run=somewhere is of no use to task=train — leave it out",
    "hydra/launcher=none_such": "the config cannot be composed: In 'hydra/config': Could not find",
    "model.hidden=[256,": "model.hidden=[256, is not an override — write KEY=VALUE and quote",
    "=3": "=3 is not an override — ",
    "train": "train is not an override — write GROUP=CHOICE or KEY=VALUE, such as task=train",
    "model.latent_dim": "model.latent_dim is not an override — write KEY=VALUE: model.latent_dim=",
    "": "'' is not an override — ",
    "--info": "--info is not an option — options are --help, ",
    "--cfg all": "--cfg all shows nothing — write --cfg job",
    "--resolve": "--resolve alone does nothing — write --cfg job --resolve",
    "-m model=vae,rvea": "model=rvea is not a choice — did you mean rvae",
    "-m seed=interval(0,1)": "seed=interval(0,1) names no values to run through — list them",
    "--cfg job seed=-1": "seed=-1 must be at least 0 — raise it",
}


@pytest.mark.parametrize("typed", WRONG)
def test_a_wrong_command_line_gives_one_line_and_leaves_nothing(typed, vaerun, jobs, here):
    status, output, errors = vaerun(*typed.split(" "))
    assert (status, output, len(errors)) == (2, [], 1), errors
    assert errors[0].startswith(f"error: {WRONG[typed]}")
    assert jobs == []
    assert list(here.iterdir()) == []


def test_all_faults_of_values_are_in_one_line(vaerun):
    _, _, errors = vaerun("model.latent_dim=0", "trainer.max_epochs=0", "seed=-3")
    assert len(errors) == 1
    for fault in ("model.latent_dim=0 must", "; trainer.max_epochs=0 must", "; seed=-3 must"):
        assert fault in errors[0]


def test_a_run_ends_with_the_path_of_its_folder(vaerun, jobs, here):
    status, output, errors = vaerun("model=vae", "seed=5", "data.root=~/digits")
    assert (status, output[-1], errors) == (0, "run: outputs/vae/cards_iv/version_0", [])
    ((config, job),) = jobs
    assert (config.model.name, config.seed) == ("vae", 5)
    assert config.data.root == os.path.expanduser("~/digits")  # noqa: PTH111
    assert job.command == ["vaerun", "model=vae", "seed=5", "data.root=~/digits"]
    kept = yaml.safe_load((here / "outputs/vae/cards_iv/version_0/config.yaml").read_text())
    assert kept == job.plain


@pytest.mark.parametrize(
    ("seed", "status", "said"),
    [
        (1, 1, "ValueError: a bug"),
        (2, 130, "interrupted"),
        (3, 2, "error: data.path=x holds no images — give a folder"),
    ],
)
def test_the_status_tells_whose_fault_it_was(seed, status, said, vaerun, jobs):
    got, output, errors = vaerun(f"seed={seed}")
    assert (got, errors[-1]) == (status, said)
    assert output == []


def test_a_config_is_shown_as_it_would_be_used(vaerun, jobs):
    status, output, _ = vaerun("--cfg", "job", "--resolve", "model.latent_dim=3")
    shown = yaml.safe_load("\n".join(output))
    vaerun("model.latent_dim=3")
    assert status == 0
    assert shown["model"]["latent_dim"] == 3
    assert shown == jobs[0][1].plain


def test_a_multirun_runs_every_combination(vaerun, jobs, here):
    status, output, _ = vaerun("-m", "model=rvae,vae", "seed=0,5")
    ran = [(config.model.name, config.seed) for config, _ in jobs]
    assert status == 0
    assert ran == [("rvae", 0), ("rvae", 5), ("vae", 0), ("vae", 5)]
    assert output[-1] == "run: outputs/vae/cards_iv/version_1"
    assert [path.name for path in here.iterdir()] == ["outputs"]


def test_a_multirun_starts_nothing_if_one_combination_is_wrong(vaerun, jobs, here):
    status, _, errors = vaerun("-m", "model=rvae,vae", "seed=0,-1")
    assert (status, len(errors), jobs) == (2, 1, [])
    assert list(here.iterdir()) == []


def test_a_multirun_goes_on_after_a_failure_and_says_so(vaerun, jobs):
    status, output, _ = vaerun("-m", "seed=1,5")
    assert [config.seed for config, _ in jobs] == [1, 5]
    assert (status, output[-1]) == (1, "run: outputs/rvae/cards_iv/version_1")


def _named(lines: list[str], group: str) -> list[list[str]]:
    """The choices on each line of help; experiments follow the folder that they lie in."""
    if group != "experiment":
        return [line.split()[:1] for line in lines]
    folder, named = "", []
    for line in lines:
        names = line.split()
        folder = names.pop(0) if names and names[0].endswith("/") else folder
        named.append([folder + name for name in names])
    return named


def test_help_fits_a_screen_or_two_and_names_every_choice(vaerun):
    from vaerun.config.groups import GROUPS, choices

    status, output, _ = vaerun("--help")
    assert status == 0
    assert len(output) <= 80
    assert max(map(len, output)) <= 100
    for group in set(GROUPS) - {"trainer"}:
        for choice, phrase in choices(group).items():
            assert phrase, f"{group}/{choice}.yaml begins with no comment"
            assert any(choice in names for names in _named(output, group)), choice


def python(code, here, *arguments):
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=here, capture_output=True, text=True
    )


@pytest.mark.parametrize("task", sorted(TASKS))
def test_help_of_a_task_names_its_keys_and_shows_it_at_work(vaerun, task: str):
    status, output, errors = vaerun(f"task={task}", "--help")
    assert (status, errors) == (0, [])
    assert output[0].startswith(f"task={task}: ")
    text = "\n".join(output)
    assert all(f"task.{name}" in text for name in names(CONFIGS[task]) if name != "name")
    assert "\nexamples\n  vaerun" in text
    assert max(map(len, output)) < 100


def test_help_of_no_task(vaerun):
    status, _, errors = vaerun("task=tarin", "--help")
    assert (status, len(errors)) == (2, 1)
    assert "did you mean train" in errors[0]


def test_help_imports_neither_torch_nor_hydra(here):
    code = (
        "import sys, vaerun.cli; vaerun.cli.main(['--help']); vaerun.__version__;"
        "sys.exit(sorted({'torch', 'hydra', 'numpy'} & set(sys.modules)) or 0)"
    )
    answer = python(code, here)
    assert (answer.returncode, answer.stderr) == (0, "")


@pytest.mark.parametrize(("given", "effective"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_idle_threads_sleep_unless_the_user_says_otherwise(given, effective, here, monkeypatch):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    if given is not None:
        monkeypatch.setenv("OMP_WAIT_POLICY", given)
    child = "import os; print(os.environ['OMP_WAIT_POLICY'])"
    code = (
        "import subprocess, sys; from vaerun.cli import main; main(['--version']);"
        f"assert 'torch' not in sys.modules; subprocess.run([sys.executable, '-c', {child!r}])"
    )
    answer = python(code, here)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.split()[-1] == effective


def test_help_may_be_read_in_part(here):
    with subprocess.Popen(
        [sys.executable, "-m", "vaerun", "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=20) == 0


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp437"])
def test_help_is_shown_on_any_terminal(encoding: str, here):
    answer = subprocess.run(
        [sys.executable, "-m", "vaerun", "--help"],
        cwd=here, capture_output=True, env=os.environ | {"PYTHONIOENCODING": encoding},
    )  # fmt: skip
    assert (answer.returncode, answer.stderr) == (0, b"")
    assert "usage  vaerun" in answer.stdout.decode(encoding)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")  # noqa: PTH110
def test_output_to_a_full_disk_is_a_fault_of_the_disk(here):
    with open("/dev/full", "w") as full:  # noqa: PTH123
        answer = subprocess.run(
            [sys.executable, "-m", "vaerun", "--help"],
            cwd=here, stdout=full, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
    assert answer.returncode == 2
    assert answer.stderr.startswith("error: the disk has no room left (No space left on device)")
    assert answer.stderr.count("\n") == 1


@pytest.mark.parametrize("typed", ["model=rvea", "seed=-1"])
def test_the_real_process_fails_in_one_line_too(typed, here):
    answer = subprocess.run(
        [sys.executable, "-m", "vaerun", typed], cwd=here, capture_output=True, text=True
    )
    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr.startswith(f"error: {typed}")
    assert answer.stderr.count("\n") == 1


# A shell starts what runs in its background with SIGINT ignored, tests included: the first line
# of work takes that back, as a program in the foreground would find it.
SLEEPER = """
import signal, sys, time
from vaerun import cli, tasks
from vaerun.runs.manifest import RunFacts, recorded
from vaerun.runs.folder import create_run_folder
signal.signal(signal.SIGINT, signal.default_int_handler)
def train(config, job):
    folder = create_run_folder("outputs", "m", "d")
    with recorded(folder, job, RunFacts(device="cpu", data_fingerprint="")):
        print("asleep", flush=True)
        time.sleep(60)
tasks.TASKS["train"] = train
sys.exit(cli.main([]))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_a_consistent_folder(number, here):
    with subprocess.Popen(
        [sys.executable, "-c", SLEEPER], cwd=here, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"asleep\n"
        time.sleep(0.2)
        process.send_signal(number)
        assert process.wait(timeout=20) == 130
    manifest = yaml.safe_load((here / "outputs/m/d/version_0/manifest.json").read_text())
    assert manifest["status"] == "interrupted"
