"""What a study adds to a trial: it may end early, and the keys of the study are not its own."""

import math
from collections.abc import Sequence

import pytorch_lightning as pl
from optuna.trial import Trial

from vaerun.config.overrides import group


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


def without_study_keys(overrides: Sequence[str]) -> list[str]:
    """The overrides of a study that apply to each of its trials."""
    return [text for text in overrides if group(text) not in ("task", "out", "resume")]
