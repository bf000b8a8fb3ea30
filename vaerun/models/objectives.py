"""Objectives: terms of the ELBO and the progress of training → the number that is minimised.

Every schedule is a function of the epoch, counted in fractions, or of the step alone.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from vaerun.config.schema import field
from vaerun.models.elbo import ElboTerms


class TrainingProgress(NamedTuple):
    """Epochs (in fractions) and steps done so far, and the number J of inferred classes."""

    epoch: float
    step: int
    n_classes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ObjectiveConfig:
    """Options that all objectives share."""

    name: str = field("which objective", choices=["elbo", "capacity"])
    alpha: float = field("weight α of the cross-entropy of labels and pseudo-labels", min=0.0)
    pseudo_label_steps: int = field("steps for which pseudo-labels count as labels", min=0)

    def is_warming_up(self, progress: TrainingProgress) -> bool:
        """Whether it is too early for a prior of classes to follow q(y | x) alone, without labels.

        Until then q is a guess or held apart from a decision; a prior that followed it would make
        the class that is ahead by chance the likelier one, and in the end the only one.
        """
        return progress.step < self.pseudo_label_steps

    def loss(
        self, terms: ElboTerms, cross_entropy: Tensor | None, progress: TrainingProgress
    ) -> Tensor:
        """Objective, nats per image.

        Parameters
        ----------
        cross_entropy
            (B,) −log q of label and angle, 0 for images without; None where no image has them.
        """
        loss = self.of_terms(terms, progress)
        return loss if cross_entropy is None else loss + self.alpha * cross_entropy.mean()

    def of_terms(self, terms: ElboTerms, progress: TrainingProgress) -> Tensor:
        """Objective without labels, nats per image."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True, slots=True)
class Elbo(ObjectiveConfig):
    """−ELBO with weighted terms.

    The weight β of KL(z) stays at ``beta_start`` for ``beta_delay`` epochs, then rises linearly or
    falls geometrically to ``beta_end``. A high β at first makes the decoder learn one template,
    in one orientation, before content varies; otherwise a class can end in several orientations.
    A low one lets rare features into z that have no chance against a full weight.
    The weight of the entropy of q(h | x) falls geometrically from ``temperature_start`` to 1, so
    that no hypothesis is excluded before the decoder has learned an object.
    """

    beta_start: float | str = field(
        "weight of KL(z) at the start; auto: as data.fills_field", min=0.0, choices=["auto"]
    )
    beta_end: float = field("weight of KL(z) at the end", min=0.0)
    beta_delay: float = field("epochs for which it stays there", min=0.0)
    beta_epochs: float = field("epochs from one to the other", min=0.0)
    beta_on: str = field("what β weighs: z, or the pose too", choices=["z", "z_and_pose"])
    temperature_start: float = field("weight of the entropy of q(h|x) at the start", min=1.0)
    temperature_epochs: float = field("epochs over which it falls to 1", min=0.0)

    def of_terms(self, terms: ElboTerms, progress: TrainingProgress) -> Tensor:
        """Weighted −ELBO, nats per image.

        Notes
        -----
        With a uniform prior the KL of the hypotheses is a constant minus their entropy, so one
        weight serves both. What another prior of the class adds, −E_q log(J·λ_y), is no part of
        the entropy and has weight 1: weighted too, it would amount to a prior of λ to the power of
        the temperature, and exclude a rare class.
        """
        weight = self.beta(progress.epoch)
        weighted = (
            terms.reconstruction
            + weight * terms.kl_content
            + (weight if self.beta_on == "z_and_pose" else 1.0) * terms.kl_pose
            + self.temperature(progress.epoch)
            * (terms.kl_bin + terms.kl_class - terms.class_prior)
            + terms.class_prior
        )
        return weighted.mean()

    def is_warming_up(self, progress: TrainingProgress) -> bool:
        """Whether a prior may not follow q(y | x) alone: until the temperature is 1, too."""
        return progress.step < self.pseudo_label_steps or progress.epoch < self.temperature_epochs

    def beta(self, epoch: float) -> float:
        """Weight of KL(z)."""
        assert not isinstance(self.beta_start, str), "auto is resolved before training"
        since = epoch - self.beta_delay
        if since < 0:
            return self.beta_start
        if since >= self.beta_epochs:
            return self.beta_end
        share = since / self.beta_epochs
        start, end = self.beta_start, self.beta_end
        if start > end > 0:
            return float(start * (end / start) ** share)
        return start + share * (end - start)

    def temperature(self, epoch: float) -> float:
        """Weight of the entropy of q(h | x)."""
        if epoch >= self.temperature_epochs:
            return 1.0
        return float(self.temperature_start ** (1 - epoch / self.temperature_epochs))


@dataclass(frozen=True, kw_only=True, slots=True)
class Capacity(ObjectiveConfig):
    """Eq. 5 of the review, with absolute values.

        reconstruction + γ |KL(z) + KL(θ) + KL(Δ) − C_z| + γ |KL(y) − C_y|

    Both capacities rise linearly from 0 with the step, C_y to at most ln J, as in AtomAI's code.
    Without absolute values, as printed, the capacities would have no gradient.
    """

    gamma: float = field("weight γ of the distance from a capacity", min=0.0)
    capacity_z: float = field("highest capacity of z and pose, nats", min=0.0)
    capacity_y: float = field("highest capacity of the class, nats; never above ln J", min=0.0)
    capacity_steps: int = field("steps over which both rise", min=1)

    def of_terms(self, terms: ElboTerms, progress: TrainingProgress) -> Tensor:
        """Reconstruction and weighted distances of KL from capacity, nats per image."""
        capacity_z, capacity_y = self.capacities(progress.step, progress.n_classes)
        continuous = (terms.kl_content + terms.kl_pose + terms.kl_bin).mean()
        distance = (continuous - capacity_z).abs()
        if progress.n_classes:
            distance = distance + (terms.kl_class.mean() - capacity_y).abs()
        return terms.reconstruction.mean() + self.gamma * distance

    def capacities(self, step: int, n_classes: int) -> tuple[float, float]:
        """C_z and C_y at a step, nats."""
        share = min(step / self.capacity_steps, 1.0)
        most = math.log(n_classes) if n_classes else 0.0
        return share * self.capacity_z, min(share * self.capacity_y, most)


# `objective.name` → its class
OBJECTIVES: dict[str, type[ObjectiveConfig]] = {"elbo": Elbo, "capacity": Capacity}
