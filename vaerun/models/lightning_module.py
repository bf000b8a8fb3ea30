"""The LightningModule of every model: batch → terms of the ELBO → objective → logged means."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor

from vaerun.data.corruption import Corruption
from vaerun.data.dataloader import Batch
from vaerun.geometry import wrap
from vaerun.models.elbo import ElboMeans, ElboTerms, negative_elbo, validation_terms
from vaerun.models.invariant_vae import InvariantVAE
from vaerun.models.objectives import ObjectiveConfig, TrainingProgress
from vaerun.models.posterior import Posterior
from vaerun.utils import random

_STREAM = 0  # of random numbers in training; validation has the next
_LARGEST_WEIGHT = 10.0  # of a rare class over that of the most frequent
# Adam averages squared gradients over 20 steps. The pose that an image is decoded in changes from
# step to step, and with the usual 1,000 steps (β₂ = 0.999) the loss jumped upwards at times.
_BETAS = (0.9, 0.95)
_PSEUDO_LABEL_SD = 0.25  # of the offset of a pseudo-labelled angle, in prior sd
_PLACE_SD = 0.25  # of a pseudo-labelled place in z, in prior sd
_N_TARGETS = 2  # columns of pseudo-labels before those of the place: class and angle


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
        posterior = self.network.infer(batch.images, batch.condition)
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
        if batch.pseudo_labels is not None and batch.pseudo_labels.shape[1] > _N_TARGETS:
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


def targets_of(batch: Batch[Tensor]) -> tuple[Tensor | None, Tensor | None]:
    """Labels and angles to learn from, (B,) each, −1 and NaN for images without.

    Labels of the data precede pseudo-labels. None stands for no image of the batch having one.
    """
    if batch.pseudo_labels is None:
        return batch.label, None
    pseudo_label, angle = batch.pseudo_labels[:, :_N_TARGETS].unbind(1)
    if batch.label is None:
        return pseudo_label.long(), angle
    return torch.where(batch.label < 0, pseudo_label.long(), batch.label), angle


@torch.no_grad()
def class_counts(log_class: Tensor, label: Tensor | None, *, labelled_only: bool) -> Tensor:
    """Images (J,) in each class: by their label, those without by q(y | x), as sums in doubles.

    Parameters
    ----------
    log_class
        (B, J) log q(y | x).
    label
        (B,) −1 for images without; None if no image has one.
    labelled_only
        Whether images without a label are left out.
    """
    probability = log_class.double().exp()
    if label is None:
        label = torch.full_like(log_class[:, 0], -1, dtype=torch.long)
    known = (label >= 0)[:, None]
    one_hot = F.one_hot(label.clamp_min(0), log_class.shape[1])
    without = torch.zeros_like(probability) if labelled_only else probability
    return torch.where(known, one_hot.to(probability.dtype), without).sum(0)


def class_weights(label: Tensor, n_classes: int) -> Tensor:
    """Weights (J,) that make frequent and rare classes count alike, 1 on average over images.

    The ratio of the largest to the smallest is at most 10.

    Parameters
    ----------
    label
        (N,) of the labelled images, −1 where unknown.
    n_classes
        J.
    """
    count = torch.bincount(label[label >= 0], minlength=n_classes).float()
    weight = count.max() / count.clamp_min(1)
    weight = weight.clamp_max(_LARGEST_WEIGHT * weight.min())
    return weight * count.sum() / (weight * count).sum()


def angle_error(angle: Tensor, posterior: Posterior, network: InvariantVAE) -> Tensor:
    """Error of the posterior for pseudo-labelled angles (B,) radians, nats; 0 where they are NaN.

    −log q of the rotation bin, plus the −log density, without its constant, of the offset within
    it under a normal of a quarter of the prior sd: some degrees, the precision of a pseudo-label.
    """
    bin_number = network.search.nearest_bin(angle)  # (B,)
    if network.latents.angle is None or len(network.search.bin_angle) == 1:
        return posterior.log_q.new_zeros(len(angle))
    chosen = bin_number.clamp_min(0)
    target = wrap(angle.nan_to_num() - network.search.bin_angle[chosen])
    offset = posterior.latents.mean[..., 0]  # (B, K, J), prior sd; the first latent is the angle
    offset = offset.gather(1, chosen[:, None, None].expand(-1, 1, offset.shape[2]))[:, 0]  # (B, J)
    away = (offset - (target / network.latents.angle.sd)[:, None]) / _PSEUDO_LABEL_SD
    of_bin = negative_log_prob(posterior.log_q.logsumexp(2), bin_number)
    return torch.where(bin_number >= 0, of_bin + 0.5 * away.square().mean(1), 0.0)


def place_error(pseudo_labels: Tensor, posterior: Posterior, network: InvariantVAE) -> Tensor:
    """Error of the posterior means for pseudo-labelled places in z, nats (B,).

    Parameters
    ----------
    pseudo_labels
        (B, 2 + d) class, angle and place; the first d content latents should be there.
    """
    angle, place = pseudo_labels[:, 1], pseudo_labels[:, _N_TARGETS:]
    first = network.latents.n_pose
    mean = posterior.latents.mean[..., first : first + place.shape[1]]  # (B, K, J, d)
    away = ((mean - place[:, None, None]) / _PLACE_SD).square().sum(-1)
    bin_number = network.search.nearest_bin(angle)
    n_bins = posterior.log_q.shape[1]
    of_bin = F.one_hot(bin_number.clamp_min(0), n_bins)[..., None] / posterior.log_q.shape[2]
    weight = torch.where((bin_number >= 0)[:, None, None], of_bin, posterior.log_q.detach().exp())
    return 0.5 * (weight * away).sum((1, 2))


def negative_log_prob(log_q: Tensor, target: Tensor) -> Tensor:
    """−log q (B, n) at the target (B,), 0 where it is −1."""
    at = log_q.gather(1, target.clamp_min(0)[:, None])[:, 0]
    return torch.where(target >= 0, -at, 0.0)


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
