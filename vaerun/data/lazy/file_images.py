"""Image tensor that is read from files, and preprocessed, when indexed.

A `FileImages` looks like a tensor of images, but holds in memory no more than the images in use.

images[:10]                            # (10, 1, 48, 48), a tensor
images.select(mask)                    # some of the images; nothing is read yet
"""

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vaerun.data.io.fill_values import FillValues, look_for
from vaerun.data.io.lazy_array import Array, n_inexact
from vaerun.data.lazy.image_files import ImageFiles
from vaerun.data.lazy.preprocessing import Floats, Preprocessing, Window, as_floats
from vaerun.utils.arrays import evenly
from vaerun.utils.errors import UserError

# N images of C channels, H × W pixels each.

_AT_ONCE = 32 * 2**20  # bytes of images that are read at once
_MOST_SEARCHED, _MOST_NUMBERS = 2000, 2**26  # images, and numbers in them


@dataclass(frozen=True, kw_only=True, eq=False)
class FileImages:
    """N images, like a tensor (N, C, H, W) of which only the indexed part is read.

    Attributes
    ----------
    source
        Files of the images.
    rows
        (N,) int64, positions in the source.
    prepare
        Preprocessing of each image.
    window
        Intensities that become 0 and 1; None if each image has its own, or none is needed.
    fills
        What stands for pixels that were never measured, beside numbers that are none.
    as_mask
        Whether indexing returns which pixels were measured, boolean, in place of the images.
    device
        Device of the tensors that indexing returns.
    held_bytes
        Bytes of unprocessed images that a stream may hold at a time.
    """

    source: ImageFiles
    rows: Tensor
    prepare: Preprocessing
    window: Window | None = None
    fills: FillValues = field(default_factory=FillValues)
    as_mask: bool = False
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    held_bytes: int = _AT_ONCE
    ndim: ClassVar[int] = 4
    dtype: ClassVar[torch.dtype] = torch.float32

    @classmethod
    def concatenate(cls, parts: Sequence["FileImages"]) -> "FileImages":
        """Images of several parts of one source, one after the other."""
        first = parts[0]
        assert all(part.source is first.source for part in parts)
        return replace(first, rows=torch.cat([part.rows for part in parts]))

    @property
    def shape(self) -> torch.Size:
        """(N, C, H, W)."""
        first = self.source.entries[0]
        size = self.prepare.output_shape(first.axes.shape, first.sides_nm)
        return torch.Size((len(self), *size))

    @property
    def chunk(self) -> int:
        """Number of images to read at once."""
        return max(_AT_ONCE // (4 * self.shape[1:].numel()), 1)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: slice | Tensor) -> Tensor:
        """Images (n, C, H, W) at a slice, positions (n,) int64 or a boolean mask (N,)."""
        chosen = self.select(index)
        if self.as_mask:
            measured = torch.ones(chosen.shape, dtype=torch.bool)
            for where, (_, some) in chosen.resized_chunks():
                measured[where] = True if some is None else some
            return measured.to(self.device)
        images = torch.empty(chosen.shape)
        for where, (given, _) in chosen.resized_chunks():
            images[where] = self.prepare.to_unit_range(given, self.window)
        return images.to(self.device)

    def any_measured(self) -> npt.NDArray[np.bool_]:
        """Which images have a pixel that was measured, (N,)."""
        found = np.ones(len(self), bool)
        for begin in range(0, len(self), self.chunk):
            rows = self.rows[begin : begin + self.chunk].numpy()
            for where, entry, array in self.source.groups(rows):
                if entry.dtype.kind == "f" or self.fills:
                    measured = self.fills.measured(array)
                    if measured is not None:
                        found[begin + where] = measured.any((1, 2, 3))
        return found

    def n_inexact(self) -> int:
        """How many measured numbers are whole ones that a double rounds."""
        if not any(one.kind in "iu" and one.itemsize == 8 for one in self.source.types):
            return 0
        return sum(
            n_inexact(array, self.fills.measured(array))
            for begin in range(0, len(self), self.chunk)
            for *_, array in self.source.groups(self.rows[begin : begin + self.chunk].numpy())
        )

    def with_fills(self) -> "FileImages":
        """The images, with what stands for unmeasured pixels in at most 2,000 of them."""
        n_numbers = math.prod(self.source.entries[0].axes.shape)
        most = max(min(_MOST_SEARCHED, _MOST_NUMBERS // n_numbers), 1)
        rows = self.rows[torch.from_numpy(evenly(len(self), most))].numpy()
        by_type: dict[str, list[Array]] = {}
        for _, entry, array in self.source.groups(rows):
            by_type.setdefault(entry.dtype.str, []).append(array)
        found = [look_for(arrays) for arrays in by_type.values()]
        values = tuple(sorted({value for one in found for value in one.values}))
        return replace(self, fills=FillValues(values, any(one.borders for one in found)))

    def resized_chunks(self, *, with_lost: bool = False) -> Iterator[tuple[Tensor, Floats]]:
        """Yield all images, cropped and resized but with their original intensities.

        Parameters
        ----------
        with_lost
            Whether images without a measured pixel are NaN, and no error.

        Yields
        ------
        tuple[Tensor, Floats]
            Positions (n,) of some images, and the images (n, C, H, W), float32 or double.

        Raises
        ------
        UserError
            If no pixel of an image was measured.
        """
        for where, entry, array in self.source.groups(self.rows.numpy()):
            given = as_floats(array, self.fills)
            if given.measured is not None and not with_lost:
                lost = ~given.measured.flatten(1).any(1)
                if bool(lost.any()):
                    row = int(self.rows[torch.from_numpy(where)][lost][0])
                    what = f"image {row} of data.path, in {entry.file}, has no measured pixel"
                    hint = "leave it out, or skip such images by data.skip_unreadable=true"
                    raise UserError(what, hint)
            yield torch.from_numpy(where), self.prepare.crop_and_resize(given, entry.sides_nm)

    @property
    def n_windows(self) -> int:
        """Number of parts of at most `held_bytes` that a stream divides the images into."""
        (entry,) = self.source.entries
        n_bytes = entry.dtype.itemsize * math.prod(entry.axes.shape) * len(self)
        return -(-n_bytes // self.held_bytes)

    def read_raw(self) -> Array:
        """All images as the numbers in their file, of which there must be one, (N, C, H', W')."""
        (entry,) = self.source.entries
        images = np.empty((len(self), *entry.axes.shape), entry.dtype)
        for begin in range(0, len(self), self.chunk):
            rows = self.rows[begin : begin + self.chunk].numpy()
            for where, _, array in self.source.groups(rows):
                images[begin + where] = array
        return images

    def preprocess(self, images: Array) -> Floats:
        """Images from `read_raw` as a model sees them, (n, C, H, W)."""
        given, measured = self.prepare.crop_and_resize(as_floats(images, self.fills))
        unit = self.prepare.to_unit_range(given, self.window).to(self.device)
        return Floats(unit, None if measured is None else measured.to(self.device))

    def select(self, index: slice | Tensor) -> "FileImages":
        """Images at the same indices as `__getitem__` takes, not read yet."""
        return replace(self, rows=self.rows[index.cpu() if isinstance(index, Tensor) else index])

    def split(self, n: int) -> Iterator[Tensor]:
        """Yield all images, n at a time, (n, C, H, W) each."""
        for begin in range(0, len(self), n):
            yield self[begin : begin + n]

    def as_tensor(self) -> Tensor:
        """All images, (N, C, H, W)."""
        dtype = torch.bool if self.as_mask else torch.float32
        images = torch.empty(self.shape, device=self.device, dtype=dtype)
        for some, read in zip(images.split(self.chunk), self.split(self.chunk), strict=False):
            some.copy_(read)
        return images

    def to(self, device: torch.device) -> "FileImages":
        """Images that indexing brings to a device."""
        return replace(self, device=device)

    def fingerprint_parts(self) -> list[Tensor]:
        """Digest of the pixels, (32,) uint8, which identifies the images."""
        digest = hashlib.sha256()
        for some in self.split(self.chunk):
            digest.update(some.cpu().numpy().tobytes())
        return [torch.from_numpy(np.frombuffer(digest.digest(), np.uint8).copy())]
