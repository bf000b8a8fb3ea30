"""Cards: the four suits of playing cards, drawn with known shear, rotation and shift."""

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from vaerun import geometry
from vaerun.config.schema import field
from vaerun.data.config import DataConfig
from vaerun.data.datasets.card_suits import SUITS, SYMMETRY, rasterise
from vaerun.data.datasets.drawing import warped
from vaerun.data.image_set import ImageSet, Splits, without_pose

# N images, S side of an image in pixels.

_MASTER = 4  # pixels of the master drawing per pixel of an image, along each axis
_CHUNK = 250  # images drawn at once: some 100 MB


@dataclass(frozen=True, kw_only=True, slots=True)
class CardsConfig(DataConfig):
    """How the cards are drawn; all factors are uniform and independent."""

    size: int = field("side of the square images, in pixels", min=8)
    rotation_deg: float = field("rotation is within ± this, in degrees", min=0, max=180)
    shear_deg: float = field(
        "shear angle is within ± this, in degrees; at 45 a suit is a line", min=0, below=45
    )
    shift_px: float = field("shift along each axis is within ± this, in pixels", min=0)
    noise_sd: float = field(
        "sd of the Gaussian noise added to every pixel before clipping to [0, 1]", min=0
    )
    train_per_class: int = field("training images a suit, where train_size is null", min=1)
    val_per_class: int = field("validation images a suit, where val_size is null", min=1)
    labelled_per_class: int = field("labelled images a class, for models that learn labels", min=1)
    labelled_rotation_deg: float = field(
        "rotation of labelled images is within ± this, in degrees", min=0, max=180
    )
    labelled_shear_deg: float = field(
        "shear angle of labelled images is within ± this, in degrees", min=0, below=45
    )


def load(config: CardsConfig, seed: int) -> Splits:
    """Draw training and validation images, each from its own random stream.

    Suits alternate (clubs, spades, hearts, diamonds, clubs, ...), so that the first n images of a
    set are balanced and equal to a set of n images. ``index`` counts through both splits.
    """
    n_train, n_val = _sizes(config)
    train_seed, val_seed, _ = np.random.SeedSequence(seed).spawn(3)
    return Splits(
        train=_image_set(config, n_train, 0, train_seed),
        val=_image_set(config, n_val, n_train, val_seed),
        classes=list(SUITS),
        symmetry=list(SYMMETRY),
    )


def load_labelled(config: CardsConfig, seed: int, splits: Splits) -> ImageSet:
    """Draw labelled cards from a random stream and a range of poses of their own.

    ``index`` continues that of the validation images.
    """
    del splits
    ranges = dataclasses.replace(
        config, rotation_deg=config.labelled_rotation_deg, shear_deg=config.labelled_shear_deg
    )
    labelled_seed = np.random.SeedSequence(seed).spawn(3)[2]
    n = config.labelled_per_class * len(SUITS)
    return _image_set(ranges, n, sum(_sizes(config)), labelled_seed)


def _sizes(config: CardsConfig) -> tuple[int, int]:
    """Numbers of training and validation images."""
    n_train = config.train_size or config.train_per_class * len(SUITS)
    return n_train, config.val_size or config.val_per_class * len(SUITS)


def draw(label: Tensor, factors: dict[str, Tensor], size: int) -> Tensor:
    """Cards with given factors, (N, 1, S, S) in [0, 1], white on black.

    Parameters
    ----------
    label
        (N,) suit of each image, as an index into `SUITS`.
    factors
        ``angle`` and ``shear`` in radians, ``shift_row`` and ``shift_column`` in pixels, (N,)
        each.
    size
        S, the side of the images in pixels.
    """
    matrix = geometry.rotation(factors["angle"]) @ geometry.shear(factors["shear"])  # shear first
    shift_px = torch.stack([factors["shift_row"], factors["shift_column"]], dim=1)
    images = torch.empty(len(label), 1, size, size)
    for k, suit in enumerate(SUITS):
        master = rasterise(suit, size * _MASTER)
        for chunk in (label == k).nonzero().flatten().split(_CHUNK):
            images[chunk] = warped(master, matrix[chunk], shift_px[chunk], size)
    return images


def _image_set(
    config: CardsConfig, n: int, first_index: int, seed: np.random.SeedSequence
) -> ImageSet:
    """Draw n cards, with separate random streams for factors, noise, and noise when unposed."""
    factor_seed, noise_seed, unposed_seed = seed.spawn(3)
    ranges = {
        "angle": math.radians(config.rotation_deg),
        "shear": math.radians(config.shear_deg),
        "shift_row": config.shift_px,
        "shift_column": config.shift_px,
    }
    uniform = np.random.default_rng(factor_seed).uniform(-1, 1, (n, len(ranges)))
    columns = torch.from_numpy((uniform * list(ranges.values())).astype(np.float32))
    factors = dict(zip(ranges, columns.T.contiguous(), strict=True))
    label = torch.arange(n) % len(SUITS)

    def unposed(index: Tensor) -> Tensor:
        return _noisy(config, label[index], without_pose(factors, index), unposed_seed)

    return ImageSet(
        images=_noisy(config, label, factors, noise_seed),
        label=label,
        index=torch.arange(first_index, first_index + n),
        factors=factors,
        unposed=unposed,
    )


def _noisy(
    config: CardsConfig, label: Tensor, factors: dict[str, Tensor], seed: np.random.SeedSequence
) -> Tensor:
    """Cards with given factors (N, 1, S, S), and noise from a random stream."""
    images = draw(label, factors, config.size)
    if config.noise_sd > 0:
        _add_noise(images, config.noise_sd, np.random.default_rng(seed))
    return images


def _add_noise(images: Tensor, sd: float, rng: np.random.Generator) -> None:
    """Add Gaussian noise to the images in place and clip them to [0, 1]."""
    for chunk in images.split(_CHUNK):
        noise = rng.standard_normal(chunk.shape, dtype=np.float32)
        chunk.add_(torch.from_numpy(noise), alpha=sd).clamp_(0, 1)
