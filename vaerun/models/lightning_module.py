"""The LightningModule of every model: batch → terms of the ELBO → objective → logged means."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor

from vaerun.data.corruption import Corruption
from vaerun.data.dataloader import Batch
from vaerun.models.elbo import ElboMeans, ElboTerms, negative_elbo, validation_terms
from vaerun.models.invariant_vae import InvariantVAE
from vaerun.models.label_errors import (
    N_TARGETS,
    angle_error,
    class_counts,
    negative_log_prob,
    place_error,
    targets_of,
)
from vaerun.models.networks.orbit import Orbit
from vaerun.models.objectives import ObjectiveConfig, TrainingProgress
from vaerun.models.posterior import Posterior
from vaerun.models.prediction import N_BETWEEN
from vaerun.utils import random

_STREAM = 0  # of random numbers in training; validation has the next
# Adam averages squared gradients over 20 steps. The pose that an image is decoded in changes from
# step to step, and with the usual 1,000 steps (β₂ = 0.999) the loss jumped upwards at times.
_BETAS = (0.9, 0.95)


@dataclass(frozen=True, kw_only=True)
class AdamConfig:
    """Highest learning rate of Adam, and its schedule: constant, cosine or one_cycle."""

    learning_rate: float
    schedule: str


class VAELightningModule(pl.LightningModule):
    """Training and validation step of any model.

    The noise of a step is a function of (seed, step) alone, so that a resumed run draws the same
    as an uninterrupted one. Each of several ranks trains on its share of a batch; logged means
    are over all ranks.

    Parameters
    ----------
    corrupt
        Corrupts the images of each training step afresh; None leaves them as the batch has them.
    class_weight
        (J,) weights of the labels' cross-entropy, see `class_weights`; None: all 1.
    """

    def __init__(
        self,
        network: InvariantVAE,
        objective: ObjectiveConfig,
        optimiser: AdamConfig,
        seed: int,
        corrupt: Corruption | None = None,
        class_weight: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.objective = objective
        self.optimiser = optimiser
        self.seed = seed
        self.corrupt = corrupt
        self.class_weight: Tensor | None
        self.register_buffer("class_weight", class_weight, persistent=False)
        self.orbits: list[Orbit] = []  # made on the network's device, in the first step
        self.train_means, self.val_means = ElboMeans(), ElboMeans()

    def training_step(self, batch: Batch[Tensor], batch_idx: int) -> Tensor:
        """Objective of one batch, nats per image."""
        random.seed(self.seed, _STREAM, self.global_step, batch.share)
        if self.corrupt is not None:
            batch = batch._replace(images=self.corrupt(batch.target, None))
        n_batches = int(self.trainer.num_training_batches)
        epoch = self.global_step / n_batches
        if self.global_step >= self.objective.pseudo_label_steps:
            batch = batch._replace(pseudo_labels=None)
        posterior = self.network.infer(batch.images, batch.condition, self._orbit())
        terms = self._terms(batch, posterior)
        self.train_means.update(terms)
        if batch_idx + 1 == n_batches:  # at the epoch's end callbacks run before the module
            self._log_means("train", self.train_means)
        progress = TrainingProgress(epoch, self.global_step, self.network.n_classes)
        error = self._error(batch, posterior)
        if self.network.category.learns_prior:
            self._learn_prior(batch, posterior, progress, n_batches)
        loss = self.objective.loss(terms, error, progress)
        # gradients are averaged over ranks
        return loss if batch.share is None else loss * batch.share.weight

    def validation_step(self, batch: Batch[Tensor], batch_idx: int) -> None:
        """Add a batch to the validation means, with the same noise in every epoch."""
        terms = validation_terms(
            self.network,
            batch.images,
            batch.target,
            batch.condition,
            batch.measured,
            seed=self.seed,
            number=batch_idx,
            share=batch.share,
        )
        self.val_means.update(terms)

    def _orbit(self) -> Orbit | None:
        """The orbit in which a model that predicts sees the images of a step; None: its own.

        It predicts from copies at angles between the bins, too, which are more blurred than those
        by quarter turns.
        """
        own = self.network.search.orbit
        if not self.network.variant.predicts or own is None:
            return None
        if not self.orbits:
            self.orbits = [own, *own.between(N_BETWEEN)]
        return self.orbits[random.choice(len(self.orbits))]

    def _terms(self, batch: Batch[Tensor], posterior: Posterior) -> ElboTerms:
        """Terms of the bound on log p(x | y) where y is (pseudo-)labelled, else on log p(x)."""
        label, angle = targets_of(batch)
        if angle is not None:
            posterior = posterior.on_rotation_bin(self.network.search.nearest_bin(angle))
        bound = partial(
            negative_elbo,
            self.network,
            n_decode=self.network.search.n_decode,
            explore=True,
            deterministic=self.network.variant.deterministic,
        )
        target, measured = batch.target, batch.measured
        if posterior.log_class is None or label is None:
            return bound(target, posterior, measured=measured)
        labelled = label >= 0
        if not bool(labelled.any()):
            return bound(target, posterior, measured=measured)
        terms = []
        for rows in (labelled, ~labelled):
            if not bool(rows.any()):
                continue
            some = posterior.select(rows)
            some = some.on_class(label[rows]) if rows is labelled else some
            known = None if measured is None else measured[rows]
            terms.append(bound(target[rows], some, measured=known))
        return ElboTerms(*(torch.cat(values) for values in zip(*terms, strict=True)))

    def _learn_prior(
        self,
        batch: Batch[Tensor],
        posterior: Posterior,
        progress: TrainingProgress,
        n_batches: int,
    ) -> None:
        """Move the prior of the classes towards those of the batch of all ranks."""
        assert posterior.log_class is not None
        label, _ = targets_of(batch)
        labelled_only = self.objective.is_warming_up(progress)
        counts = class_counts(posterior.log_class, label, labelled_only=labelled_only)
        counts = self.trainer.strategy.reduce(counts, reduce_op="sum")
        n_in_batch = len(batch.images) if batch.share is None else batch.share.n_in_all
        self.network.category.learn_prior(counts, n_in_batch * n_batches)

    def _error(self, batch: Batch[Tensor], posterior: Posterior) -> Tensor | None:
        """−log q of class and angle of each image (B,), nats; None where the batch has neither."""
        label, angle = targets_of(batch)
        error = None
        if label is not None and posterior.log_class is not None:
            error = negative_log_prob(posterior.log_class, label)
            if self.class_weight is not None:
                error = error * self.class_weight[label.clamp_min(0)]
        if angle is not None:
            of_angle = angle_error(angle, posterior, self.network)
            error = of_angle if error is None else error + of_angle
        if batch.pseudo_labels is not None and batch.pseudo_labels.shape[1] > N_TARGETS:
            of_place = place_error(batch.pseudo_labels, posterior, self.network)
            error = of_place if error is None else error + of_place
        return error

    def on_validation_epoch_end(self) -> None:
        """Log the mean terms, unweighted."""
        self._log_means("val", self.val_means)

    def _log_means(self, split: str, means: ElboMeans) -> None:
        for name, value in means.compute().items():
            self.log(
                f"{split}/{name}",
                value,
                on_step=False,
                on_epoch=True,
                batch_size=1,
                sync_dist=True,  # equal on all ranks; False makes Lightning warn
            )
        means.reset()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add shape of the data, seed, and sums of an unfinished epoch over all ranks."""
        checkpoint["shape"] = asdict(self.network.shape)
        checkpoint["seed"] = self.seed
        with self.train_means.sync_context():
            checkpoint["means"] = dict(self.train_means.metric_state)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the seed of the chosen restart and, on rank 0, the sums."""
        self.seed = int(checkpoint["seed"])
        if self.trainer.global_rank == 0:
            for name, value in checkpoint["means"].items():
                setattr(self.train_means, name, value.to(self.train_means.device))

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Adam, with the schedule stepped after every batch."""
        # Lightning cannot clip gradients of a fused optimiser under mixed precision
        fused = self.trainer.gradient_clip_val is None
        adam = torch.optim.Adam(
            self.parameters(), lr=self.optimiser.learning_rate, betas=_BETAS, fused=fused
        )
        factor = learning_rate_factor(
            self.optimiser.schedule, int(self.trainer.estimated_stepping_batches)
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(adam, factor)
        return {"optimizer": adam, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def learning_rate_factor(schedule: str, n_steps: int) -> Callable[[int], float]:
    """Function of the step that returns the learning rate over its highest."""
    warm = max(n_steps // 10, 1) if schedule == "one_cycle" else 0

    def factor(step: int) -> float:
        if step < warm:
            return (step + 1) / warm
        if schedule == "constant":
            return 1.0
        share = (step - warm) / max(n_steps - warm, 1)
        return float(0.5 * (1 + np.cos(np.pi * min(share, 1.0))))

    return factor
