"""Class and rotation of each template, fitted on images, and of other images predicted by them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vaerun.training.clustering.alignment import align_templates, image_angles
from vaerun.training.clustering.count_classes import mean_valley, partition_by_valleys
from vaerun.training.clustering.layout import lay_out, layout_partitions
from vaerun.training.clustering.settings import ClusteringSettings
from vaerun.training.clustering.spectral import (
    SOFTNESS,
    Floats,
    median_gap,
    propagate_labels,
    soft_assignment,
    spectral_partition,
)

# N images, M templates of all mixtures, K angles, J classes.

_DEEPER = 0.95  # of the mean valley of the cut, that another partition must be below
_WIDE = 0.5  # softness of assignments that layouts are made from
_LEAST_SHARE = 0.7  # of an image's soft assignment within one class, or it stays unlabelled

Scores = Sequence[tuple[Tensor, Tensor]]  # `TemplateMixture.log_likelihood` of each mixture


class PseudoLabels(NamedTuple):
    """Class and angle of N images, estimated by clustering."""

    label: Tensor  # (N,) −1 where an image is between two classes
    angle: Tensor  # (N,) radians against the class's canonical orientation, NaN where unknown
    place: Tensor  # (N, d) in the layout of the templates, d = 0 without one


@dataclass(frozen=True, kw_only=True)
class TemplateClasses:
    """Classes and canonical orientations of all templates."""

    gaps: Sequence[Tensor]  # median gap between the two best template scores, per mixture, nats
    of_template: Floats  # (M, J) class probabilities
    turn: Floats | None  # (M,) steps to the class's orientation; None unless any angle is searched
    n_angles: int  # K
    place: Floats  # (M, d) layout

    @classmethod
    def fit(
        cls, scores: Scores, label: Tensor, settings: ClusteringSettings, n_angles: int, seed: int
    ) -> "TemplateClasses":
        """Partition and align templates by the images that they share.

        ``label`` (N,) is −1 for unlabelled images. If any is labelled, labels propagate to the
        templates; otherwise the template graph is cut, with random numbers from ``seed``.
        """
        gaps = [median_gap(score) for score, _ in scores]
        assignment, step = _assignment(scores, gaps), _steps(scores)
        links = assignment.T @ assignment
        n_classes = settings.n_classes
        if bool((label >= 0).any()):
            of_template = propagate_labels(links, assignment, label.numpy(), n_classes)
        else:
            of_template = np.eye(n_classes)[_partition(scores, gaps, links, n_classes, seed)]
        group = of_template.argmax(1)
        turn = align_templates(assignment, step, group, n_angles) if settings.any_angle else None
        place = np.zeros((len(links), 0))
        if settings.n_dims:
            wide = _assignment(scores, gaps, _WIDE)
            place = lay_out(wide.T @ wide, settings.n_dims, seed)
        return cls(
            gaps=gaps,
            of_template=of_template,
            turn=turn,
            n_angles=n_angles,
            place=place,
        )

    def valley(self, score: Tensor, unbiased: Tensor) -> float:
        """How full the valleys between the classes are: the mean of two estimates.

        Scores (N, M) of a single mixture flatter classes whose templates have learned the noise
        of a few images; those without an image's own share are hard on rare classes.
        """
        part = self.of_template.argmax(1)
        return 0.5 * (mean_valley(score, part) + mean_valley(score, part, unbiased))

    def predict(self, scores: Scores, label: Tensor) -> PseudoLabels:
        """Class and angle of images; a given label (N,), unless −1, is returned unchanged."""
        assignment = _assignment(scores, self.gaps)
        share, predicted = torch.from_numpy(assignment @ self.of_template).max(1)
        predicted = torch.where(share > _LEAST_SHARE, predicted, -1)
        predicted = torch.where(label >= 0, label, predicted)
        place = torch.from_numpy(_assignment(scores, self.gaps, _WIDE) @ self.place).float()
        if self.turn is None:
            return PseudoLabels(predicted, torch.full((len(predicted),), math.nan), place)
        angle = torch.from_numpy(
            image_angles(self.turn, assignment, _steps(scores), self.n_angles)
        ).float()
        of_best = torch.from_numpy(self.of_template.argmax(1)[assignment.argmax(1)])
        angle = angle.masked_fill(of_best != predicted, math.nan)
        return PseudoLabels(predicted, angle, place)


def _partition(
    scores: Scores, gaps: Sequence[Tensor], links: Floats, n_classes: int, seed: int
) -> npt.NDArray[np.int64]:
    """Class of each template (M,): of several proposals, that with the deepest valleys.

    The cut of the links is right where classes vary smoothly; joining parts is right, too, where
    templates of a class share few images, and k-means in a layout where classes run into one
    another. Where all are filled alike, as in a lattice whose defects run into what is ideal, the
    cut is taken. Scores of different mixtures cannot be compared, so with several it alone counts.
    """
    if n_classes == 1:
        return np.zeros(len(links), np.int64)
    proposals = [spectral_partition(links, n_classes, seed)]
    if len(scores) > 1:
        return proposals[0]
    score, _ = scores[0]
    joined = partition_by_valleys(score, links, n_classes)
    if joined is not None:
        proposals.append(joined)
    wide = _assignment(scores, gaps, _WIDE)
    proposals += layout_partitions(wide.T @ wide, n_classes, seed)
    valleys = [mean_valley(score, part) for part in proposals]
    deepest = min(range(len(proposals)), key=valleys.__getitem__)
    return proposals[deepest if valleys[deepest] < _DEEPER * valleys[0] else 0]


def _assignment(scores: Scores, gaps: Sequence[Tensor], softness: float = SOFTNESS) -> Floats:
    """Soft assignment of each image to the templates of all mixtures, (N, M)."""
    softness = softness / len(scores)
    parts = [
        soft_assignment(score, gap, softness) for (score, _), gap in zip(scores, gaps, strict=True)
    ]
    return np.concatenate(parts, axis=1) / len(parts)


def _steps(scores: Scores) -> Tensor:
    """Best angle of each template for each image, (N, M), as a number of steps."""
    return torch.cat([step for _, step in scores], dim=1)
