"""`task=tune`: spaces, the label-free score, studies that are killed, shared and reproduced."""

import csv
import json
import shlex
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import vaerun as vaerun_package
from tests.forks import Command
from vaerun.config.compose import compose
from vaerun.config.groups import choices
from vaerun.evaluation.metrics.class_separation import class_separation
from vaerun.tasks.tune.search_space import (
    Choices,
    Range,
    all_settings,
    outside,
    override,
    read_space,
    values_at,
)
from vaerun.utils.errors import UserError

TINY = (
    "data=cards_iv",
    "data.size=12",
    "data.repeats=1",
    "data.train_size=60",
    "data.val_size=40",
    "data.batch_size=30",
    "model.hidden=[8]",
    "trainer.max_epochs=2",
    "trainer.accelerator=cpu",
    "trainer.precision=32-true",
    "trainer.progress=false",
)
JRVAE = ("model=jrvae", "model.clustering.templates=0", *TINY)

Vaerun = Callable[..., tuple[int, list[str], list[str]]]


def refused(result: tuple[int, list[str], list[str]]) -> str:
    """The one line of a command that was refused."""
    status, _, errors = result
    assert (status, len(errors)) == (2, 1), errors
    return errors[0]


def table(folder: Path) -> list[dict[str, str]]:
    """The trials of a study."""
    with (folder / "table.csv").open() as file:
        return list(csv.DictReader(file))


def study_in(here: Path) -> Path:
    """The only study."""
    (found,) = (here / "outputs" / "tune").glob("*/study_*")
    return found


@pytest.mark.parametrize("name", choices("search"))
def test_shipped_spaces_fit_their_models_and_hold_the_presets(name: str):
    model, _, use = name.partition("_")
    given = {"capacity": ["objective=capacity"], "window": ["data=graphene"]}
    typed = [f"model={model}", *given.get(use, [])]
    space = read_space(name, typed)
    # null: as many as the data set has
    assert set(outside(space, compose(typed))) <= {"model.category.n_classes=null"}
    fixed = next(iter(space))
    value = space[fixed].checked_values()[0]
    assert set(space) - set(read_space(name, [*typed, f"{fixed}={value}"])) == {fixed}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("trainer.learning_rat: {low: 1.0e-3, high: 1.0e-2}", "trainer.learning_rate"),
        ("trainer.learning_rate: {low: 1.0e-3, hihg: 1.0e-2}", "high"),
        ("trainer.learning_rate: {low: 1.0e-2, high: 1.0e-3}", "below high"),
        ("trainer.learning_rate: {low: 0.0, high: 1.0, log: true}", "above 0"),
        ("trainer.learning_rate: {low: -1.0, high: 1.0}", "above 0"),
        ("trainer.schedule: {choices: [cosine, cosin]}", "cosine"),
        ("trainer.schedule: {choices: [cosine]}", "two or more"),
        ("trainer.schedule: cosine", "is no range"),
        ("!!python/object/apply:os.system ['true']", "not readable YAML"),
        ("[]", "names no keys"),
    ],
)
def test_spaces_that_no_config_could_have_are_refused(here: Path, text: str, fault: str):
    (here / "mine.yaml").write_text(text)
    with pytest.raises(UserError, match=fault):
        read_space("mine.yaml", ["model=vae"])


def test_values_are_typed_as_they_were_tried():
    assert override("a.b", 0.00123456) == "a.b=0.001235"
    assert override("a.b", 20.0) == "a.b=20.0"
    assert override("a.b", 12) == "a.b=12"
    space = {"trainer.learning_rate": Range(low=1e-3, high=1e-2, log=True),
             "model.hidden": Choices(choices=("[8,8]", "[16,16]"))}  # fmt: skip
    plain = {"trainer": {"learning_rate": 3e-3}, "model": {"hidden": [8, 8]}}
    assert values_at(space, plain) == {"trainer.learning_rate": 3e-3, "model.hidden": "[8,8]"}
    assert values_at(space, plain | {"trainer": {"learning_rate": 1.0}}) == {}


def bar(turn: int, length: int) -> np.ndarray:
    """A bar of a length through the middle, turned by quarters, (1, 1, 17, 17)."""
    image = np.zeros((17, 17), np.float32)
    image[7:10, 8 - length : 9 + length] = 1
    return np.rot90(image, turn)[None, None].copy()


