"""Callbacks: checkpoints at intervals, at epochs and on signals; divergence and collapse."""

import math
import time
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from rich.console import Console

from vaerun.models.lightning_module import VAELightningModule
from vaerun.training.checkpoint_files import CheckpointPair
from vaerun.training.distributed.launch import Ranks
from vaerun.training.signals import DeferredSignals
from vaerun.utils.errors import UserError

STATE_KEY = "checkpoint"  # of the checkpoint callbacks' own state within a checkpoint
_COLLAPSED = 0.02  # nats of KL(z) below which the content latent carries next to nothing
_POLL_STEPS = 8  # between two queries whether any rank got a signal: each makes all ranks wait


class Diverged(UserError):
    """The loss became NaN or infinite."""


class PeriodicCheckpoint(pl.callbacks.Checkpoint):
    """Saves a checkpoint every few minutes, and before the program obeys a signal.

    All ranks save and stop at the same step.
    """

    def __init__(self, pair: CheckpointPair, minutes: float, ranks: Ranks) -> None:
        self.pair = pair
        self.minutes = minutes
        self.ranks = ranks
        self._signals = DeferredSignals()
        self._saved_at = 0.0  # on the clock of `time.monotonic`

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Store the signal handlers before Lightning replaces them."""
        self._signals.remember()

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Defer signals to the end of a step from now on."""
        self._saved_at = time.monotonic()
        self._signals.defer()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Save if due, except after the last step of an epoch, whose end saves anyway."""
        is_last = batch_idx + 1 == trainer.num_training_batches
        if not is_last and (trainer.world_size == 1 or batch_idx % _POLL_STEPS == 0):
            self.save_if_due(trainer)

    def save_if_due(self, trainer: pl.Trainer) -> None:
        """Save if the interval is over or any rank got a signal, which is then obeyed."""
        stop = self._any(trainer, bool(self._signals))
        if stop or self._any(trainer, time.monotonic() - self._saved_at >= 60 * self.minutes):
            self.save(trainer)
        if stop:
            self.stop()

    def save(self, trainer: pl.Trainer, best: Path | None = None) -> None:
        """Save the state, collectively; rank 0 writes, also to ``best`` if given."""
        if self.ranks.is_first:
            self.pair.write(trainer.save_checkpoint, best)
        else:
            trainer.save_checkpoint(self.pair.newest)
        self._saved_at = time.monotonic()

    def stop(self) -> None:
        """Obey the signals of rank 0; if that ends it, end the other ranks too."""
        if not self.ranks.is_first:
            self._signals.forget()
            if self.ranks.broadcast(lambda: True):
                raise KeyboardInterrupt
            return
        try:
            self._signals.act()
        except BaseException:
            self.ranks.broadcast(lambda: True)
            raise
        self.ranks.broadcast(lambda: False)

    def _any(self, trainer: pl.Trainer, flag: bool) -> bool:
        """Whether the flag is set on any rank."""
        return bool(trainer.strategy.reduce_boolean_decision(flag, all=False))

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Restore the signal handlers, and obey a signal that came after the last step."""
        self._signals.restore()
        self._signals.act()

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        """Restore the signal handlers after a failure, too."""
        self._signals.restore()

    @property
    def state_key(self) -> str:
        """Key in a checkpoint; one for all subclasses, as a run continues its best restart."""
        return STATE_KEY


class RestartCheckpoint(PeriodicCheckpoint):
    """Ends a restart after some epochs and saves its state with its validation loss.

    The loss in the checkpoint of an unfinished restart is infinite.
    """

    def __init__(self, pair: CheckpointPair, minutes: float, ranks: Ranks, n_epochs: int) -> None:
        super().__init__(pair, minutes, ranks)
        self.n_epochs = n_epochs
        self.loss = math.inf

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save and stop at the last epoch of the restart."""
        if trainer.current_epoch + 1 < self.n_epochs:
            self.save_if_due(trainer)
            return
        self.loss = float(trainer.callback_metrics["val/loss"])
        self.save(trainer)
        trainer.should_stop = True

    def state_dict(self) -> dict[str, Any]:
        """State that the run's `BestAndLastCheckpoint` continues from."""
        return {"best": self.loss, "stopped": False}


class BestAndLastCheckpoint(PeriodicCheckpoint):
    """Saves the newest state, and that of the lowest validation loss, after each epoch."""

    def __init__(self, pair: CheckpointPair, minutes: float, ranks: Ranks, best: Path) -> None:
        super().__init__(pair, minutes, ranks)
        self.best_path = best
        self.best = math.inf
        self._stopped = False  # before the last epoch

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Keep a resumed training stopped if it had been stopped early."""
        super().on_fit_start(trainer, pl_module)
        trainer.should_stop = trainer.should_stop or self._stopped

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write ``last.ckpt``, and ``best.ckpt`` if the validation loss is the lowest so far."""
        loss = float(trainer.callback_metrics["val/loss"])
        is_best = loss < self.best or not self.best_path.exists()
        self.best = min(loss, self.best)
        # callbacks that stop early, such as the pruning of a study, may run on rank 0 only
        trainer.should_stop = self.ranks.broadcast(lambda: bool(trainer.should_stop))
        self._stopped = trainer.should_stop
        stop = self._any(trainer, bool(self._signals))
        self.save(trainer, self.best_path if is_best else None)
        if stop:
            self.stop()

    def state_dict(self) -> dict[str, Any]:
        """Lowest validation loss so far, and whether training was stopped early."""
        return {"best": self.best, "stopped": self._stopped}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the lowest validation loss and whether training was stopped early."""
        self.best = float(state_dict["best"])
        self._stopped = bool(state_dict["stopped"])


class DivergenceMonitor(pl.Callback):
    """Ends a run that has diverged, before its state is saved; warns of collapsed content."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Raise `Diverged` if a loss is not finite."""
        for name in ("train/loss", "val/loss"):
            loss = float(trainer.callback_metrics[name])
            if not math.isfinite(loss):
                raise Diverged(
                    f"training diverged: {name} is {loss} in epoch {trainer.current_epoch + 1}",
                    "lower trainer.learning_rate, or set trainer.gradient_clip=1",
                )

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Warn if the content latent carries nothing."""
        assert isinstance(pl_module, VAELightningModule)
        kl = trainer.callback_metrics.get("val/kl_content")
        if (
            kl is not None
            and not pl_module.network.variant.deterministic
            and float(kl) < _COLLAPSED
        ):
            self.console.print(
                f"[yellow]the content latent has collapsed: KL(z) = {float(kl):.3f} nats[/] — "
                "train longer, or begin with a smaller weight, as in objective.beta_start=0.1 "
                "objective.beta_epochs=10"
            )
