"""MNIST digits as they are, or rotated and shifted by known amounts on a larger field."""

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vaerun import geometry
from vaerun.config import schema
from vaerun.data.config import DataConfig
from vaerun.data.datasets.download import DataFile, obtain
from vaerun.data.image_set import ImagesAt, ImageSet, Splits
from vaerun.utils.errors import UserError

# N images, S side of an image in pixels.

_CHUNK = 2000  # digits rotated at once: some 30 MB at 28 × 28


@dataclass(frozen=True, kw_only=True, slots=True)
class MnistConfig(DataConfig):
    """How the digits are placed; a quantity of range 0 does not vary and is no factor."""

    field: int = schema.field("side of the square images, in pixels; a digit's own is 28", min=28)
    rotation_deg: float = schema.field(
        "rotation is uniform within ± this, degrees", min=0, max=180
    )
    rotation_sd_deg: float = schema.field("sd of a normal rotation, in degrees", min=0, max=180)
    shift_px: float = schema.field(
        "shift along each axis is uniform within ± this, in pixels", min=0
    )
    shift_sd_px: float = schema.field("sd of a normal shift along each axis, in pixels", min=0)

    labelled_per_class: int = schema.field(
        "labelled images a class, for models that learn labels", min=1
    )

    def __post_init__(self) -> None:
        for uniform, normal in (("rotation_deg", "rotation_sd_deg"), ("shift_px", "shift_sd_px")):
            width, sd = getattr(self, uniform), getattr(self, normal)
            if width > 0 and sd > 0:
                raise UserError(
                    f"data.{uniform}={width:g} and data.{normal}={sd:g} exclude each other",
                    f"set data.{uniform}=0 or data.{normal}=0",
                )


# images and labels of the training set, then of the test set: name, MD5, MD5 of the gzipped file
_REGISTRY = """
train-images-idx3-ubyte 6bbc9ace898e44ae57da46a324031adb f68b3c2dcbeaaa9fbdd348bbdeb94873
train-labels-idx1-ubyte a25bea736e30d166cdddb491f175f624 d53e105ee54ea40749a09fcbcd1e9432
t10k-images-idx3-ubyte 2646ac647ad5339dbf082846283269ea 9fb629c4189551a2d022fa330f9573f3
t10k-labels-idx1-ubyte 27ae3e4e09519cfbb04c329615203637 ec29112dd5afa0611ce80d1b7f02629c
"""
FILES = [DataFile(*line.split()) for line in _REGISTRY.strip().splitlines()]
MIRRORS = [
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
]


def load(config: MnistConfig, seed: int) -> Splits:
    """Digits of the training file as training images, of the test file as validation images.

    A smaller `train_size` or `val_size` takes a random part of a file, in the file's order.
    ``index`` counts through both files, so that validation begins at 60,000. The factors of the
    two splits are independent. Validation digits can also be drawn unposed.
    """
    root = Path(config.root).expanduser()
    train_seed, val_seed, _ = np.random.SeedSequence(seed).spawn(3)
    train, val = _read(root)
    _check_size("train_size", config.train_size, len(train.label))
    _check_size("val_size", config.val_size, len(val.label))
    n_train = len(train.label)
    val_images = _image_set(config, val, config.val_size, n_train, val_seed)
    unposed = _unposed(config, val.pixels[val_images.index.numpy() - n_train])
    return Splits(
        train=_image_set(config, train, config.train_size, 0, train_seed),
        val=dataclasses.replace(val_images, unposed=unposed),
        classes=[str(digit) for digit in range(10)],
        symmetry=[1] * 10,
    )


def load_labelled(config: MnistConfig, seed: int, splits: Splits) -> ImageSet:
    """Labelled digits from the training file, equally many of each class, in poses of their own.

    Some of them may also be training images, whose labels are hidden.
    """
    del splits
    digits, _ = _read(Path(config.root).expanduser())
    choice_seed, set_seed = np.random.SeedSequence(seed).spawn(3)[2].spawn(2)
    order = np.random.default_rng(choice_seed).permutation(len(digits.label))
    of_class = [order[digits.label[order] == j] for j in range(10)]
    fewest = min(len(members) for members in of_class)
    if config.labelled_per_class > fewest:
        raise UserError(
            f"data.labelled_per_class={config.labelled_per_class} is more than the {fewest} "
            "images of the rarest class",
            f"set data.labelled_per_class to {fewest} or less",
        )
    chosen = np.sort(np.concatenate([m[: config.labelled_per_class] for m in of_class]))
    some = _Digits(digits.pixels[chosen], digits.label[chosen])
    images = _image_set(config, some, None, 0, set_seed)
    return dataclasses.replace(images, index=torch.from_numpy(chosen))


