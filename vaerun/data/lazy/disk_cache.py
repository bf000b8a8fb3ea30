"""Copy of all images of a set in one file, from which they are streamed.

Shuffled reading is slow from many files and from compressed ones, and fast from one file of
images of equal size. This file is written once, into ``data.root``, under a digest of the user's
files and of how the images are cropped and resized. Normalisation happens after reading, so that
all seeds, splits and windows share the file.

Numbers of 8 and 16 bits are stored as they are, unless images are averaged or resampled, or have
pixels that were not measured, since the speed of streaming depends on their size. Other numbers
are stored as `preprocessing.float_type`, with NaN for what was not measured. Images are therefore
identical to those read from the user's files.
"""

import logging
import time
from itertools import groupby
from pathlib import Path
from typing import Any

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

_VERSION = 2  # of the file's content
_ABANDONED = 3600  # age in seconds from which an unfinished file belongs to no running process

log = logging.getLogger(__name__)


def cached_images(
    images: FileImages, digest: bytes, root: Path, *, with_lost: bool = False
) -> FileImages:
    """All images of a source in a cache file.

    Images of which nothing was measured are NaN there, if ``with_lost``. The file, named by the
    digest of the source files, is written below `root` (``data.root``) if it does not exist.

    Raises
    ------
    UserError
        If an image cannot be read, or the file cannot be written.
    """
    path = path_of(root / "images", "images", _key(images, digest), ".h5")
    cached = _open(path, images)
    if cached is None:
        _clear_abandoned(path)
        size = _type(images).itemsize * images.shape.numel() / 2**30
        log.info(f"writing images to stream, {size:.1f} GB, once: {path}")
        with written(path) as unfinished:
            _write(unfinished, images, with_lost=with_lost)
        cached = _open(path, images)
        assert cached is not None, path
    return cached


def _key(images: FileImages, digest: bytes) -> dict[str, Any]:
    """All that the content depends on, which excludes normalisation and the files' names."""
    prepare, source = images.prepare, images.source
    axes = (entry.axes for entry in source.entries)
    return {
        "version": _VERSION,
        "files": digest.hex(),
        "key": source.wanted.key,
        "layouts": [[*one, len(list(same))] for one, same in groupby(axes)],
        "grey": prepare.grey,
        "crop": prepare.crop,
        "pad": prepare.pad,
        "size": prepare.size,
        "resample_nm": prepare.resample_nm,
        "fills": str(images.fills),
    }


def _type(images: FileImages) -> np.dtype[Any]:
    """Type of the stored numbers."""
    given = np.result_type(*images.source.types).newbyteorder("=")
    prepare = images.prepare
    is_averaged = prepare.grey and any(e.axes.shape[0] > 1 for e in images.source.entries)
    is_small = given.kind in "iu" and float_type(given) == np.float32
    is_averaged |= prepare.size is not None or prepare.resample_nm is not None
    if is_small and not is_averaged and not images.fills:
        return given
    return np.result_type(*map(float_type, images.source.types))


def _write(path: Path, images: FileImages, *, with_lost: bool) -> None:
    """Write one contiguous data set."""
    with h5py.File(path, "w") as file:
        stored = file.create_dataset("images", tuple(images.shape), _type(images))
        for begin in range(0, len(images), images.chunk):
            chunk = images.select(slice(begin, begin + images.chunk))
            for where, (some, measured) in chunk.resized_chunks(with_lost=with_lost):
                first = begin + int(where[0])  # images of a file are consecutive
                known = some if measured is None else torch.where(measured, some, torch.nan)
                stored[first : first + len(where)] = known.numpy().astype(stored.dtype)
        file.attrs["complete"] = True


def _open(path: Path, images: FileImages) -> FileImages | None:
    """Images in the file; None if the file is absent, damaged or incomplete."""
    shape, dtype = tuple(images.shape), _type(images)
    try:
        with h5py.File(path) as file:
            stored = file["images"]
            offset = stored.id.get_offset()
            same = stored.shape == shape and stored.dtype == dtype and file.attrs["complete"]
        size = int(np.prod(shape)) * dtype.itemsize
        if not same or offset is None or path.stat().st_size < offset + size:
            return None
    except (OSError, KeyError, RuntimeError, AttributeError, TypeError, ValueError):
        return None
    row = size // shape[0]

    def read(part: slice) -> Array:
        # a memory map would count as our memory, and HDF5 reads with one global lock
        first, last, _ = part.indices(shape[0])
        count = max(last - first, 0)
        begin = offset + first * row
        flat = np.fromfile(path, dtype, count * row // dtype.itemsize, offset=begin)
        return flat.reshape(count, *shape[1:])

    array = LazyArray(
        shape=shape, dtype=dtype, read=lambda part: readable(path, lambda: read(part))
    )
    return FileImages(
        source=ImageFiles.of(path, array),
        rows=torch.arange(len(images)),
        prepare=images.prepare,
        window=images.window,
    )


def _clear_abandoned(path: Path) -> None:
    """Remove unfinished copies of the file that killed processes have left."""
    for other in path.parent.glob(f".*.{path.name}"):
        if time.time() - other.stat().st_mtime > _ABANDONED:
            other.unlink(missing_ok=True)
