"""Pseudo-labels from mixtures of rotated templates, and the number of classes, before training.

A model that infers classes, or learns them from few labels, does badly from a random start: it
puts all images into one class, or splits one and joins halves of two others. Images of a class
run smoothly into one another, and a gap separates classes; many templates show both:

1. Templates are fitted to the images in every pose (`template_mixture`).
2. Two templates are linked by the images softly assigned to both.
3. The template graph is cut into J parts by a normalised cut, or labels propagate along it. Of
   several starts, where images are few, that with the deepest valleys between classes is kept:
   hot ones, which find frequent classes in noise, and cold ones, which find rare classes. No more
   are tried once two have found the same classes with deep valleys between them.
4. The templates of each class are aligned along the links (`alignment`).

The class and angle of each image supervise the first epochs of training and are then dropped.
"""

from dataclasses import replace
from typing import NamedTuple

import torch
from sklearn.metrics import adjusted_rand_score
from torch import Tensor

from vaerun.data.image_set import Images
from vaerun.data.lazy.file_images import FileImages
from vaerun.training.clustering.count_classes import DEEPEST, ClassCount, count_classes
from vaerun.training.clustering.settings import ClusteringSettings
from vaerun.training.clustering.small_images import (
    averaged_pixels,
    chunk_size,
    fitted_locator,
    prepared,
)
from vaerun.training.clustering.spectral import median_gap, soft_assignment
from vaerun.training.clustering.template_classes import PseudoLabels, Scores, TemplateClasses
from vaerun.training.clustering.template_mixture import N_ANGLES, TemplateMixture
from vaerun.utils.arrays import evenly

_MOST_TO_FIT = 60_000  # images from disk that templates are fitted to
_MOST_WORK, _MOST_STARTS = 800_000, 10  # images times templates in all fits together; fits
_SAME = 0.95  # adjusted Rand index of two starts that found the same classes
_MOST_TO_COUNT, _STARTS_TO_COUNT = 10_000, 4  # images that the number of classes is found from


class _Start(NamedTuple):
    """Templates fitted from one start, and their classes."""

    classes: TemplateClasses
    mixtures: list[TemplateMixture]
    scores: Scores
    valley: float

    @property
    def class_of_image(self) -> Tensor:
        """Class (N,) of the likeliest template."""
        score, _ = self.scores[0]
        return torch.from_numpy(self.classes.of_template.argmax(1))[score.argmax(1)]


def find_pseudo_labels(
    images: Images,
    label: Tensor,
    settings: ClusteringSettings,
    seed: int,
    device: torch.device,
    *,
    mixed: bool = False,
) -> PseudoLabels:
    """Class and angle of every image; templates are fitted to at most 60,000 images from disk.

    Parameters
    ----------
    images
        (N, C, H, W) in [0, 1].
    label
        (N,) −1 for unlabelled. If any image is labelled, classes are those of the labels.
    seed
        Seed of all random numbers; the global generators are left alone.
    mixed
        Whether templates are fitted with bfloat16 products.
    """
    subset = _subset_to_fit(label) if isinstance(images, FileImages) else slice(None)
    locator = fitted_locator(images, settings)
    small = prepared(images[subset], locator, settings)
    weight = averaged_pixels(images, locator)
    classes, mixtures, scores, _ = _best_start(
        small, label[subset], settings, weight, seed, device, mixed=mixed
    )
    if len(small) == len(images):
        return classes.predict(scores, label)
    parts = []
    chunk = chunk_size(images)
    for x, given in zip(images.split(chunk), label.split(chunk), strict=True):
        small = prepared(x, locator, settings)
        parts.append(classes.predict([m.log_likelihood(small) for m in mixtures], given))
    return PseudoLabels(*(torch.cat(values) for values in zip(*parts, strict=True)))


