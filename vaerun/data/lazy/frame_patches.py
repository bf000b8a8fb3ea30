"""Image tensor of patches that are cut from frames when indexed.

Patches around neighbouring atoms overlap, so that a tensor of them would hold every pixel of a
frame hundreds of times. A `FramePatches` looks like such a tensor, but holds each frame once and
the first pixel of each patch.

patches = FramePatches.cut(frames, frame, centre, size=(40, 40))
patches[:10]                           # (10, 1, 40, 40), a tensor
patches.select(mask)                   # some of the patches; nothing is cut yet
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vaerun.utils.arrays import n_at_once

# N patches of C channels, H × W pixels each.

_OWN_SD = 0.2  # of a patch that is scaled by itself: 2.5 sd are not clipped
_CHUNK = 2000  # patches cut out at once: some 10 MB at 40 × 40


@dataclass(frozen=True, kw_only=True, eq=False)
class FramePatches:
    """N patches, like a tensor (N, C, H, W) of which only the indexed part is cut out.

    Attributes
    ----------
    pixels
        (P,) float32, all pixels of all frames, row by row, one frame after the other.
    start
        (N, C) int64, position in `pixels` of the top left pixel of each channel.
    stride
        (N,) int64, width of the frame of each patch: from a pixel to the one below it.
    size
        (H, W) of the patches.
    own_scale
        Whether each channel of a patch is scaled by its own mean and sd, to mean ½.
    known
        (P,) boolean, which of the pixels were measured; None: all.
    """

    pixels: Tensor
    start: Tensor
    stride: Tensor
    size: tuple[int, int]
    own_scale: bool = False
    known: Tensor | None = None
    ndim: ClassVar[int] = 4
    dtype: ClassVar[torch.dtype] = torch.float32

    @classmethod
    def cut(
        cls,
        frames: Sequence[Tensor],
        frame: npt.ArrayLike,
        centre: npt.ArrayLike,
        size: tuple[int, int],
        *,
        own_scale: bool = False,
        measured: Sequence[npt.NDArray[np.bool_] | None] = (),
    ) -> "FramePatches":
        """Patches centred on given points, to the nearest pixel; all must be `inside`.

        Parameters
        ----------
        frames
            Frames (H', W') float32 as a model sees them; they may differ in size.
        frame
            (N,) number of the frame, or (N, C) of one for each channel, of the same size.
        centre
            (N, 2) row and column, pixels of the frame, or (N, C, 2) of each channel.
        size
            (H, W) of the patches.
        own_scale
            See the attribute.
        measured
            (H', W') of each frame, which pixels were measured, None: all; or nothing.
        """
        number, points = _numbers(frame), np.asarray(centre, np.float64)
        shapes = [(f.shape[0], f.shape[1]) for f in frames]
        assert inside(shapes, number, points, size).all(), "a patch leaves its frame"
        shape = np.array(shapes)[number]  # (N, C, 2)
        assert (shape == shape[:, :1]).all(), "the channels of a patch are frames of one size"
        begin = np.cumsum([0, *(f.numel() for f in frames)])[number]  # (N, C)
        corner = _corner(points, size)
        row, column = np.moveaxis(corner if corner.ndim == 3 else corner[:, None], -1, 0)
        stride = shape[:, 0, 1]
        flat = [f.flatten() for f in frames]
        return cls(
            # a single frame is not copied
            pixels=torch.cat(flat) if len(flat) > 1 else flat[0],
            start=torch.from_numpy(begin + row * stride[:, None] + column),
            stride=torch.from_numpy(stride),
            size=size,
            own_scale=own_scale,
            known=_known(frames, measured),
        )

    @classmethod
    def concatenate(cls, stacks: Sequence["FramePatches"]) -> "FramePatches":
        """Patches of several stacks, one after the other; shared frames are held once."""
        size, own_scale = stacks[0].size, stacks[0].own_scale
        assert all(stack.size == size and stack.own_scale == own_scale for stack in stacks)
        distinct = {id(stack.pixels): stack.pixels for stack in stacks}
        ends = np.cumsum([0, *(len(pixels) for pixels in distinct.values())])
        begin = dict(zip(distinct, ends.tolist(), strict=False))
        first = stacks[0].pixels
        masks = {id(stack.pixels): stack.known for stack in stacks}
        known = [
            torch.ones_like(distinct[number], dtype=torch.bool) if mask is None else mask
            for number, mask in masks.items()
        ]
        return cls(
            pixels=first if len(distinct) == 1 else torch.cat(list(distinct.values())),
            start=torch.cat([stack.start + begin[id(stack.pixels)] for stack in stacks]),
            stride=torch.cat([stack.stride for stack in stacks]),
            size=size,
            own_scale=own_scale,
            known=None if all(mask is None for mask in masks.values()) else torch.cat(known),
        )

    @property
    def measured(self) -> "FramePatches | None":
        """Which pixels of the patches were measured, boolean; None: all."""
        if self.known is None:
            return None
        return replace(self, pixels=self.known, own_scale=False, known=None)

    @property
    def shape(self) -> torch.Size:
        """(N, C, H, W)."""
        return torch.Size((*self.start.shape, *self.size))

    @property
    def device(self) -> torch.device:
        """Device of the frames and of the patches."""
        return self.pixels.device

    def __len__(self) -> int:
        return len(self.start)

    def __getitem__(self, index: slice | Tensor) -> Tensor:
        """Patches (n, C, H, W) at a slice, positions (n,) int64 or a boolean mask (N,)."""
        height, width = self.size
        start, stride = self.start[index], self.stride[index]
        down = torch.arange(height, device=self.device)
        row = start[:, :, None] + stride[:, None, None] * down  # (n, C, H)
        # index rows of W pixels: six times faster than indexing pixels
        cut, known = (
            None
            if pixels is None
            else pixels.unfold(0, width, 1).index_select(0, row.flatten()).view(*row.shape, width)
            for pixels in (self.pixels, self.known if self.own_scale else None)
        )
        assert cut is not None
        return _scaled(cut, known) if self.own_scale else cut

    def select(self, index: slice | Tensor) -> "FramePatches":
        """Patches at the same indices as `__getitem__` takes, not cut out yet."""
        return replace(self, start=self.start[index], stride=self.stride[index])

    def split(self, n: int) -> Iterator[Tensor]:
        """Yield all patches, n at a time, (n, C, H, W) each."""
        for begin in range(0, len(self), n):
            yield self[begin : begin + n]

    def as_tensor(self) -> Tensor:
        """All patches, (N, C, H, W)."""
        patches = self.pixels.new_empty(self.shape)
        chunk = n_at_once(self.shape[1:].numel(), _CHUNK)
        for some, cut in zip(patches.split(chunk), self.split(chunk), strict=False):
            some.copy_(cut)
        return patches

    def to(self, device: torch.device) -> "FramePatches":
        """Patches whose frames are on a device."""
        names = ("pixels", "start", "stride", *(["known"] if self.known is not None else []))
        return replace(self, **{name: getattr(self, name).to(device) for name in names})

    def fingerprint_parts(self) -> list[Tensor]:
        """Tensors that identify the patches, without cutting them out."""
        parts = [self.pixels, self.start, self.stride, torch.tensor(self.size)]
        return [*parts, torch.tensor(1)] if self.own_scale else parts

    def __post_init__(self) -> None:
        assert self.pixels.ndim == 1, self.pixels.shape
        assert self.pixels.is_contiguous()
        assert self.pixels.dtype in (torch.float32, torch.bool), self.pixels.dtype
        assert self.known is None or self.known.shape == self.pixels.shape
        assert self.start.ndim == 2, self.start.shape
        assert self.stride.shape == self.start.shape[:1], self.stride.shape


def _known(
    frames: Sequence[Tensor], measured: Sequence[npt.NDArray[np.bool_] | None]
) -> Tensor | None:
    """Which pixels (P,) of all frames were measured; None: all."""
    if all(mask is None for mask in measured):
        return None
    masks = [
        torch.ones(frame.numel(), dtype=torch.bool) if mask is None else torch.from_numpy(mask)
        for frame, mask in zip(frames, measured, strict=True)
    ]
    return torch.cat([mask.flatten() for mask in masks])


def _scaled(images: Tensor, measured: Tensor | None = None) -> Tensor:
    """Images (n, C, H, W) with the same mean ½ and sd, clipped to [0, 1]; constant ones are ½.

    Mean and sd are of the pixels that were ``measured`` (n, C, H, W); the others become ½.
    """
    if measured is None:
        centred = images - images.mean((-2, -1), keepdim=True)
        sd = centred.square().mean((-2, -1), keepdim=True).sqrt()
    else:
        n = measured.sum((-2, -1), keepdim=True).clamp_min(1)
        mean = torch.where(measured, images, 0.0).sum((-2, -1), keepdim=True) / n
        centred = torch.where(measured, images - mean, 0.0)
        sd = (centred.square().sum((-2, -1), keepdim=True) / n).sqrt()
    return (0.5 + _OWN_SD * centred / sd.clamp_min(1e-6)).clamp(0, 1)


def inside(
    frame_shapes: Sequence[tuple[int, int]],
    frame: npt.ArrayLike,
    centre: npt.ArrayLike,
    size: tuple[int, int],
) -> npt.NDArray[np.bool_]:
    """Boolean mask (N,) of the patches that lie completely inside their frames.

    Parameters
    ----------
    frame_shapes
        (H', W') of each frame.
    frame
        (N,) number of the frame, or (N, C) of one for each channel.
    centre
        (N, 2) row and column, pixels of the frame, or (N, C, 2) of each channel.
    size
        (H, W) of the patches.
    """
    shape = np.array(frame_shapes)[_numbers(frame)]  # (N, C, 2)
    corner = _corner(np.asarray(centre, np.float64), size)
    corner = corner if corner.ndim == 3 else corner[:, None]
    fits = (corner >= 0) & (corner + np.array(size) <= shape)
    return np.asarray(fits.all((1, 2)))


def measured_share(
    measured: npt.NDArray[np.bool_], centre: npt.NDArray[np.float64], size: tuple[int, int]
) -> npt.NDArray[np.float64]:
    """Share of measured pixels of each patch of a frame, (n,).

    Parameters
    ----------
    measured
        (H', W'), which pixels of the frame are measured.
    centre
        (n, 2) row and column of patches that are `inside` the frame.
    size
        (H, W) of the patches.
    """
    total = np.pad(measured, ((1, 0), (1, 0))).astype(np.int64).cumsum(0).cumsum(1)
    top, left = _corner(centre, size).T
    bottom, right = top + size[0], left + size[1]
    n = total[bottom, right] - total[top, right] - total[bottom, left] + total[top, left]
    return np.asarray(n / (size[0] * size[1]))


def _numbers(frame: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Number of the frame of each channel, (N, C)."""
    number = np.asarray(frame, np.int64)
    assert (number >= 0).all()
    return number[:, None] if number.ndim == 1 else number


def _corner(centre: npt.NDArray[np.float64], size: tuple[int, int]) -> npt.NDArray[np.int64]:
    """Row and column of the top left pixel, (N, 2) or (N, C, 2) as the centres.

    Halves are rounded up: rounded to even numbers, patches of even side around integer centres
    would alternately be one pixel too far in either direction.
    """
    first = centre - (np.array(size) - 1) / 2
    return np.floor(first + 0.5).astype(np.int64)
