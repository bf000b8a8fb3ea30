"""Pseudo-labels from mixtures of rotated templates, fitted before training.

A model that infers classes, or learns them from few labels, does badly from a random start: it
puts all images into one class, or splits one and joins halves of two others. Images of a class
run smoothly into one another, and a gap separates classes; many templates show both:

1. Templates T_m are fitted by annealed expectation maximisation under a grid of poses g,
   log p(x | m, g) = Σ_pixels x·gT_m − ln(1 + exp gT_m), a transformed mixture (Frey and Jojic
   2003), or Σ −(x − gT_m)²/2σ² with a learned σ for grey images. Without content latents one
   matrix product scores every hypothesis exactly. Shifts and sizes are not searched: objects are
   centred and brought to one size beforehand. Of curves it is shifts that are searched.
2. Two templates are linked by the images softly assigned to both.
3. The template graph is cut into J parts by a normalised cut, or labels propagate along it. Of
   several starts, where images are few, that with the deepest valleys between classes is kept.
4. The templates of each class are aligned along the links (`alignment`).

The class and angle of each image supervise the first epochs of training and are then dropped.
"""

import math
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vaerun.data.image_set import Images
from vaerun.data.lazy.file_images import FileImages
from vaerun.geometry import Pose, is_curve, pixel_size, place
from vaerun.training.clustering.count_classes import ClassCount, count_classes
from vaerun.training.clustering.settings import ClusteringSettings
from vaerun.training.clustering.small_images import (
    averaged_pixels,
    chunk_size,
    fitted_locator,
    prepared,
)
from vaerun.training.clustering.spectral import median_gap, soft_assignment
from vaerun.training.clustering.template_classes import PseudoLabels, TemplateClasses
from vaerun.utils.arrays import evenly

# N images, M templates of all mixtures, K angles, J classes, B images of a step.

_BATCH, _STEPS = 200, 400
_FEWEST_STEPS, _PASSES = 80, 30  # of few images: more passes and templates fit their noise,
_SHARE = 20  # and so do templates that have fewer images than this
_LEARNING_RATE = 0.1
_TEMPERATURE, _COOLING = 100.0, 0.8  # at the start; share of the steps until it is 1
_ANGLES = 32  # over the full circle
_SD_RATE, _LEAST_SD = 0.1, 0.02  # of the Gaussian likelihood: share of a new batch; floor
_MOST_TO_FIT = 60_000  # images from disk that templates are fitted to
_MOST_FITTED, _MOST_STARTS = 4_000, 3  # images in all fits together; fits
_MOST_TO_COUNT = 20_000  # images that the number of classes is found from


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
    unknown = settings.n_classes > 1 and not bool((label >= 0).any())
    fits = []
    n_starts = _n_starts(len(small)) if unknown and settings.n_repeats == 1 else 1
    for start in range(seed, seed + n_starts):
        mixtures = _fitted(small, settings, weight, start, device, mixed=mixed)
        scores = [mixture.log_likelihood(small) for mixture in mixtures]
        classes = TemplateClasses.fit(scores, label[subset], settings, _ANGLES, start)
        fits.append((classes, mixtures, scores))
    classes, mixtures, scores = min(fits, key=lambda fit: fit[0].valley)
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

    Templates are fitted to a random half of at most 20,000 images, and classes counted in the
    other half.
    """
    rows = np.random.default_rng(seed).permutation(evenly(len(images), _MOST_TO_COUNT))
    locator = fitted_locator(images, settings)
    small = prepared(images[torch.from_numpy(rows)], locator, settings)
    weight = averaged_pixels(images, locator)
    one = replace(settings, n_repeats=1)
    half = len(small) // 2
    [mixture] = _fitted(small[:half], one, weight, seed, device, mixed=mixed)
    score, _ = mixture.log_likelihood(small[half:])
    assignment = soft_assignment(score, median_gap(score))
    return count_classes(score, assignment.T @ assignment)


def _fitted(
    small: Tensor,
    settings: ClusteringSettings,
    weight: float,
    seed: int,
    device: torch.device,
    *,
    mixed: bool,
) -> list["TemplateMixture"]:
    """Mixtures fitted to small images (N, C, h, w) from different starts."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        mixtures = []
        for _ in range(settings.n_repeats):
            mixture = TemplateMixture(small, settings, weight).to(device)
            mixture.fit(small, mixed=mixed)
            mixtures.append(mixture)
    return mixtures


