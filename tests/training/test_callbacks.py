"""Callbacks that can be tested without a run."""

import io
import re

import pytest
import pytorch_lightning as pl
import torch
from rich.console import Console

from vaerun.training.hardware import quiet_lightning
from vaerun.training.progress_bar import ProgressBar

from .conftest import TINY


class FailsAtStart(pl.LightningModule):
    """A module that fails as training begins."""

    def on_train_start(self) -> None:
        raise RuntimeError("power cut")

    def training_step(self, *_: object) -> None:
        raise NotImplementedError

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD([torch.zeros(1, requires_grad=True)])

    def train_dataloader(self) -> list[torch.Tensor]:
        return [torch.zeros(1)]


def test_a_failure_removes_the_progress_bar():
    """Otherwise the next restart could show none."""
    quiet_lightning()
    bar = ProgressBar(Console(file=io.StringIO(), force_terminal=True))
    trainer = pl.Trainer(
        max_epochs=1,
        accelerator="cpu",
        callbacks=[bar],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    with pytest.raises(RuntimeError, match="power cut"):
        trainer.fit(FailsAtStart())
    assert bar.progress.live.is_started is False


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("vae", ["rec", "KL(z)", "KL(pose)"]),
        ("rvae", ["rec", "KL(z)", "KL(pose)"]),
        ("jrvae", ["rec", "KL(z)", "KL(pose)", "KL(class)"]),
    ],
)
def test_the_terms_of_an_epoch_add_up_to_the_validation_loss(model, words, vaerun, monkeypatch):
    monkeypatch.setattr("vaerun.tasks.results.draw", lambda *_: {})
    quick = ("model.clustering.templates=0", "trainer.max_epochs=1")
    status, output, _ = vaerun(f"model={model}", "data=cards_iv", *TINY, *quick)
    assert status == 0
    line = next(text for text in output if "epoch 1/1" in text)
    terms = {word: float(value) for word, value in re.findall(r"(\S+) (-?[\d.]+)", line)}
    assert [*terms][-len(words) :] == words
    assert sum(terms[word] for word in words) == pytest.approx(terms["val"], abs=0.3)