def test_label_free_score_is_of_what_classes_show_not_of_how_they_are_turned():
    long = np.concatenate([bar(0, 8), bar(1, 8), bar(0, 8)])
    short = np.concatenate([bar(1, 2), bar(0, 2), bar(0, 2)])
    mixed = np.concatenate([bar(0, 8), bar(0, 2), bar(0, 8)])
    even = np.array([0.5, 0.5])
    good = class_separation([long, short], even)
    assert good["within"] == pytest.approx(1, abs=1e-4)
    assert good["score"] > 0.3
    turned = class_separation([long, short[:, :, ::-1].transpose(0, 1, 3, 2).copy()], even)
    assert turned["score"] == pytest.approx(good["score"], abs=1e-3)
    for worse in ([long, long], [long, mixed], [mixed, mixed]):
        assert class_separation(worse, even)["score"] < 0.5 * good["score"]
    # a third class without images takes its share; two of one kind take more
    third = class_separation([long, short, long[:0]], np.array([0.5, 0.5, 0.0]))
    assert third["score"] == pytest.approx(good["score"] * 2 / 3)
    assert third["unused"] == pytest.approx(1 / 3)
    assert class_separation([long, short[:0]], np.array([1.0, 0.0]))["score"] == 0


def test_a_study_ends_with_a_command_that_gives_the_best_trial_again(vaerun: Vaerun, here: Path):
    status, output, errors = vaerun("task=tune", *JRVAE, "task.n_trials=3")
    assert (status, errors) == (0, [])
    folder = study_in(here)
    assert output[-1].endswith(folder.name)
    rows = table(folder)
    assert len(rows) == 3
    assert rows[0]["objective.beta_start"] == "20.0"  # the preset comes first
    done = [row for row in rows if row["state"] == "done"]
    best = max(done, key=lambda row: float(row["value"]))
    command = shlex.split(output[-2])
    assert command[0] == "vaerun"
    assert "task=tune" not in command
    assert shlex.join(command) in (folder / "table.md").read_text()
    status, output, _ = vaerun(*command[1:])
    assert status == 0
    again = json.loads((Path(output[-1].removeprefix("run: ")) / "metrics.json").read_text())
    own = json.loads((Path(best["run"]) / "metrics.json").read_text())
    assert again["label_free"]["score"] == float(best["value"])
    for part in ("elbo", "clustering", "label_free"):
        assert again[part] == own[part]
    # a trial is a run that can be looked at
    assert vaerun_package.load(best["run"]).metrics == own
    for name in ("history", "slices"):
        assert (folder / "figures" / f"{name}.png").is_file()


def test_given_again_with_more_trials_it_goes_on(vaerun: Vaerun, here: Path):
    model = ("task=tune", "model=vae", *TINY)
    assert vaerun(*model, "task.n_trials=2")[0] == 0
    first = table(study_in(here))
    assert vaerun(*model, "task.n_trials=3", "trainer.progress=false")[0] == 0
    rows = table(study_in(here))
    assert rows[:2] == first
    assert len(rows) == 3
    # one worker's study is a function of its seed, however often it was interrupted
    assert vaerun(*model, "task.n_trials=3", "out=whole")[0] == 0
    (whole,) = (here / "whole" / "tune").glob("*/study_*")
    keys = [key for key in rows[0] if key != "run"]
    assert [[row[k] for k in keys] for row in table(whole)] == [[r[k] for k in keys] for r in rows]


def test_a_space_of_few_settings_is_tried_whole_and_none_twice_by_the_reward(
    vaerun: Vaerun, here: Path
):
    (here / "mine.yaml").write_text(
        "model.latent_dim: {low: 1, high: 2}\nmodel.hidden: {choices: ['[4]', '[8]']}\n"
    )
    typed = ("model=vae", *(text for text in TINY if not text.startswith("model.hidden")))
    study = ("task=tune", "task.objective=reward", "task.space=mine.yaml", "task.n_trials=9")
    status, output, _ = vaerun(*study, *typed)
    assert status == 0
    rows = table(study_in(here))
    settings = {(row["model.latent_dim"], row["model.hidden"]) for row in rows}
    assert len(rows) == len(settings) == 4
    best = max(rows, key=lambda row: float(row["value"]))
    metrics = json.loads((Path(best["run"]) / "metrics.json").read_text())
    assert metrics["reward"]["score"] == float(best["value"])
    assert f"model.latent_dim={best['model.latent_dim']}" in output[-2]


