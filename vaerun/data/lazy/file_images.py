"""Images that are read from their files, and prepared, only when they are looked at.

To the rest of the program a `FileImages` looks like a tensor of images; a hundred thousand of them
take no more memory than the few that are in use.

stack[:10]                             # (10, 1, 48, 48), a tensor
stack.select(mask)                     # some of them; nothing is read yet
"""

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from vaerun.data.io.lazy_array import Array
from vaerun.data.lazy.image_files import ImageFiles
from vaerun.data.lazy.preprocessing import Preprocessing, Window, as_floats
from vaerun.utils.errors import UserError

# N images of C channels, H × W pixels each.

_AT_ONCE = 32 * 2**20  # bytes of images that are read at once


@dataclass(frozen=True, kw_only=True, eq=False)
class FileImages:
    """N images, like a tensor (N, C, H, W) that is read as far as it is indexed.

    Attributes
    ----------
    source
        Their files.
    rows
        (N,) int64, positions in the source.
    prepare
        What is done to them.
    window
        Intensities that become 0 and 1; None where each image has its own, or none has.
    device
        Where they are brought to.
    held_bytes
        Of images in their files' own numbers that a stream of them may hold at a time.
    """

    source: ImageFiles
    rows: Tensor
    prepare: Preprocessing
    window: Window | None = None
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    held_bytes: int = _AT_ONCE

    @classmethod
    def concatenate(cls, stacks: Sequence["FileImages"]) -> "FileImages":
        """The images of several stacks of one source, one after the other."""
        first = stacks[0]
        assert all(stack.source is first.source for stack in stacks)
        return replace(first, rows=torch.cat([stack.rows for stack in stacks]))

    @property
    def shape(self) -> torch.Size:
        """(N, C, H, W)."""
        return torch.Size(
            (len(self), *self.prepare.output_shape(self.source.entries[0].layout.shape))
        )

    @property
    def ndim(self) -> int:
        """Four, as of any images."""
        return 4

    @property
    def dtype(self) -> torch.dtype:
        """Of the images, whatever their files hold."""
        return torch.float32

    @property
    def chunk(self) -> int:
        """Images to read at once."""
        return max(_AT_ONCE // (4 * self.shape[1:].numel()), 1)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: slice | Tensor) -> Tensor:
        """Those of a slice, of positions (n,) int64 or of a mask (N,), (n, C, H, W)."""
        chosen = self.rows[index.cpu() if isinstance(index, Tensor) else index]
        images = torch.empty(len(chosen), *self.shape[1:])
        for where, some, _ in replace(self, rows=chosen).resized_chunks():
            images[where] = self.prepare.to_unit_range(some, self.window)
        return images.to(self.device)

    def resized_chunks(self) -> Iterator[tuple[Tensor, Tensor, int]]:
        """All images at their full size, of their own brightness, some at a time.

        Yields
        ------
        tuple[Tensor, Tensor, int]
            Where they stand (n,), the images (n, C, H, W), float32 or double, and how many had
            pixels that are no numbers.
        """
        for where, entry, array in self.source.groups(self.rows.numpy()):
            images, n_mended = as_floats(array)
            if n_mended and bool((lost := images.isnan().flatten(1).any(1)).any()):
                row = int(self.rows[torch.from_numpy(where)][lost][0])
                what = f"image {row} of data.path, in {entry.file}, has no pixel that is a number"
                raise UserError(what, "leave it out")
            yield torch.from_numpy(where), self.prepare.crop_and_resize(images), n_mended

    @property
    def n_windows(self) -> int:
        """Into how many parts they are divided, each to be held as a whole."""
        (entry,) = self.source.entries
        n_bytes = entry.dtype.itemsize * math.prod(entry.layout.shape) * len(self)
        return -(-n_bytes // self.held_bytes)

    def read_raw(self) -> Array:
        """All images in the numbers of their file, (N, C, H', W'), of which there is one."""
        (entry,) = self.source.entries
        images = np.empty((len(self), *entry.layout.shape), entry.dtype)
        for begin in range(0, len(self), self.chunk):
            rows = self.rows[begin : begin + self.chunk].numpy()
            for where, _, array in self.source.groups(rows):
                images[begin + where] = array
        return images

    def preprocess(self, images: Array) -> Tensor:
        """Some of the read_raw images as a model sees them, (n, C, H, W)."""
        shaped = self.prepare.crop_and_resize(as_floats(images)[0])
        return self.prepare.to_unit_range(shaped, self.window).to(self.device)

    def select(self, index: slice | Tensor) -> "FileImages":
        """The same images as by indexing, but not yet read."""
        return replace(self, rows=self.rows[index.cpu() if isinstance(index, Tensor) else index])

    def split(self, n: int) -> Iterator[Tensor]:
        """All images in turn, n at a time, (n, C, H, W) each."""
        for begin in range(0, len(self), n):
            yield self[begin : begin + n]

    def as_tensor(self) -> Tensor:
        """All images read, (N, C, H, W)."""
        whole = torch.empty(self.shape, device=self.device)
        for some, images in zip(whole.split(self.chunk), self.split(self.chunk), strict=False):
            some.copy_(images)
        return whole

    def to(self, device: torch.device) -> "FileImages":
        """The same, brought to a device when they are read."""
        return replace(self, device=device)

    def fingerprint_parts(self) -> list[Tensor]:
        """What tells these images from others: a digest of their pixels, (32,)."""
        digest = hashlib.sha256()
        for some in self.split(self.chunk):
            digest.update(some.cpu().numpy().tobytes())
        return [torch.from_numpy(np.frombuffer(digest.digest(), np.uint8).copy())]
