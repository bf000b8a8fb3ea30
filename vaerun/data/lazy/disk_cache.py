"""All images of a set in one file, one after the other, to be streamed from.

A folder of files is slow to read in a shuffled order, and so is a packed one; one file of equal
pieces is not. It is written once, into ``data.root``, under a digest of the user's files and of
how their images are cut and resampled. Brightness is left to whoever reads, so that every seed,
split and window shares the file.

Numbers of 8 and 16 bits stay so, unless they are averaged or resampled: reading is what streaming
costs. All others are kept as `preparing.numbers` makes them, float32 or, where that is too
coarse, double. So what is read here is to the last bit what would be read from the user's files.
"""

import logging
import time
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import torch

from vaerun.data.io.formats import readable
from vaerun.data.io.lazy_array import Array, LazyArray
from vaerun.data.lazy.file_images import FileImages
from vaerun.data.lazy.image_files import ImageFiles
from vaerun.data.lazy.preprocessing import float_type
from vaerun.utils.arrays import path_of, written

# N images of C channels, H × W pixels each.

_VERSION = 1  # of what is written
_ABANDONED = 3600  # seconds after which a half-written file is no one's

log = logging.getLogger(__name__)


class Cached(NamedTuple):
    """Images in a cache file.

    Attributes
    ----------
    stack
        (N, C, H, W) all of them, in the order of the user's files.
    n_mended
        How many had pixels that are no numbers.
    """

    stack: FileImages
    n_mended: int


class _Opened(NamedTuple):
    stored: LazyArray
    n_mended: int


def cached_images(stack: FileImages, digest: bytes, root: Path) -> Cached:
    """The images of files in one file, which is written unless it is there.

    Parameters
    ----------
    stack
        All images of its source, in their order.
    digest
        Of the files.
    root
        ``data.root``.

    Raises
    ------
    UserError
        If an image cannot be read, or the file not be written.
    """
    path = path_of(root / "images", "images", _key(stack, digest), ".h5")
    opened = _opened(path, stack)
    if opened is None:
        _clear_abandoned(path)
        size = _type(stack).itemsize * stack.shape.numel() / 2**30
        log.info(f"writing images to stream, {size:.1f} GB, once: {path}")
        with written(path) as unfinished:
            _write(unfinished, stack)
        opened = _opened(path, stack)
        assert opened is not None, path
    source = ImageFiles.of(path, opened.stored)
    whole = FileImages(
        source=source,
        rows=torch.arange(len(stack)),
        prepare=stack.prepare,
        window=stack.window,
    )
    return Cached(whole, opened.n_mended)


def _key(stack: FileImages, digest: bytes) -> dict[str, Any]:
    """What the file depends on: not the brightness, nor where the user's files lie."""
    prepare, source = stack.prepare, stack.source
    layouts = (entry.layout for entry in source.entries)
    return {
        "version": _VERSION,
        "files": digest.hex(),
        "key": source.wanted.key,
        "layouts": [[*layout, len(list(same))] for layout, same in groupby(layouts)],
        "grey": prepare.grey,
        "crop": prepare.crop,
        "pad": prepare.pad,
        "size": prepare.size,
    }


def _type(stack: FileImages) -> np.dtype[Any]:
    """Of the numbers that are written."""
    given = np.result_type(*stack.source.types).newbyteorder("=")
    prepare = stack.prepare
    is_averaged = prepare.grey and any(e.layout.shape[0] > 1 for e in stack.source.entries)
    is_small = given.kind in "iu" and float_type(given) == np.float32
    if is_small and not is_averaged and prepare.size is None:
        return given
    return np.result_type(*map(float_type, stack.source.types))


def _write(path: Path, stack: FileImages) -> None:
    """One contiguous data set, and how many images were mended as an attribute."""
    n_mended = 0
    with h5py.File(path, "w") as file:
        images = file.create_dataset("images", tuple(stack.shape), _type(stack))
        for begin in range(0, len(stack), stack.chunk):
            for where, some, n_bad in stack.select(
                slice(begin, begin + stack.chunk)
            ).resized_chunks():
                first = begin + int(where[0])  # a file's images stand together
                images[first : first + len(where)] = some.numpy().astype(images.dtype)
                n_mended += n_bad
        file.attrs["n_mended"] = n_mended


def _opened(path: Path, stack: FileImages) -> _Opened | None:
    """The file, read in parts; None if it is absent, broken, or not whole."""
    shape, dtype = tuple(stack.shape), _type(stack)
    try:
        with h5py.File(path) as file:
            images, n_mended = file["images"], int(file.attrs["n_mended"])
            offset = images.id.get_offset()
            same = images.shape == shape and images.dtype == dtype
        size = int(np.prod(shape)) * dtype.itemsize
        if not same or offset is None or path.stat().st_size < offset + size:
            return None
    except (OSError, KeyError, RuntimeError, AttributeError, TypeError, ValueError):
        return None
    row = size // shape[0]

    def read(part: slice) -> Array:
        # neither mapped, which would count as our memory, nor by HDF5, which has one lock for all
        first, last, _ = part.indices(shape[0])
        count = max(last - first, 0)
        begin = offset + first * row
        flat = np.fromfile(path, dtype, count * row // dtype.itemsize, offset=begin)
        return flat.reshape(count, *shape[1:])

    stored = LazyArray(
        shape=shape, dtype=dtype, read=lambda part: readable(path, lambda: read(part))
    )
    return _Opened(stored, n_mended)


def _clear_abandoned(path: Path) -> None:
    """Remove what a process that was killed has left of this very file."""
    for other in path.parent.glob(f".*.{path.name}"):
        if time.time() - other.stat().st_mtime > _ABANDONED:
            other.unlink(missing_ok=True)
