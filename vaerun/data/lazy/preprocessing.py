"""From the numbers in a file to images as a model sees them: cropped, resized, in [0, 1]."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vaerun.data.io.fill_values import FillValues
from vaerun.data.io.lazy_array import Array
from vaerun.utils.errors import UserError

# n images of C channels, H × W pixels each.

Size = tuple[int, int]
Window = tuple[float, float]

SCALES = ("none", "log", "sqrt")
_DECADES = 1000.0  # the ratio of bright to dark that a logarithm spreads evenly
_MEASURED = 0.5  # least share of a resampled pixel


def float_type(given: np.dtype[Any]) -> np.dtype[Any]:
    """Float type that represents the numbers of a type without loss; float32 if it suffices."""
    wide = given.itemsize > (4 if given.kind == "f" else 2)
    return np.dtype(np.float64 if wide else np.float32)


class Floats(NamedTuple):
    """Images as floats, and what was measured of them.

    Attributes
    ----------
    images
        (n, C, H, W); what was not measured goes on like what surrounds it, NaN if nothing was.
    measured
        (n, C, H, W) boolean; None: all.
    """

    images: Tensor
    measured: Tensor | None = None


def as_floats(images: Array, fills: FillValues | None = None) -> Floats:
    """Images (n, C, H, W) in the type `float_type`; ``fills`` stand for what was not measured."""
    with np.errstate(over="ignore"):  # of a long double
        floats = np.ascontiguousarray(images, float_type(images.dtype))
    measured = (fills or FillValues()).measured(images)
    if measured is None:
        return Floats(torch.from_numpy(floats))
    if floats is images:  # the caller's array stays as it is
        floats = floats.copy()
    known, images_filled = torch.from_numpy(measured), torch.from_numpy(floats)
    some = (~known).flatten(1).any(1)
    images_filled[some] = _filled(images_filled[some], known[some])
    return Floats(images_filled, known)


def _filled(images: Tensor, measured: Tensor) -> Tensor:
    """Images (n, C, H, W), of which gaps get the mean of what was measured around them.

    Around a pixel is the smallest square, of sides 2, 4, 8, …, with a measured pixel; the mean
    goes over smoothly from square to square. A constant, such as the median, would tell an
    encoder where the gap is, wherever the background is another.
    """
    total, count = torch.where(measured, images, 0.0), measured.to(images.dtype)
    coarse = total / count  # NaN in gaps
    if bool(measured.all()) or max(images.shape[2:]) == 1:
        return coarse
    pool = partial(F.avg_pool2d, kernel_size=2, ceil_mode=True)
    count = pool(count)
    around = _filled(pool(total) / count, count > 0)
    size = (images.shape[2], images.shape[3])
    around = F.interpolate(around, size, mode="bilinear")
    return torch.where(measured, images, around)


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """Steps that every image goes through, in the order of the attributes; sizes are (H, W)."""

    grey: bool = False  # average the channels
    resample_nm: float | None = None  # bring files of a known pixel size to pixels of these nm
    crop: Size | None = None  # cut the middle out of larger images
    pad: Size | None = None  # pad smaller images with the median of their border
    size: Size | None = None  # resample
    normalise: str = "auto"  # image: each by its own darkest and brightest pixel; else by a window
    clip_percent: float = 0.0  # of the pixels that become 0, and 1, if normalised by image
    scale: str = "none"  # how brightness is spread, see `spread`
    mask: bool = False  # blacken pixels outside the largest circle

    def at_pixel(self, sides: Size, pixel_nm: tuple[float, float] | None) -> Size:
        """Size of images whose file has another one, and pixels of so many nm high and wide."""
        if self.resample_nm is None or pixel_nm is None:
            return sides
        shares = (n * nm / self.resample_nm for n, nm in zip(sides, pixel_nm, strict=True))
        rows, columns = (max(round(share), 1) for share in shares)
        return rows, columns

    def output_shape(
        self, shape: tuple[int, int, int], pixel_nm: tuple[float, float] | None = None
    ) -> tuple[int, int, int]:
        """(C, H, W) of a preprocessed image that was of another (C, H, W)."""
        channels, *sides = shape
        sides = list(self.at_pixel((sides[0], sides[1]), pixel_nm))
        if self.crop:
            sides = [min(pair) for pair in zip(sides, self.crop, strict=True)]
        if self.pad:
            sides = [max(pair) for pair in zip(sides, self.pad, strict=True)]
        height, width = self.size or sides
        return 1 if self.grey else channels, height, width

    def crop_and_resize(
        self, given: Floats, pixel_nm: tuple[float, float] | None = None
    ) -> Floats:
        """Images (n, C, H', W') of one size, brought to (n, C, H, W) with their intensities.

        Averages are over the measured pixels; padding counts as measured.
        """
        images, measured = given
        if self.grey:
            images, measured = _averaged(images, measured, lambda x: x.mean(1, keepdim=True))
        size = self.at_pixel((images.shape[2], images.shape[3]), pixel_nm)
        images, measured = _resized(images, measured, size)
        if self.crop:
            images = _cropped(images, self.crop)
            measured = None if measured is None else _cropped(measured, self.crop)
        if self.pad:
            around = _border_median(images)
            images = _padded(images, self.pad, around)
            measured = None if measured is None else _padded(measured, self.pad)
        if self.size:
            images, measured = _resized(images, measured, self.size)
        return Floats(images, measured)

    def to_unit_range(self, images: Tensor, window: Window | None) -> Tensor:
        """Images (n, C, H, W) from `crop_and_resize` with intensities in [0, 1], float32."""
        if self.normalise == "image":
            low, high = self._windows(images)
        elif self.normalise == "none" or window is None:
            check_range(*(float(end) for end in torch.aminmax(images)))
            low, high = images.new_zeros(()), images.new_ones(())
        else:
            low, high = images.new_tensor(window)
        tiny = torch.finfo(images.dtype).tiny  # constant images become 0
        span = torch.where(high > low, high - low, tiny)
        unit = (images - low).div_(span).clamp_(0, 1).float()
        unit = spread(unit, self.scale)
        return unit * _circle(unit) if self.mask else unit

    def _windows(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Intensities that become 0 and 1 in each image, (n, 1, 1, 1) each."""
        flat = images.flatten(1)
        if not self.clip_percent:
            ends = torch.stack(torch.aminmax(flat, dim=1))
        else:
            share = [self.clip_percent, 100 - self.clip_percent]
            ends = torch.from_numpy(np.percentile(flat.numpy(), share, axis=1)).to(images.dtype)
        low, high = ends[:, :, None, None, None]
        return low, high