def _n_starts(n_images: int) -> int:
    """Fits from different starts: several of few images, which take a second or two each."""
    return min(max(_MOST_FITTED // n_images, 1), _MOST_STARTS)


def _subset_to_fit(label: Tensor) -> Tensor:
    """Evenly spread positions of images to fit to: all, or at most half of them labelled."""
    labelled, unlabelled = (label >= 0).nonzero()[:, 0], (label < 0).nonzero()[:, 0]
    least = min(len(unlabelled), _MOST_TO_FIT // 2)
    labelled = labelled[torch.from_numpy(evenly(len(labelled), _MOST_TO_FIT - least))]
    n_left = _MOST_TO_FIT - len(labelled)
    unlabelled = unlabelled[torch.from_numpy(evenly(len(unlabelled), n_left))]
    return torch.cat([labelled, unlabelled]).sort().values


class TemplateMixture(nn.Module):
    """A mixture of templates under a grid of rotations or, of curves, of shifts.

    Parameters
    ----------
    images
        (N, C, H, W) small; templates start half way between some of them and their mean.
    weight
        Pixels of the original image that one pixel represents.
    """

    def __init__(self, images: Tensor, settings: ClusteringSettings, weight: float) -> None:
        super().__init__()
        self.weight = weight
        self.is_gaussian = settings.likelihood == "gaussian"
        away = images - images.mean(0)
        self.sd = max(float(away.square().mean().sqrt()), _LEAST_SD)  # if Gaussian
        size = images.shape[-2:]
        self.size = (size[0], size[1])
        n_templates = min(settings.n_templates, max(len(images) // _SHARE, settings.n_classes, 2))
        chosen = images[torch.randint(len(images), (n_templates,))]
        start = 0.5 * chosen + 0.5 * images.mean(0)
        self.templates = nn.Parameter(
            start if self.is_gaussian else start.clamp(0.02, 0.98).logit()
        )
        self.full_circle = settings.any_angle
        self.angles: Tensor
        shifts = _shifts(self.size, settings.shift_range)
        angles = _angles(settings.angle_range) if len(shifts) < 2 else torch.zeros(len(shifts))
        self.register_buffer("angles", angles)
        self.shifts: Tensor
        self.register_buffer("shifts", shifts)
        self.inside: Tensor
        self.register_buffer("inside", _inside(self.size, images.shape[1], settings.mask))

    def fit(self, images: Tensor, *, mixed: bool = False) -> None:
        """Fit the templates by annealed expectation maximisation on random batches."""
        n_steps = _n_steps(len(images), len(self.templates))
        adam = torch.optim.Adam(self.parameters(), lr=_LEARNING_RATE)
        device = self.angles.device
        for step in range(n_steps):
            x = images[torch.randint(len(images), (_BATCH,))].to(device)
            hot = max(_TEMPERATURE ** (1 - step / (_COOLING * n_steps)), 1.0)
            for group in adam.param_groups:
                group["lr"] = 0.5 * _LEARNING_RATE * (1 + math.cos(math.pi * step / n_steps))
            with torch.autocast(device.type, torch.bfloat16, enabled=mixed):
                log_lik = self(x).float()  # (B, M·K)
            expected = (log_lik.detach() / hot).softmax(1)
            if self.is_gaussian:
                self._update_sd(x, float((expected * log_lik.detach()).sum(1).mean()))
            adam.zero_grad()
            (-(expected * log_lik).sum(1).mean()).backward()
            adam.step()

    def _update_sd(self, x: Tensor, log_lik: float) -> None:
        """Move the sd towards that of a batch, given the mean of its `forward`."""
        square = float((x.flatten(1).square() * self.inside).sum(1).mean())
        variance = (square - 2 * self.sd**2 * log_lik) / float(self.inside.sum())
        kept = (1 - _SD_RATE) * self.sd**2 + _SD_RATE * max(variance, 0.0)
        self.sd = max(math.sqrt(kept), _LEAST_SD)

    @torch.no_grad()
    def log_likelihood(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Log p(x | m), summed over angles, and the best angle of each image and template.

        Returns
        -------
        score, step
            (N, M) nats up to a constant; (N, M) index of the angle.
        """
        device = self.angles.device
        scores, steps = [], []
        for x in images.split(_BATCH):
            log_lik = self(x.to(device)).unflatten(1, (len(self.templates), -1))  # (B, M, K)
            scores.append(log_lik.logsumexp(2).cpu())
            steps.append(log_lik.argmax(2).cpu())
        return torch.cat(scores), torch.cat(steps)

    def forward(self, x: Tensor) -> Tensor:
        """Log p(x | m, angle) of images (B, C, H, W) up to a constant, (B, M·K)."""
        turned = self._turned() * self.inside
        product: Tensor = x.flatten(1) @ turned.T
        if self.is_gaussian:
            return (product.float() - 0.5 * turned.float().square().sum(1)) / self.sd**2
        log_normaliser = (F.softplus(turned) * self.inside).sum(1)
        return self.weight * (product.float() - log_normaliser)

    def _turned(self) -> Tensor:
        """Every template in every pose, (M·K, C·H·W).

        Over the full circle, squares are resampled within a quarter turn only; quarter turns of
        the results move pixels, which costs less.
        """
        height, width = self.size
        quarters = 4 if self.full_circle and height == width else 1
        angles = self.angles[: len(self.angles) // quarters]
        n_templates, n_angles = len(self.templates), len(angles)
        pose = Pose.identity(n_templates * n_angles, angles.device)
        pose = pose._replace(angle=angles.repeat(n_templates))
        if len(self.shifts) > 1:
            pose = pose._replace(shift=self.shifts.repeat(n_templates, 1))
        turned = place(self.templates.repeat_interleave(n_angles, 0), pose, self.size)
        turned = turned.unflatten(0, (n_templates, n_angles))  # (M, K / quarters, C, H, W)
        return (
            torch.cat([turned.rot90(i, (3, 4)) for i in range(quarters)], 1)
            .flatten(0, 1)
            .flatten(1)
        )


def _n_steps(n_images: int, n_templates: int) -> int:
    """Steps of a fit: more for many templates, but not so many that templates fit noise."""
    wanted = min(max(_STEPS, 2 * n_templates), 3 * _STEPS)
    return min(wanted, max(_PASSES * n_images // _BATCH, _FEWEST_STEPS))


def _angles(angle_range: float) -> Tensor:
    """A grid of angles (K,) over ± a range, radians; the full circle names none twice."""
    if angle_range >= math.pi - 1e-6:
        return torch.arange(_ANGLES) * (2 * math.pi / _ANGLES)
    n = math.ceil(_ANGLES * angle_range / math.pi) // 2 * 2 + 1
    return torch.linspace(-angle_range, angle_range, n) if n > 1 else torch.zeros(1)


def _shifts(size: tuple[int, int], half_range: float) -> Tensor:
    """A grid of shifts (K, 2) of small curves, one a point over ± a range; none for images."""
    if not is_curve(size[0]) or not half_range:
        return torch.zeros(1, 2)
    most = int(half_range / pixel_size(*size))
    columns = torch.arange(-most, most + 1) * pixel_size(*size)
    return torch.stack([torch.zeros_like(columns), columns], 1)


def _inside(size: tuple[int, int], channels: int, mask: bool) -> Tensor:
    """1 where a pixel counts, else 0, (C·H·W,)."""
    height, width = size
    inside = torch.ones(height, width)
    if mask:
        rows = torch.arange(height)[:, None] - (height - 1) / 2
        columns = torch.arange(width) - (width - 1) / 2
        inside = ((rows.square() + columns.square()).sqrt() <= min(size) / 2).float()
    return inside.expand(channels, -1, -1).flatten()
