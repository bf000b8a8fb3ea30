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

from vaerun.data.io.lazy_array import Array
from vaerun.data.lazy.image_files import ImageFiles
from vaerun.data.lazy.preprocessing import FILLED, Preprocessing, Window, as_floats
from vaerun.utils.errors import UserError

# N images of C channels, H × W pixels each.

_AT_ONCE = 32 * 2**20  # bytes of images that are read at once


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
    device
        Device of the tensors that indexing returns.
    held_bytes
        Bytes of unprocessed images that a stream may hold at a time.
    """

    source: ImageFiles
    rows: Tensor
    prepare: Preprocessing
    window: Window | None = None
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
        size = self.prepare.output_shape(self.source.entries[0].axes.shape)
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
        images = torch.empty(chosen.shape)
        for where, some, _ in chosen.resized_chunks():
            images[where] = self.prepare.to_unit_range(some, self.window)
        return images.to(self.device)

    def measured(self) -> npt.NDArray[np.bool_]:
        """Which images have a pixel that is a number, (N,)."""
        found = np.ones(len(self), bool)
        for begin in range(0, len(self), self.chunk):
            rows = self.rows[begin : begin + self.chunk].numpy()
            for where, entry, array in self.source.groups(rows):
                if entry.dtype.kind == "f":
                    with np.errstate(invalid="ignore"):
                        found[begin + where] = (np.abs(array) < FILLED).any((1, 2, 3))
        return found

    def resized_chunks(self, *, with_lost: bool = False) -> Iterator[tuple[Tensor, Tensor, int]]:
        """Yield all images, cropped and resized but with their original intensities.

        Parameters
        ----------
        with_lost
            Whether images without a pixel that is a number are NaN, and no error.

        Yields
        ------
        tuple[Tensor, Tensor, int]
            Positions (n,) of some images, the images (n, C, H, W) as float32 or double, and how
            many of them had pixels that are not numbers.

        Raises
        ------
        UserError
            If an image has no pixel that is a number.
        """
        for where, entry, array in self.source.groups(self.rows.numpy()):
            images, n_repaired = as_floats(array)
            if (
                n_repaired
                and not with_lost
                and bool((lost := images.isnan().flatten(1).any(1)).any())
            ):
                row = int(self.rows[torch.from_numpy(where)][lost][0])
                what = f"image {row} of data.path, in {entry.file}, has no pixel that is a number"
                hint = "leave it out, or skip such images by data.skip_unreadable=true"
                raise UserError(what, hint)
            yield torch.from_numpy(where), self.prepare.crop_and_resize(images), n_repaired

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

    def preprocess(self, images: Array) -> Tensor:
        """Images from `read_raw` as a model sees them, (n, C, H, W)."""
        resized = self.prepare.crop_and_resize(as_floats(images)[0])
        return self.prepare.to_unit_range(resized, self.window).to(self.device)

    def select(self, index: slice | Tensor) -> "FileImages":
        """Images at the same indices as `__getitem__` takes, not read yet."""
        return replace(self, rows=self.rows[index.cpu() if isinstance(index, Tensor) else index])

    def split(self, n: int) -> Iterator[Tensor]:
        """Yield all images, n at a time, (n, C, H, W) each."""
        for begin in range(0, len(self), n):
            yield self[begin : begin + n]

    def as_tensor(self) -> Tensor:
        """All images, (N, C, H, W)."""
        images = torch.empty(self.shape, device=self.device)
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
