"""What happens beside the steps of training: its state is kept, and a watchful eye on the loss."""

import math
import time
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from rich.console import Console

from vaerun.models.lightning_module import VAELightningModule
from vaerun.runs.folder import RunFolder
from vaerun.training.checkpoint_files import CheckpointPair
from vaerun.training.distributed.launch import Ranks
from vaerun.training.signals import DeferredSignals
from vaerun.utils.errors import UserError
from vaerun.utils.files import atomic_path

STATE_KEY = "Checkpoints"  # of these callbacks in a checkpoint file
_COLLAPSED = 0.02  # nats of KL(z) below which the content says next to nothing
_STEPS = 8  # from one question to the next whether some rank wants to stop: it costs a wait


class Diverged(UserError):
    """Training came to a loss that is no number."""


class PeriodicCheckpoint(pl.callbacks.Checkpoint):
    """Keeps the state between two steps: now and then, and before a signal has its way.

    Parameters
    ----------
    slot
        Where.
    minutes
        From one to the next.
    ranks
        Those that train together: they keep and stop as one.
    """

    def __init__(self, slot: CheckpointPair, minutes: float, ranks: Ranks) -> None:
        self.slot = slot
        self.minutes = minutes
        self.ranks = ranks
        self._signals = DeferredSignals()
        self._kept = 0.0  # when, on the clock of `time.monotonic`

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """See what signals do before Lightning has them do other things."""
        self._signals.remember()

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """From here on a signal waits for the end of a step."""
        self._kept = time.monotonic()
        self._signals.hold_back()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Keep the state if it is time, unless the epoch's end comes next."""
        is_last = batch_idx + 1 == trainer.num_training_batches
        if not is_last and (trainer.world_size == 1 or batch_idx % _STEPS == 0):
            self.keep_if_due(trainer)

    def keep_if_due(self, trainer: pl.Trainer) -> None:
        """Keep the state if it is time or a signal waits, which then does what it does."""
        told_to_stop = self._any(trainer, bool(self._signals))
        if told_to_stop or self._any(trainer, time.monotonic() - self._kept >= 60 * self.minutes):
            self.keep(trainer)
        if told_to_stop:
            self.stop()

    def keep(self, trainer: pl.Trainer, best: Path | None = None) -> None:
        """Keep the state now; all ranks have their part in it, and the first one writes."""
        if self.ranks.is_first:
            self.slot.write(trainer.save_checkpoint, best)
        else:
            trainer.save_checkpoint(self.slot.newest)
        self._kept = time.monotonic()

    def stop(self) -> None:
        """Have signals that wait do what they do to the first rank, and end the others with it."""
        if not self.ranks.is_first:
            self._signals.forget()
            if self.ranks.agree(lambda: True):
                raise KeyboardInterrupt
            return
        try:
            self._signals.act()
        except BaseException:
            self.ranks.agree(lambda: True)
            raise
        self.ranks.agree(lambda: False)

    def _any(self, trainer: pl.Trainer, flag: bool) -> bool:
        """Whether it is so on any rank."""
        return bool(trainer.strategy.reduce_boolean_decision(flag, all=False))

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Signals are others' business again, also one that came after the last step."""
        self._signals.let_go()
        self._signals.act()

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        """They are so also after a failure, when nothing is torn down."""
        self._signals.let_go()

    @property
    def state_key(self) -> str:
        """The same for a beginning and for the run, which goes on with what the former kept."""
        return STATE_KEY


class RestartCheckpoint(PeriodicCheckpoint):
    """Ends training after some epochs and keeps its state, with its validation loss, in a file.

    Parameters
    ----------
    path
        The file.
    epochs
        How many.
    slot, minutes, ranks
        See `PeriodicCheckpoint`; for a beginning that is yet to be finished.
    """

    def __init__(
        self, path: Path, epochs: int, slot: CheckpointPair, minutes: float, ranks: Ranks
    ) -> None:
        super().__init__(slot, minutes, ranks)
        self.path = path
        self.epochs = epochs
        self.loss = math.inf

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stop at the last of the epochs."""
        del pl_module
        if trainer.current_epoch + 1 < self.epochs:
            self.keep_if_due(trainer)
            return
        self.loss = float(trainer.callback_metrics["val/loss"])
        if self.ranks.is_first:
            with atomic_path(self.path) as path:
                trainer.save_checkpoint(path)
            self.slot.remove()
        else:
            trainer.save_checkpoint(self.path)
        trainer.should_stop = True

    def state_dict(self) -> dict[str, Any]:
        """The loss, as `BestAndLastCheckpoint` has it."""
        return {"best": self.loss}


class BestAndLastCheckpoint(PeriodicCheckpoint):
    """Keeps the newest state, and that of the lowest validation loss, each written whole."""

    def __init__(
        self, folder: RunFolder, slot: CheckpointPair, minutes: float, ranks: Ranks
    ) -> None:
        super().__init__(slot, minutes, ranks)
        self.folder = folder
        self.best = math.inf
        self._has_ended = False  # before the last epoch

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """A training that was stopped early stays so."""
        super().on_fit_start(trainer, pl_module)
        trainer.should_stop = trainer.should_stop or self._has_ended

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write ``last.ckpt``, and ``best.ckpt`` if validation has never been better."""
        del pl_module
        loss = float(trainer.callback_metrics["val/loss"])
        is_best = loss < self.best or not self.folder.best_checkpoint.exists()
        self.best = min(loss, self.best)
        # onlookers, such as the study of a tuning, are with the first rank only
        trainer.should_stop = self.ranks.agree(lambda: bool(trainer.should_stop))
        self._has_ended = trainer.should_stop
        told_to_stop = self._any(trainer, bool(self._signals))
        self.keep(trainer, self.folder.best_checkpoint if is_best else None)
        if told_to_stop:
            self.stop()

    def state_dict(self) -> dict[str, Any]:
        """The lowest validation loss so far, and whether training was stopped early."""
        return {"best": self.best, "ended": self._has_ended}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore them."""
        self.best = float(state_dict["best"])
        self._has_ended = bool(state_dict.get("ended", False))  # older ones do not say


class DivergenceMonitor(pl.Callback):
    """Ends a run that has diverged, before its state is saved; says so when content collapsed."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stop at a loss that is no number."""
        del pl_module
        for name in ("train/loss", "val/loss"):
            loss = float(trainer.callback_metrics[name])
            if not math.isfinite(loss):
                raise Diverged(
                    f"training diverged: {name} is {loss} in epoch {trainer.current_epoch + 1}",
                    "lower trainer.learning_rate, or set trainer.gradient_clip=1",
                )

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Say so if the content carries nothing."""
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
