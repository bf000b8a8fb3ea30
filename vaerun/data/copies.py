"""Images that are copies of others: a stuck camera, a file saved twice, frames of no change."""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vaerun.data.image_set import Images
from vaerun.utils.arrays import n_at_once

_CHUNK = 500  # images compared at once
_MOST_BYTES = 2**29  # of images that are compared of sets on disk, evenly spread
_NAMED = 5


class Copies(NamedTuple):
    """Copies among some images.

    Attributes
    ----------
    n
        Images that were compared, without constant ones.
    first
        Positions of the images that others are copies of, in ascending order.
    copies
        Positions of their copies, in ascending order.
    """

    n: int
    first: list[int]
    copies: list[int]

    @property
    def are_all_one(self) -> bool:
        """Whether there are several images, and all are one and the same."""
        return self.n > 1 and len(self.copies) == self.n - 1


def find_copies(parts: Sequence[Images], index: Tensor) -> Copies:
    """Images (n, C, H, W) of several sets that are equal in every pixel to an earlier one.

    Images that are constant are not compared. ``index`` (N,) has the position of each image, set
    after set.
    """
    seen: dict[bytes, int] = {}
    first, copies, start = set[int](), list[int](), 0
    for images in parts:
        rows = torch.arange(len(images))
        most = max(_MOST_BYTES // (4 * images.shape[1:].numel()), 1)
        if not isinstance(images, Tensor) and len(images) > most:
            rows = torch.linspace(0, len(images) - 1, most).long()
        for chunk in rows.split(n_at_once(images.shape[1:].numel(), _CHUNK)):
            pixels = images[chunk].flatten(1)
            varies = (pixels != pixels[:, :1]).any(1)
            for row, image in zip(chunk[varies].tolist(), pixels[varies].numpy(), strict=True):
                digest = hashlib.blake2b(image.tobytes(), digest_size=16).digest()
                position = int(index[start + row])
                earlier = seen.setdefault(digest, position)
                if earlier != position:
                    first.add(earlier)
                    copies.append(position)
        start += len(images)
    return Copies(len(seen) + len(copies), sorted(first), sorted(copies))


def equal_frames(frames: Sequence[npt.NDArray[np.float32]]) -> str:
    """Text on frames (H', W') that are equal to an earlier one; empty if there are none."""
    seen: dict[bytes, int] = {}
    copies: list[str] = []
    for i, frame in enumerate(frames):
        digest = hashlib.blake2b(repr(frame.shape).encode() + frame.tobytes(), digest_size=16)
        first = seen.setdefault(digest.digest(), i)
        if first != i:
            copies.append(f"{i} of {first}")
    if not copies:
        return ""
    some = ", ".join(copies[:_NAMED]) + ", …" * (len(copies) > _NAMED)
    return (
        f"{len(copies):,} of {len(frames):,} frames are copies of others ({some}, counted from "
        "0), so that validation may hold what training saw"
    )


def describe(copies: Copies) -> str:
    """Text on copies among images; empty if there are none."""
    if not copies.copies:
        return ""
    some = ", ".join(map(str, copies.copies[:_NAMED])) + ", …" * (len(copies.copies) > _NAMED)
    others = ", ".join(map(str, copies.first[:_NAMED])) + ", …" * (len(copies.first) > _NAMED)
    return (
        f"{len(copies.copies):,} of {copies.n:,} images are copies of others (images {some} of "
        f"{others}, counted from 0), so that validation may hold what training saw"
    )
