"""Epochs in MLflow and Weights & Biases: offline, in the run folder; or one line without them."""

import importlib.util
from pathlib import Path

import pytest

from vaerun.training.epoch_log import EpochLog

TINY = (
    "model=vae",
    "data.size=16",
    "data.train_size=60",
    "data.val_size=30",
    "data.repeats=1",
    "data.batch_size=20",
    "model.hidden=[12,10]",
    "trainer.max_epochs=3",
    "trainer.accelerator=cpu",
    "trainer.precision=32-true",
)


@pytest.fixture
def offline(monkeypatch):
    """No figures, and no address of a server."""
    monkeypatch.setattr("vaerun.tasks.results.draw", lambda *_: {})
    for name in ("MLFLOW_TRACKING_URI", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WANDB_SILENT", "true")


@pytest.mark.parametrize("name", ["mlflow", "wandb"])
def test_a_logger_that_is_not_installed_is_one_line_before_anything_is_done(
    vaerun, here, monkeypatch, name
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda n: None if n == name else find(n))
    status, _, errors = vaerun(*TINY, f"trainer.logger=[csv,{name}]")
    assert status == 2
    assert errors == [
        f"error: trainer.logger=[csv,{name}] takes {name}, which is not installed — "
        f"pip install 'vaerun[{name}]', or leave it out"
    ]
    assert list(here.iterdir()) == []


@pytest.mark.filterwarnings("ignore")
def test_mlflow_has_every_epoch_once_also_of_a_resumed_run(vaerun, offline, monkeypatch) -> None:
    mlflow = pytest.importorskip("mlflow")
    write, fails = EpochLog._write_csv, True

    def interrupted(log: EpochLog) -> None:
        write(log)
        if len(log.rows) == 2 and fails:
            raise KeyboardInterrupt

    monkeypatch.setattr(EpochLog, "_write_csv", interrupted)
    assert vaerun(*TINY, "trainer.logger=[csv,mlflow]")[0] == 130
    fails = False
    status, output, _ = vaerun(*TINY, "trainer.logger=[csv,mlflow]", "resume=auto")
    assert status == 0
    folder = Path(output[-1].removeprefix("run: ")).absolute()
    client = mlflow.MlflowClient(tracking_uri=mlflow_address(folder))
    (experiment,) = [e for e in client.search_experiments() if e.name == "vaerun_vae_cards_iv"]
    (run,) = client.search_runs([experiment.experiment_id])
    assert [m.step for m in client.get_metric_history(run.info.run_id, "val/loss")] == [1, 2, 3]
    assert run.data.params["model/latent_dim"] == "2"
    assert run.info.status == "FINISHED"


def mlflow_address(folder: Path) -> str:
    return f"sqlite:///{folder}/mlflow/mlflow.db"


@pytest.mark.filterwarnings("ignore")
def test_wandb_stays_offline_in_the_run_folder(vaerun, offline) -> None:
    pytest.importorskip("wandb")
    status, output, errors = vaerun(*TINY, "trainer.logger=[wandb]")
    assert status == 0
    assert [line for line in errors if not line.startswith("wandb: WARNING")] == []
    folder = Path(output[-1].removeprefix("run: "))
    (made,) = (folder / "wandb").glob("offline-run-*")
    assert list(made.glob("*.wandb"))
    assert not (folder / "tensorboard").exists()