def spread(unit: Tensor, scale: str) -> Tensor:
    """Brightness in [0, 1] as it is, its square root, or log(1 + 1000 x) / log(1001)."""
    assert scale in SCALES, scale
    if scale == "sqrt":
        return unit.sqrt()
    return unit if scale == "none" else (_DECADES * unit).log1p() / math.log1p(_DECADES)


def _resized(images: Tensor, measured: Tensor | None, size: Size) -> tuple[Tensor, Tensor | None]:
    """Images of another size, and where at least half is measured."""
    if size == tuple(images.shape[2:]):
        return images, measured
    resample = partial(F.interpolate, size=size, mode="bilinear", antialias=True)
    return _averaged(images, measured, resample)


def _averaged(
    images: Tensor, measured: Tensor | None, average: Callable[[Tensor], Tensor]
) -> tuple[Tensor, Tensor | None]:
    """Averages of images over their measured pixels, and where at least half is measured."""
    plain = average(images)
    if measured is None:
        return plain, None
    share = average(measured.to(images.dtype))
    # Of what surrounds a gap nothing is mixed with what fills it; inside there is that alone.
    known = average(torch.where(measured, images, 0.0)) / share.clamp_min(1e-6)
    return torch.where(share >= _MEASURED, known, plain), share >= _MEASURED


def _cropped(images: Tensor, size: Size) -> Tensor:
    for axis, side in zip((2, 3), size, strict=True):
        spare = images.shape[axis] - side
        if spare > 0:
            images = images.narrow(axis, spare // 2, side)
    return images


def _border_median(images: Tensor) -> Tensor:
    """Median (n, C, 1, 1) of the border of images, the best guess at what surrounds them."""
    border = [images[:, :, 0], images[:, :, -1], images[..., 0], images[..., -1]]
    return torch.cat(border, dim=2).median(dim=2).values[:, :, None, None]


def _padded(images: Tensor, size: Size, around: Tensor | None = None) -> Tensor:
    """Images surrounded by numbers (n, C, 1, 1) up to a size; masks by True."""
    sides = images.shape[2:]
    full = [max(pair) for pair in zip(sides, size, strict=True)]
    if full == list(sides):
        return images
    around = images.new_ones(()) if around is None else around
    padded = around.expand(*images.shape[:2], *full).clone()
    top, left = ((f - s) // 2 for f, s in zip(full, sides, strict=True))
    padded[:, :, top : top + sides[0], left : left + sides[1]] = images
    return padded


def _circle(images: Tensor) -> Tensor:
    """Mask (H, W) that is 1 within the largest circle about the middle."""
    height, width = images.shape[2:]
    row = torch.arange(height)[:, None] - (height - 1) / 2
    column = torch.arange(width) - (width - 1) / 2
    return (row.hypot(column) <= min(height, width) / 2).to(images.dtype)


def check_range(low: float, high: float) -> None:
    """Raise a `UserError` unless pixels from `low` to `high` lie in [0, 1]."""
    if low < 0 or high > 1:
        raise UserError(
            f"data.normalise=none, but there are pixels from {low:g} to {high:g}",
            "use data.normalise=auto: models see images from 0 to 1",
        )
