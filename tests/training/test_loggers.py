"""Epochs in MLflow and Weights & Biases: offline, in the run folder; or one line without them."""

import importlib.util
from pathlib import Path

import pytest

from .conftest import TINY

SHORT = (*TINY, "model=vae", "trainer.max_epochs=3")


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
    status, _, errors = vaerun(*SHORT, f"trainer.logger=[csv,{name}]")
    assert status == 2
    assert errors == [
        f"error: trainer.logger=[csv,{name}] takes {name}, which is not installed — "
        f"pip install 'vaerun[{name}]', or leave it out"
    ]
    assert list(here.iterdir()) == []


@pytest.mark.filterwarnings("ignore")
def test_mlflow_has_every_epoch_once_also_of_a_resumed_run(vaerun, offline, stop_after) -> None:
    mlflow = pytest.importorskip("mlflow")
    stop_after(2)
    assert vaerun(*SHORT, "trainer.logger=[csv,mlflow]")[0] == 130
    stop_after(None)
    status, output, _ = vaerun(*SHORT, "trainer.logger=[csv,mlflow]", "resume=auto")
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
    status, output, errors = vaerun(*SHORT, "trainer.logger=[wandb]")
    assert status == 0
    assert [line for line in errors if not line.startswith("wandb: WARNING")] == []
    folder = Path(output[-1].removeprefix("run: "))
    (made,) = (folder / "wandb").glob("offline-run-*")
    assert list(made.glob("*.wandb"))
    assert not (folder / "tensorboard").exists()