def place(digits: Tensor, factors: dict[str, Tensor], field: int) -> Tensor:
    """Digits rotated about the centre of the field and shifted, (N, 1, S, S) in [0, 1].

    Parameters
    ----------
    digits
        (N, 1, 28, 28) in [0, 1].
    factors
        Any of ``angle`` in radians, ``shift_row`` and ``shift_column`` in pixels, (N,) each;
        absent ones are zero.
    field
        S, the side of the images in pixels.
    """
    side, zero = digits.shape[-1], torch.zeros(len(digits))
    if not factors and field == side:
        return digits
    pixel = geometry.pixel_size(field, field)
    matrix = geometry.rotation(factors.get("angle", zero))
    shift_px = [factors.get(name, zero) for name in ("shift_row", "shift_column")]
    shift = torch.stack(shift_px, dim=1) * pixel
    images = torch.empty(len(digits), 1, field, field)
    for chunk in torch.arange(len(digits)).split(_CHUNK):
        images[chunk] = geometry.warp(
            digits[chunk],
            matrix[chunk],
            shift[chunk],
            (field, field),
            extent=(side - 1) / 2 * pixel,
        )
    return images.clamp_(0, 1)


class _Digits(NamedTuple):
    """Digits of a pair of files: pixels (N, 28, 28) uint8, label (N,) uint8."""

    pixels: npt.NDArray[np.uint8]
    label: npt.NDArray[np.uint8]


def _read(root: Path) -> tuple[_Digits, _Digits]:
    """Digits of the training and of the test files."""
    folders = [root, root / "mnist", root / "MNIST" / "raw"]  # the last is torchvision's
    arrays = [_parse_idx(raw) for raw in obtain(FILES, folders, root / "mnist", MIRRORS)]
    return _Digits(*arrays[:2]), _Digits(*arrays[2:])


def _parse_idx(raw: bytes) -> npt.NDArray[np.uint8]:
    """Array in an idx file of bytes: 0, 0, type 8, rank, then big-endian sizes, then data."""
    assert raw[:3] == b"\x00\x00\x08", raw[:4]
    rank = raw[3]
    shape = np.frombuffer(raw, ">u4", count=rank, offset=4).astype(np.int64)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * rank).reshape(shape)


def _check_size(key: str, wanted: int | None, available: int) -> None:
    if wanted is not None and wanted > available:
        raise UserError(
            f"data.{key}={wanted} is more than the {available} images there are",
            f"set data.{key} to {available} or less, or to null for all",
        )


def _image_set(
    config: MnistConfig,
    digits: _Digits,
    size: int | None,
    first_index: int,
    seed: np.random.SeedSequence,
) -> ImageSet:
    """A random part of the digits, or all of them, in random poses."""
    choice_seed, factor_seed = seed.spawn(2)
    n = len(digits.label)
    chosen = np.sort(np.random.default_rng(choice_seed).permutation(n)[:size])
    of_all = _factors(config, n, np.random.default_rng(factor_seed))
    factors = {name: values[chosen] for name, values in of_all.items()}
    pixels = torch.from_numpy(digits.pixels[chosen])[:, None]
    return ImageSet(
        images=place(pixels.float().div_(255), factors, config.field),
        label=torch.from_numpy(digits.label[chosen].astype(np.int64)),
        index=torch.from_numpy(first_index + chosen),
        factors=factors,
    )


def _unposed(config: MnistConfig, pixels: npt.NDArray[np.uint8]) -> ImagesAt:
    """Digits (N, 28, 28) as they are in the file, in the middle of the field."""

    def images_at(index: Tensor) -> Tensor:
        digits = torch.from_numpy(pixels[index.numpy()])[:, None]
        return place(digits.float().div_(255), {}, config.field)

    return images_at


def _factors(config: MnistConfig, n: int, rng: np.random.Generator) -> dict[str, Tensor]:
    """Random factors of n digits, without those that do not vary."""
    width, sd = math.radians(config.rotation_deg), math.radians(config.rotation_sd_deg)
    angle = _draw(rng, n, width, sd)
    shift = [_draw(rng, n, config.shift_px, config.shift_sd_px) for _ in range(2)]
    factors = {}
    if width or sd:
        factors["angle"] = geometry.wrap(angle)
    if config.shift_px or config.shift_sd_px:
        factors["shift_row"], factors["shift_column"] = shift
    return factors


def _draw(rng: np.random.Generator, n: int, width: float, sd: float) -> Tensor:
    """Draw n values, uniform within ±width, or normal if sd is not 0."""
    values = rng.normal(0, sd, n) if sd else rng.uniform(-width, width, n)
    return torch.from_numpy(values.astype(np.float32))
