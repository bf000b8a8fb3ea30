"""The one LightningModule: a batch → terms of the bound → the objective → a logged mean."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import Tensor

from vaerun.data.corruption import Corruption
from vaerun.data.dataloader import Batch
from vaerun.geometry import wrap
from vaerun.models.elbo import ElboMeans, ElboTerms, negative_elbo
from vaerun.models.invariant_vae import InvariantVAE
from vaerun.models.objectives import ObjectiveConfig, TrainingProgress
from vaerun.models.posterior import Posterior
from vaerun.models.variants import ModelVariant
from vaerun.utils import random

_TRAIN, _VAL = 0, 1  # streams of noise
_LARGEST_WEIGHT = 10.0  # of a rare class over that of the most frequent
# Squares of gradients are forgotten within twenty steps. Which pose an image is drawn in changes
# from step to step, and with Adam's usual thousand steps the loss leaps up now and then.
_BETAS = (0.9, 0.95)
_SURENESS = 0.25  # of an angle found before training, prior sd


@dataclass(frozen=True, kw_only=True)
class AdamConfig:
    """Adam and the course of its learning rate.

    Attributes
    ----------
    learning_rate
        At its highest.
    schedule
        ``constant``, ``cosine`` (falling to zero), ``one_cycle`` (rising first).
    """

    learning_rate: float
    schedule: str


class VAELightningModule(pl.LightningModule):
    """Trains any model of the family.

    The noise of a step is a function of (seed, step) alone, so that a resumed run draws what an
    uninterrupted one would have drawn. Of several ranks that train together each has its share of
    a batch; means are over all of them.

    Parameters
    ----------
    network
        The model.
    family
        What sets it apart.
    objective
        Weights of the terms.
    optimiser
        Learning rate.
    seed
        Of the noise.
    corrupt
        What the targets suffer before the network sees them, anew at every training step; None
        leaves the images as they come.
    class_weight
        (J,) of the cross-entropy of a label, see `class_weights`; None: all alike.
    """

    def __init__(
        self,
        network: InvariantVAE,
        family: ModelVariant,
        objective: ObjectiveConfig,
        optimiser: AdamConfig,
        seed: int,
        corrupt: Corruption | None = None,
        class_weight: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.family = family
        self.objective = objective
        self.optimiser = optimiser
        self.seed = seed
        self.corrupt = corrupt
        self.class_weight: Tensor | None
        self.register_buffer("class_weight", class_weight, persistent=False)
        self._means = {"train": ElboMeans(), "val": ElboMeans()}

    def training_step(self, batch: Batch[Tensor], batch_idx: int) -> Tensor:
        """One step's loss, nats per image, weighted as the objective says."""
        random.seed(self.seed, _TRAIN, self.global_step, batch.share)
        if self.corrupt is not None:
            batch = batch._replace(images=self.corrupt(batch.target, None))
        n_batches = int(self.trainer.num_training_batches)
        epoch = self.global_step / n_batches
        if epoch >= self.objective.pseudo_label_epochs:
            batch = batch._replace(guide=None)
        posterior = self.network.infer(batch.images, batch.condition)
        terms = self._terms(batch, posterior, explore=True)
        self._means["train"].add(terms)
        if batch_idx + 1 == n_batches:  # not at the epoch's end: callbacks come before the module
            self._log_means("train")
        progress = TrainingProgress(epoch, self.global_step, self.network.n_classes)
        error = self._error(batch, posterior)
        loss = self.objective.loss(terms, error, progress)
        # gradients are averaged over ranks
        return loss if batch.share is None else loss * batch.share.weight

    def validation_step(self, batch: Batch[Tensor], batch_idx: int) -> None:
        """Add a batch to the validation means; its noise is the same in every epoch."""
        random.seed(self.seed, _VAL, batch_idx, batch.share)
        posterior = self.network.infer(batch.images, batch.condition)
        self._means["val"].add(self._terms(batch, posterior, explore=False))

    def _terms(self, batch: Batch[Tensor], posterior: Posterior, *, explore: bool) -> ElboTerms:
        """Terms of the bound: on log p(x | y) where y is known, on log p(x) elsewhere."""
        label, angle = targets_of(batch)
        if angle is not None:
            posterior = posterior.at_bin(self.network.search.nearest_bin(angle))
        # the device is only asked for what may be
        if posterior.log_class is None or label is None or not bool((told := label >= 0).any()):
            return self._bound(batch.target, posterior, explore=explore)
        known_class = posterior.rows(told).given(label[told])
        terms = [self._bound(batch.target[told], known_class, explore=explore)]
        if not bool(told.all()):
            others = posterior.rows(~told)
            terms.append(self._bound(batch.target[~told], others, explore=explore))
        return ElboTerms(*(torch.cat(values) for values in zip(*terms, strict=True)))

    def _error(self, batch: Batch[Tensor], posterior: Posterior) -> Tensor | None:
        """−log q of what is known of each image (B,), nats; None where nothing is."""
        label, angle = targets_of(batch)
        error = None
        if label is not None and posterior.log_class is not None:
            error = cross_entropy(label, posterior.log_class)
            if self.class_weight is not None:
                error = error * self.class_weight[label.clamp_min(0)]
        if angle is not None:
            missed = angle_error(angle, posterior, self.network)
            error = missed if error is None else error + missed
        return error

    def _bound(self, target: Tensor, posterior: Posterior, *, explore: bool) -> ElboTerms:
        """Terms of the bound on log p(x) as the posterior has it."""
        return negative_elbo(
            self.network,
            target,
            posterior,
            n_decode=self.network.search.n_decode,
            explore=explore,
            deterministic=self.family.deterministic,
        )

    def on_validation_epoch_end(self) -> None:
        """Log the plain, unweighted bound and its terms."""
        self._log_means("val")

    def _log_means(self, split: str) -> None:
        means, self._means[split] = self._of_all_ranks(split), ElboMeans()
        for name, value in means.pop().items():
            self.log(
                f"{split}/{name}",
                value,
                on_step=False,
                on_epoch=True,
                batch_size=1,
                sync_dist=True,  # all ranks have the same: it only keeps Lightning quiet
            )

    def _of_all_ranks(self, split: str) -> "ElboMeans":
        """What all ranks have gathered; each of them asks for it at once."""
        means, trainer = self._means[split], self.trainer
        if trainer.world_size == 1:
            return means
        return means.summed(
            lambda total: trainer.strategy.reduce(total.to(self.device), reduce_op="sum")
        )

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what the network knows of its data, the seed, and the means of half an epoch."""
        checkpoint["shape"] = self.network.shape.plain()
        checkpoint["seed"] = self.seed
        checkpoint["means"] = self._of_all_ranks("train").state_dict()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on with the noise of the beginning that was chosen, and with the means."""
        self.seed = int(checkpoint["seed"])
        # older ones were written at the end of an epoch; the first rank has those of all
        if "means" in checkpoint and self.trainer.global_rank == 0:
            self._means["train"].load_state_dict(checkpoint["means"])

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Adam, with the schedule stepped after every batch."""
        # Lightning cannot clip the gradient of a fused optimiser under mixed precision
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
    """Class and angle that count as known, (B,) each, −1 and NaN where none does.

    They are None where that of no image can be known.
    """
    if batch.guide is None:
        return batch.label, None
    found, angle = batch.guide.unbind(1)
    if batch.label is None:
        return found.long(), angle
    return torch.where(batch.label < 0, found.long(), batch.label), angle


def class_weights(label: Tensor, n_classes: int) -> Tensor:
    """Weights (J,) that give classes of any size the same say, as far as tenfold; 1 on average.

    Parameters
    ----------
    label
        (N,) of the labelled images.
    n_classes
        J.
    """
    count = torch.bincount(label[label >= 0], minlength=n_classes).float()
    weight = count.max() / count.clamp_min(1)
    weight = weight.clamp_max(_LARGEST_WEIGHT * weight.min())
    return weight * count.sum() / (weight * count).sum()


def cross_entropy(label: Tensor, log_class: Tensor) -> Tensor:
    """−log q(y | x) of the known classes (B,), from log q (B, J); 0 where the label is −1."""
    return negative_log_prob(log_class, label)


def angle_error(angle: Tensor, posterior: Posterior, network: InvariantVAE) -> Tensor:
    """What the encoder misses of known angles (B,) radians, nats; 0 where they are NaN.

    −log q of the bin, and the squared distance of the offset within it, in units of a quarter of
    its prior sd: some degrees, as sure as an angle that was found.
    """
    bin_number = network.search.nearest_bin(angle)  # (B,)
    if network.latents.angle is None or len(network.search.bin_angle) == 1:
        return posterior.log_q.new_zeros(len(angle))
    there = bin_number.clamp_min(0)
    target = wrap(angle.nan_to_num() - network.search.bin_angle[there])
    offset = posterior.latents.mean[..., 0]  # (B, K, J), prior sd; the first latent is the angle
    offset = offset.gather(1, there[:, None, None].expand(-1, 1, offset.shape[2]))[:, 0]  # (B, J)
    away = (offset - (target / network.latents.angle.sd)[:, None]) / _SURENESS
    error = negative_log_prob(posterior.log_q.logsumexp(2), bin_number) + 0.5 * away.square().mean(
        1
    )
    return torch.where(bin_number >= 0, error, 0.0)


def negative_log_prob(log_q: Tensor, known: Tensor) -> Tensor:
    """−log q (B, n) at the known value (B,), 0 where it is −1."""
    at = log_q.gather(1, known.clamp_min(0)[:, None])[:, 0]
    return torch.where(known >= 0, -at, 0.0)


def learning_rate_factor(schedule: str, n_steps: int) -> Callable[[int], float]:
    """Learning rate over its highest, by step."""
    warm = max(n_steps // 10, 1) if schedule == "one_cycle" else 0

    def factor(step: int) -> float:
        if step < warm:
            return (step + 1) / warm
        if schedule == "constant":
            return 1.0
        share = (step - warm) / max(n_steps - warm, 1)
        return float(0.5 * (1 + np.cos(np.pi * min(share, 1.0))))

    return factor
