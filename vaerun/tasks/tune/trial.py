"""One trial of a study: a setting trained and measured in a run folder of its own.

The folder has config, manifest, checkpoints and metrics, but no encodings, figures or report:
these take longer than training a small trial, and `task=evaluate run=<folder>` makes them.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import pytorch_lightning as pl
from optuna.trial import Trial
from rich.console import Console

from vaerun.config.compose import compose
from vaerun.config.overrides import group
from vaerun.config.schema import without
from vaerun.data.image_set import Splits
from vaerun.models import inference
from vaerun.runs import manifest
from vaerun.runs.config import RunConfig, keys_affecting, validate
from vaerun.runs.folder import RunFolder
from vaerun.runs.manifest import RunFacts, RunRequest
from vaerun.tasks.results import write_metrics
from vaerun.training.auto_keys import resolve_auto
from vaerun.training.context import TrainingContext, fingerprint, load_splits
from vaerun.training.hardware import Hardware
from vaerun.training.trained_model import TrainedModel
from vaerun.training.trainer import check_sizes, fit


class PruningCallback(pl.Callback):
    """Reports the validation loss of every epoch to a study, and ends a trial that lags behind.

    Parameters
    ----------
    trial
        Optuna's trial.
    less_is_better
        Direction of the objective, which Optuna takes for that of the losses, too.
    reported
        Losses by epoch of the trial that this one continues.
    """

    def __init__(self, trial: Trial, less_is_better: bool, reported: dict[str, float]) -> None:
        self.trial = trial
        self.sign = 1.0 if less_is_better else -1.0
        self.was_pruned = False
        self._reported = {int(epoch) for epoch in reported}
        for epoch, loss in reported.items():
            trial.report(loss, int(epoch))

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Report the loss, and stop training if the pruner says so."""
        del pl_module
        epoch = trainer.current_epoch + 1
        loss = float(trainer.callback_metrics["val/loss"])
        if epoch in self._reported or not math.isfinite(loss):
            return
        self.trial.report(self.sign * loss, epoch)
        if epoch < (trainer.max_epochs or 0) and self.trial.should_prune():
            self.was_pruned = trainer.should_stop = True


class TrialRunner:
    """Trains settings of a study: the overrides typed for it, and those of a trial."""

    def __init__(self, request: RunRequest, hardware: Hardware, console: Console) -> None:
        self.typed = without_study_keys(request.overrides)
        self.hardware = hardware
        self.console = console
        self._splits: tuple[object, Splits] | None = None

    def request(self, setting: Sequence[str]) -> RunRequest:
        """The request that trains a setting on its own."""
        overrides = [*self.typed, *setting]
        return RunRequest(
            plain=compose(overrides), overrides=overrides, command=["vaerun", *overrides]
        )

    def splits(self, config: RunConfig) -> Splits:
        """The data of a setting, read once for all that share them."""
        drawn_with = without({"data": asdict(config.data)}, keys_affecting("training"))
        key = (drawn_with, config.model.category, config.seed)
        if self._splits is None or self._splits[0] != key:
            self._splits = (key, load_splits(config))
        return self._splits[1]

    def run(
        self, request: RunRequest, folder: RunFolder, pruning: PruningCallback
    ) -> dict[str, Any]:
        """Train a setting in a folder, from its last checkpoint if any; returns its metrics."""
        config = validate(request.plain)
        splits = self.splits(config)
        resumed = folder if folder.config.is_file() else None
        config, request, _ = resolve_auto(config, request, splits, self.hardware, resumed)
        check_sizes(config, splits, self.hardware)
        facts = RunFacts(
            device=self.hardware.device, data_fingerprint=fingerprint(request, splits)
        )
        folder.path.mkdir(parents=True, exist_ok=True)
        with manifest.recorded(folder, request, facts):
            context = TrainingContext(
                config=config,
                splits=splits,
                folder=folder,
                hardware=self.hardware,
                console=self.console,
            )
            record = fit(context, [pruning])
            n_shown = config.data.n_shown(len(splits.train))
            trained = TrainedModel.after_training(record, folder, n_shown)
            encodings = inference.encode_splits(trained.network, splits)
            return write_metrics(folder, config, splits, trained, encodings)


def without_study_keys(overrides: Sequence[str]) -> list[str]:
    """The overrides of a study that apply to each of its trials."""
    return [text for text in overrides if group(text) not in ("task", "out", "resume")]