def find_n_classes(
    images: Images,
    settings: ClusteringSettings,
    seed: int,
    device: torch.device,
    *,
    mixed: bool = False,
) -> ClassCount:
    """Number of classes that images (N, C, H, W) fall into; see `find_pseudo_labels`.

    Templates are fitted to at most 10,000 images, and each image is scored by templates without
    its own share in them. Of the numbers from several starts the middle one is returned, of two in
    the middle the larger.
    """
    rows = torch.from_numpy(evenly(len(images), _MOST_TO_COUNT))
    locator = fitted_locator(images, settings)
    small = prepared(images[rows], locator, settings)
    weight = averaged_pixels(images, locator)
    one = replace(settings, n_repeats=1, likelihood="gaussian")
    counts = []
    for number in range(min(_n_starts(len(small), one.n_templates), _STARTS_TO_COUNT)):
        cold = number % 2 == 1
        [mixture] = _fitted(small, one, weight, seed + number, device, mixed=mixed, cold=cold)
        score = mixture.without_own_share(mixture.log_likelihood(small)[0], small)
        assignment = soft_assignment(score, median_gap(score))
        counts.append(count_classes(score, assignment.T @ assignment))
    counts.sort(key=lambda count: (count.n_classes, -count.filled))
    middle = counts.pop(len(counts) // 2)
    return middle._replace(from_other_starts=tuple(count.n_classes for count in counts))


def _best_start(
    small: Tensor,
    label: Tensor,
    settings: ClusteringSettings,
    weight: float,
    seed: int,
    device: torch.device,
    *,
    mixed: bool,
) -> _Start:
    """The start with the deepest valleys between the classes of small images (N, C, h, w).

    Hot and cold ones take turns, until another finds the same classes as the best, if its valleys
    are deep. There is only one if labels (N,), −1 for unknown, tell the classes.
    """
    tells = bool((label >= 0).any())
    is_search = settings.n_classes > 1 and settings.n_repeats == 1 and not tells
    n_starts = _n_starts(len(small), settings.n_templates) if is_search else 1
    starts: list[_Start] = []
    for number in range(n_starts):
        cold, own_seed = number % 2 == 1, seed + number
        mixtures = _fitted(small, settings, weight, own_seed, device, mixed=mixed, cold=cold)
        scores = [mixture.log_likelihood(small) for mixture in mixtures]
        classes = TemplateClasses.fit(scores, label, settings, N_ANGLES, own_seed)
        valley = 0.0
        if n_starts > 1:
            own = scores[0][0]
            valley = classes.valley(own, mixtures[0].without_own_share(own, small))
        starts.append(_Start(classes, mixtures, scores, valley))
        starts.sort(key=lambda start: start.valley)
        best, *others = starts
        if best.valley < DEEPEST and any(_agree(best, other) for other in others):
            break
    return starts[0]


def _agree(one: _Start, other: _Start) -> bool:
    """Whether two starts found the same classes."""
    return bool(adjusted_rand_score(one.class_of_image, other.class_of_image) > _SAME)


def _fitted(
    small: Tensor,
    settings: ClusteringSettings,
    weight: float,
    seed: int,
    device: torch.device,
    *,
    mixed: bool,
    cold: bool = False,
) -> list[TemplateMixture]:
    """Mixtures fitted to small images (N, C, h, w) from different starts, all cold or all hot."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        mixtures = []
        for _ in range(settings.n_repeats):
            mixture = TemplateMixture(small, settings, weight, cold=cold).to(device)
            mixture.fit(small, mixed=mixed)
            mixtures.append(mixture)
    return mixtures


def _n_starts(n_images: int, n_templates: int) -> int:
    """Fits from different starts: several where each takes some seconds at most."""
    return min(max(_MOST_WORK // (n_images * n_templates), 1), _MOST_STARTS)


def _subset_to_fit(label: Tensor) -> Tensor:
    """Evenly spread positions of images to fit to: all, or at most half of them labelled."""
    labelled, unlabelled = (label >= 0).nonzero()[:, 0], (label < 0).nonzero()[:, 0]
    least = min(len(unlabelled), _MOST_TO_FIT // 2)
    labelled = labelled[torch.from_numpy(evenly(len(labelled), _MOST_TO_FIT - least))]
    n_left = _MOST_TO_FIT - len(labelled)
    unlabelled = unlabelled[torch.from_numpy(evenly(len(unlabelled), n_left))]
    return torch.cat([labelled, unlabelled]).sort().values
