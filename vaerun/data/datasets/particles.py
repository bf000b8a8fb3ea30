"""Particles: outlines by name, of known pose, size, shear, background and noise, drawn on the fly.

    image = background + gradient + contrast · blurred shape, then noise, clipped to [0, 1]

`vaerun model=jrvae data=particles 'data.outlines=[teardrop,zee,star]' 'data.shares=[90,8,2]'`
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from vaerun import geometry
from vaerun.config.schema import field
from vaerun.data.config import DataConfig
from vaerun.data.datasets.drawing import coverage, warped
from vaerun.data.datasets.particle_outlines import OUTLINES, polygon, symmetries
from vaerun.data.image_set import ImageSet, Splits, without_pose
from vaerun.utils.errors import UserError, format_value

# N images, n images of one outline, S side of an image in pixels.

_MASTER = 4  # pixels of the master drawing per pixel of an image, along each axis
_CHUNK = 250  # images drawn at once: some 100 MB
_NEAREST, _FARTHEST = 0.55, 0.7  # from the middle to a neighbour's centre, in sides of the image

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True)
class ParticlesConfig(DataConfig):
    """How particles are drawn; every factor is uniform and independent of the others."""

    outlines: list[str] = field("kinds of particles", choices=list(OUTLINES))
    shares: list[float] | None = field(
        "share of each kind among the images, in any unit; null = equal", above=0
    )
    size: int = field("side of the square images, in pixels", min=8)
    diameter_px: float = field(
        "diameter of the circle around a particle of usual size, in pixels", above=0
    )
    size_variation: float = field("size is within 1 ± this, times the usual one", min=0, below=1)
    rotation_deg: float = field("rotation is within ± this, in degrees", min=0, max=180)
    shear_deg: float = field("shear angle is within ± this, in degrees", min=0, below=45)
    shift_px: float = field("shift along each axis is within ± this, in pixels", min=0)
    neighbours: float = field(
        "share of the images into which another particle reaches from outside", min=0, max=1
    )
    blur_px: float = field("sd of the Gaussian blur, in pixels", min=0)
    background: float = field("brightness of the background", min=0, max=1)
    background_gradient: float = field(
        "brightness changes by up to this across the image, in any direction", min=0, max=1
    )
    contrast: float = field(
        "brightness of a particle less that of the background; below 0 for dark ones",
        min=-1, max=1,
    )  # fmt: skip
    contrast_variation: float = field("contrast is within 1 ± this, times it", min=0, below=1)
    counts: float | None = field(
        "expected counts of a pixel of brightness 1, for Poisson noise; null = none", above=0
    )
    noise_sd: float = field("sd of the Gaussian noise added to every pixel", min=0)
    labelled_per_class: int = field("labelled images a class, for models that learn labels", min=1)

    def __post_init__(self) -> None:
        if not self.outlines or len(set(self.outlines)) < len(self.outlines):
            raise UserError(
                f"data.outlines={format_value(self.outlines)} is empty or names one twice",
                "name each once, as in 'data.outlines=[teardrop,zee,star]'",
            )
        if self.shares is not None and len(self.shares) != len(self.outlines):
            raise UserError(
                f"data.shares={format_value(self.shares)} are {len(self.shares)}, but there are "
                f"{len(self.outlines)} outlines",
                "give as many, or data.shares=null",
            )
        if not 0 <= self.background + self.contrast <= 1 or self.contrast == 0:
            raise UserError(
                f"data.contrast={self.contrast:g} on data.background={self.background:g} makes "
                f"particles of brightness {self.background + self.contrast:g}",
                "give a contrast other than 0 that leaves it between 0 and 1",
            )


def load(config: ParticlesConfig, seed: int) -> Splits:
    """Draw both splits, each from its own random stream.

    The first n images of a larger set are those of a set of n. ``index`` counts through training
    and validation images.
    """
    n_train, n_val = _sizes(config)
    train_seed, val_seed, _ = np.random.SeedSequence(seed).spawn(3)
    return Splits(
        train=_image_set(config, _labels(config, n_train, train_seed), 0, train_seed),
        val=_image_set(config, _labels(config, n_val, val_seed), n_train, val_seed),
        classes=list(config.outlines),
        symmetry=symmetries(config.outlines),
    )


def load_labelled(config: ParticlesConfig, seed: int, splits: Splits) -> ImageSet:
    """Draw the labelled particles, as many of each kind, from a random stream of their own."""
    del splits
    n_classes = len(config.outlines)
    label = np.arange(config.labelled_per_class * n_classes) % n_classes
    labelled_seed = np.random.SeedSequence(seed).spawn(3)[2]
    return _image_set(config, label, sum(_sizes(config)), labelled_seed)


def _sizes(config: ParticlesConfig) -> tuple[int, int]:
    """Numbers of training and validation images."""
    return config.train_size or 8000, config.val_size or 2000


def _labels(config: ParticlesConfig, n: int, seed: np.random.SeedSequence) -> Ints:
    """Kinds (n,) drawn by their shares."""
    shares = np.array(config.shares or [1.0] * len(config.outlines))
    uniform = np.random.default_rng(seed.spawn(1)[0]).uniform(size=n)
    return np.searchsorted(np.cumsum(shares / shares.sum())[:-1], uniform, side="right")


def _image_set(
    config: ParticlesConfig, label: Ints, first_index: int, seed: np.random.SeedSequence
) -> ImageSet:
    """Draw particles of given kinds (N,); each source of randomness has a stream of its own."""
    n, kinds = len(label), torch.from_numpy(label)
    pose, neighbours, light = map(np.random.default_rng, seed.spawn(3))
    noise, noise_unposed = seed.spawn(2), seed.spawn(2)
    factors = _factors(config, pose.uniform(-1, 1, (n, 5)))
    around, lighting = neighbours.uniform(-1, 1, (n, 9)), light.uniform(-1, 1, (n, 3))
    images, contrast = _images(config, kinds, factors, around, lighting, noise)
    if config.contrast_variation > 0:
        factors["contrast"] = contrast

    def unposed(index: Tensor) -> Tensor:
        still, i = without_pose(factors, index), index.numpy()
        return _images(config, kinds[index], still, around[i], lighting[i], noise_unposed)[0]

    return ImageSet(
        images=images,
        label=kinds,
        index=torch.arange(first_index, first_index + n),
        factors=factors,
        unposed=unposed,
    )


def _images(
    config: ParticlesConfig,
    label: Tensor,
    factors: dict[str, Tensor],
    neighbours: Floats,
    light: Floats,
    noise: Sequence[np.random.SeedSequence],
) -> tuple[Tensor, Tensor]:
    """Images (N, 1, S, S) of particles, and the contrast of each (N,).

    Neighbours follow from numbers (N, 9), light from numbers (N, 3), all uniform in ±1, Poisson
    and Gaussian noise from a random stream each.
    """
    shapes = _draw(config, label, factors)
    if config.neighbours > 0:
        shapes = torch.maximum(shapes, _neighbours(config, neighbours))
    if config.blur_px > 0:
        shapes = _blurred(shapes, config.blur_px)
    images, contrast = _lit(config, shapes, light)
    counts, normal = map(np.random.default_rng, noise)
    return _with_noise(config, images, counts, normal), contrast


def _factors(config: ParticlesConfig, uniform: Floats) -> dict[str, Tensor]:
    """Factors (N,) from numbers (N, 5) uniform in ±1.

    ``angle`` and ``shear`` are in radians, shifts in pixels; ``scale`` is 1 at usual size.
    """
    ranges = {
        "angle": math.radians(config.rotation_deg),
        "shear": math.radians(config.shear_deg),
        "shift_row": config.shift_px,
        "shift_column": config.shift_px,
        "scale": config.size_variation,
    }
    columns = torch.from_numpy((uniform * list(ranges.values())).astype(np.float32))
    factors = dict(zip(ranges, columns.T.contiguous(), strict=True))
    return factors | {"scale": 1 + factors["scale"]}


def _draw(config: ParticlesConfig, label: Tensor, factors: dict[str, Tensor]) -> Tensor:
    """Shapes alone (N, 1, S, S), 1 inside an outline and 0 outside."""
    matrix = geometry.rotation(factors["angle"]) @ geometry.shear(factors["shear"])  # shear first
    matrix = factors["scale"][:, None, None] * matrix
    shift_px = torch.stack([factors["shift_row"], factors["shift_column"]], dim=1)
    shapes = torch.empty(len(label), 1, config.size, config.size)
    side = config.size * _MASTER
    for k, name in enumerate(config.outlines):
        master = coverage(
            polygon(name) * config.diameter_px / 2 * _MASTER + side / 2, side
        ).float()
        for chunk in (label == k).nonzero().flatten().split(_CHUNK):
            shapes[chunk] = warped(master, matrix[chunk], shift_px[chunk], config.size)
    return shapes


def _neighbours(config: ParticlesConfig, uniform: Floats) -> Tensor:
    """Shapes (N, 1, S, S) of particles that reach in from outside, from numbers (N, 9) in ±1.

    All pixels are 0 in an image that has no neighbour.
    """
    is_there, kind, distance = (uniform[:, :3].T + 1) / 2  # 0 to 1
    direction = math.pi * uniform[:, 3]
    distance_px = (_NEAREST + (_FARTHEST - _NEAREST) * distance) * config.size
    factors = _factors(config, uniform[:, 4:])
    factors["shift_row"] = torch.from_numpy((distance_px * np.sin(direction)).astype(np.float32))
    factors["shift_column"] = torch.from_numpy(
        (distance_px * np.cos(direction)).astype(np.float32)
    )
    label = torch.from_numpy((kind * len(config.outlines)).astype(np.int64))
    shown = torch.from_numpy(is_there < config.neighbours)
    return _draw(config, label, factors) * shown[:, None, None, None]


def _blurred(shapes: Tensor, sd_px: float) -> Tensor:
    """Shapes (N, 1, S, S) after a Gaussian blur."""
    reach = math.ceil(3 * sd_px)
    line = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sd_px).square())
    line = line / line.sum()
    padded = F.pad(shapes, (reach,) * 4, mode="replicate")
    return F.conv2d(F.conv2d(padded, line.view(1, 1, 1, -1)), line.view(1, 1, -1, 1))


def _lit(config: ParticlesConfig, shapes: Tensor, uniform: Floats) -> tuple[Tensor, Tensor]:
    """Brightness (N, 1, S, S) of shapes on a background, and the contrast of each image (N,).

    The contrast, the size of the gradient and its direction come from numbers (N, 3) in ±1.
    """
    vary, slope, direction = torch.from_numpy(uniform.astype(np.float32)).unbind(1)
    contrast = config.contrast * (1 + config.contrast_variation * vary)
    towards = torch.stack([(math.pi * direction).sin(), (math.pi * direction).cos()], dim=1)
    points = geometry.pixel_grid(*shapes.shape[-2:])  # −1 to 1 across the image
    half = 0.5 * config.background_gradient * slope
    gradient = torch.einsum("n,ni,hwi->nhw", half, towards, points)[:, None]
    return config.background + gradient + contrast[:, None, None, None] * shapes, contrast


def _with_noise(
    config: ParticlesConfig,
    images: Tensor,
    counts: np.random.Generator,
    noise: np.random.Generator,
) -> Tensor:
    """Images with Poisson and Gaussian noise, clipped to [0, 1]."""
    for chunk in images.split(_CHUNK):
        if config.counts is not None:
            expected = chunk.clamp_min(0).numpy() * config.counts
            chunk.copy_(torch.from_numpy(counts.poisson(expected) / config.counts))
        if config.noise_sd > 0:
            normal = noise.standard_normal(chunk.shape, dtype=np.float32)
            chunk.add_(torch.from_numpy(normal), alpha=config.noise_sd)
    return images.clamp_(0, 1)