def test_other_spaces_are_not_listed():
    integers = {"model.latent_dim": Range(low=1, high=3), "a.b": Choices(choices=("x", "y"))}
    assert len(all_settings(integers, 6)) == 6
    assert all_settings(integers, 5) is None
    assert all_settings(integers | {"c.d": Range(low=0.0, high=1.0)}, 10**9) is None


def started(here: Path, *arguments: str) -> Command:
    """A worker, in a process of its own."""
    return Command(here, "task=tune", *JRVAE, *arguments)


def test_killed_workers_are_replaced_and_several_share_a_study(vaerun: Vaerun, here: Path):
    typed = ("task.n_trials=3", "task.prune=false", "trainer.max_epochs=20")
    killed = started(here, *typed)
    deadline = time.monotonic() + 120
    while not list(here.glob("outputs/tune/*/*/trials/000/metrics.csv")):
        assert time.monotonic() < deadline
        assert killed.poll() is None
        time.sleep(0.05)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    workers = [started(here, *typed) for _ in range(2)]
    assert [worker.wait(timeout=200) for worker in workers] == [0, 0]
    rows = table(study_in(here))
    assert sorted(row["trial"] for row in rows) == ["0", "1", "2"]
    assert {row["state"] for row in rows} == {"done"}
    for row in rows:
        manifest = json.loads((Path(here / row["run"]) / "manifest.json").read_text())
        assert manifest["status"] == "finished"
        history = (Path(here / row["run"]) / "metrics.csv").read_text().splitlines()
        assert len(history) == 21


def test_a_worker_that_joins_leaves_alone_what_others_are_writing(vaerun: Vaerun, here: Path):
    assert vaerun("task=tune", "model=vae", *TINY, "task.n_trials=1")[0] == 0
    written = study_in(here) / "trials" / "000" / "checkpoints" / ".0123abcd.last.ckpt"
    written.write_bytes(b"half of a checkpoint")
    assert vaerun("task=tune", "model=vae", *TINY, "task.n_trials=2")[0] == 0
    assert written.read_bytes() == b"half of a checkpoint"


def test_a_trial_that_diverges_is_recorded_and_the_rest_go_on(
    vaerun: Vaerun, here: Path, monkeypatch: pytest.MonkeyPatch
):
    from vaerun.tasks.trial import TrialRunner
    from vaerun.training.callbacks import Diverged

    run, n = TrialRunner.run, []

    def sometimes(self, job, folder, pruning):
        n.append(folder)
        if len(n) == 1:
            raise Diverged("training diverged", "lower trainer.learning_rate")
        return run(self, job, folder, pruning)

    monkeypatch.setattr(TrialRunner, "run", sometimes)
    assert vaerun("task=tune", "model=vae", *TINY, "task.n_trials=2")[0] == 0
    assert [row["state"] for row in table(study_in(here))] == ["failed", "done"]


def test_what_cannot_be_tuned_is_refused(
    vaerun: Vaerun, here: Path, monkeypatch: pytest.MonkeyPatch
):
    vae = ("task=tune", "model=vae", *TINY)
    assert "finds none" in refused(vaerun(*vae, "task.objective=label_free"))
    assert "task.minimise" in refused(vaerun(*vae, "task.objective=odd"))
    assert "did you mean" in refused(vaerun(*vae, "task.space=rva"))
    assert "objective.beta_start" in refused(vaerun(*vae, "objective=capacity"))
    assert "n_trials" in refused(vaerun(*vae, "task.n_trials=0"))
    assert not (here / "outputs").exists()
    line = refused(vaerun(*vae, "task.objective=clustering.hungarain", "task.minimise=false"))
    assert "clustering.hungarian" in line
    for name in [
        n for n in sys.modules if n.startswith(("vaerun.tasks.tune", "vaerun.tasks.tune.task"))
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "optuna", None)
    assert "pip install 'vaerun[tune]'" in refused(vaerun(*vae))
