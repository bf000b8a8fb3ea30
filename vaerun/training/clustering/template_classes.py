"""What the templates of an atlas stand for: the class of each, and how it is turned.

Read once from the images that the templates were learned from; then any image can be looked up.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from vaerun.training.clustering.alignment import align_templates, image_angles
from vaerun.training.clustering.settings import ClusteringSettings
from vaerun.training.clustering.spectral import (
    SOFTNESS,
    Floats,
    median_gap,
    propagate_labels,
    soft_assignment,
    spectral_partition,
)

# N images, M templates of all atlases, K angles, J classes.

_SURE = 0.7  # share of an image's templates that must be of its class

Scores = Sequence[tuple[Tensor, Tensor]]  # what each atlas says of images: `Atlas.score`


class PseudoLabels(NamedTuple):
    """What an atlas says of N images.

    Attributes
    ----------
    label
        (N,) class, −1 where an image stands between two.
    angle
        (N,) radians against the upright of its class, NaN where unknown.
    """

    label: Tensor
    angle: Tensor


@dataclass(frozen=True, kw_only=True)
class TemplateClasses:
    """Classes and uprights of all templates.

    Attributes
    ----------
    gaps
        For each atlas the usual gap between the scores of two templates, nats.
    of_template
        (M, J) classes.
    turn
        (M,) steps from each template to the upright of its class; None where angles are not
        looked for all round.
    n_angles
        K.
    """

    gaps: Sequence[Tensor]
    of_template: Floats
    turn: Floats | None
    n_angles: int

    @classmethod
    def of(
        cls, scores: Scores, label: Tensor, sought: ClusteringSettings, n_angles: int, seed: int
    ) -> "TemplateClasses":
        """From N images between the templates.

        Parameters
        ----------
        scores
            What each atlas says of them.
        label
            (N,) −1 where unknown. Where any is known, classes are those of the labels.
        sought, n_angles, seed
            What was looked for, K, and the seed of the cut.
        """
        gaps = [median_gap(score) for score, _ in scores]
        torn, step = _torn(scores, gaps), _steps(scores)
        links = torn.T @ torn
        if bool((label >= 0).any()):
            of_template = propagate_labels(links, torn, label.numpy(), sought.n_classes)
        else:
            of_template = np.eye(sought.n_classes)[
                spectral_partition(links, sought.n_classes, seed)
            ]
        group = of_template.argmax(1)
        turn = align_templates(torn, step, group, n_angles) if sought.any_angle else None
        return cls(gaps=gaps, of_template=of_template, turn=turn, n_angles=n_angles)

    def read(self, scores: Scores, label: Tensor) -> PseudoLabels:
        """Class and angle of images, by what each atlas says of them; a known label (N,) holds."""
        torn = _torn(scores, self.gaps)
        share, found = torch.from_numpy(torn @ self.of_template).max(1)
        found = torch.where(label >= 0, label, torch.where(share > _SURE, found, -1))
        if self.turn is None:
            return PseudoLabels(found, torch.full((len(torn),), math.nan))
        angle = torch.from_numpy(
            image_angles(self.turn, torn, _steps(scores), self.n_angles)
        ).float()
        stray = torch.from_numpy(self.of_template.argmax(1)[torn.argmax(1)]) != found
        return PseudoLabels(found, angle.masked_fill(stray, math.nan))


def _torn(scores: Scores, gaps: Sequence[Tensor]) -> Floats:
    """How much each image belongs to each template of all atlases, (N, M)."""
    softness = SOFTNESS / len(scores)
    parts = [
        soft_assignment(score, gap, softness) for (score, _), gap in zip(scores, gaps, strict=True)
    ]
    return np.concatenate(parts, axis=1) / len(parts)


def _steps(scores: Scores) -> Tensor:
    """At which angle each template fits each image best, (N, M)."""
    return torch.cat([step for _, step in scores], dim=1)
