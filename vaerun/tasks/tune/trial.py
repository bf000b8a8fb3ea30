"""One trial: a setting trained and measured in a run folder of its own.

The folder holds config, manifest, checkpoints and metrics, no encodings, figures or report: these
take longer than the training of a small trial, and `task=evaluate run=<folder>` makes them.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pytorch_lightning as pl
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
from vaerun.tasks.results import measure
from vaerun.tasks.tune.engine import Trial
from vaerun.training.batch_size import resolve_batch_size
from vaerun.training.context import TrainingContext, fingerprint, load_splits
from vaerun.training.hardware import Hardware
from vaerun.training.trained_model import TrainedModel
from vaerun.training.trainer import check_sizes, fit, new_network
from vaerun.utils.files import write_text


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a trial: its metrics, and whether it was ended early."""

    metrics: dict[str, Any]
    was_pruned: bool


class Pruning(pl.Callback):
    """Tells a study the validation loss of every epoch, and ends a trial that lags behind.

    Parameters
    ----------
    trial
        Of the study.
    less_is_better
        Of the objective: Optuna takes losses to have the direction of the objective.
    known
        Losses of a trial that this one goes on with, by epoch.
    """

    def __init__(self, trial: Trial, less_is_better: bool, known: dict[str, float]) -> None:
        self.trial = trial
        self.sign = 1.0 if less_is_better else -1.0
        self.was_pruned = False
        self._told = {int(epoch) for epoch in known}
        for epoch, loss in known.items():
            trial.report(loss, int(epoch))

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Report, and stop if it is of no use to go on."""
        del pl_module
        epoch = trainer.current_epoch + 1
        loss = float(trainer.callback_metrics["val/loss"])
        if epoch in self._told or not math.isfinite(loss):
            return
        self.trial.report(self.sign * loss, epoch)
        if epoch < (trainer.max_epochs or 0) and self.trial.should_prune():
            self.was_pruned = trainer.should_stop = True


class Trials:
    """Makes trials of settings: what was typed for the study, and what one of them adds.

    Parameters
    ----------
    job
        Of the study.
    hardware, console
        Of all trials.
    """

    def __init__(self, job: RunRequest, hardware: Hardware, console: Console) -> None:
        self.typed = for_runs(job.overrides)
        self.hardware = hardware
        self.console = console
        self._splits: tuple[object, Splits] | None = None

    def job(self, setting: Sequence[str]) -> RunRequest:
        """What one would type to run a setting alone."""
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

    def run(self, job: RunRequest, folder: RunFolder, pruning: Pruning) -> Outcome:
        """Train and measure a setting in a folder, from its last checkpoint if it has one."""
        config = validate(job.plain)
        splits = self.splits(config)
        network = new_network(config, splits, config.seed)
        begun = folder if folder.config.is_file() else None
        config, job = resolve_batch_size(config, job, splits, network, self.hardware, begun)
        check_sizes(config, splits, self.hardware)
        about = RunFacts(device=self.hardware.device, data_fingerprint=fingerprint(job, splits))
        folder.path.mkdir(parents=True, exist_ok=True)
        with manifest.recorded(folder, job, about):
            setting = TrainingContext(
                config=config,
                splits=splits,
                folder=folder,
                hardware=self.hardware,
                console=self.console,
            )
            trained = TrainedModel.after_training(
                fit(setting, [pruning]), folder, len(splits.train)
            )
            encodings = inference.encode_splits(trained.network, splits)
            metrics = measure(config, splits, trained, encodings)
            write_text(folder.metrics_json, json.dumps(metrics, indent=2, allow_nan=False) + "\n")
        return Outcome(metrics=metrics, was_pruned=pruning.was_pruned)


def for_runs(overrides: Sequence[str]) -> list[str]:
    """What was typed for a study, less what is of the study alone."""
    return [text for text in overrides if group(text) not in ("task", "out", "resume")]
