"""Micrographs from the user's files, of any known format."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vaerun.data.io.formats import find_files, open_array
from vaerun.data.io.lazy_array import Array, ArraySelector
from vaerun.microscopy.frame import Frame
from vaerun.utils.errors import UserError

# F frames, H rows, W columns.

_MIN_SIDE = 16  # pixels; a shorter axis belongs to a table or to colours


def read(path: str, key: str | None = None, pixel_size_nm: float | None = None) -> list[Frame]:
    """The frames of a file, or of all files of a folder or glob in natural order.

    Parameters
    ----------
    path
        File, folder (without those in it) or glob; ``~`` is the home folder.
    key
        Name of the data set in HDF5, npz and SciFiReaders files; None for the largest.
    pixel_size_nm
        Side of a pixel in nm; None: from the metadata, see `pixel_size.pixel_nm`. Of TIFF files,
        only metadata of OME or ImageJ count; the resolution of others is meant for printers.

    Returns
    -------
    list[Frame]
        Named after the file and, in stacks, ``_0``, ``_1`` and so on.

    Raises
    ------
    UserError
        If there are no files, or one of them is broken or holds no images.
    """
    files = enumerate(find_files(path))
    return [frame for i, file in files for frame in _frames(file, key, pixel_size_nm, i)]


def _as_frames(array: Array, where: str) -> npt.NDArray[np.float32]:
    """Frames (F, H, W) float32; colours become grey, NaN and ±inf the median of their frame.

    Parameters
    ----------
    array
        (H, W), (F, H, W), (H, W, 3) or (F, H, W, 3) in colour, (…, 4) with transparency, which is
        ignored; there may be more axes of length 1.
    where
        Name of the array in messages.
    """
    if array.dtype.kind not in "biuf":
        kind = "complex numbers" if array.dtype.kind == "c" else f"{array.dtype} values"
        raise UserError(f"{where} holds {kind}", "give real intensities, such as the modulus")
    images = array
    if array.ndim > 2 and array.shape[-1] in (3, 4):
        images = array[..., :3].mean(axis=-1, dtype=np.float32)
    images = images.squeeze()
    images = images[None] if images.ndim == 2 else images
    if images.ndim != 3 or not len(images) or min(images.shape[1:]) < _MIN_SIDE:
        what = f"{where} holds an array of shape {array.shape}"
        shapes = "(rows, columns) or (frames, rows, columns)"
        raise UserError(what, f"give {shapes}, {_MIN_SIDE} pixels or more a side")
    with np.errstate(over="ignore"):  # too large for float32: inf, replaced below
        images = images.astype(np.float32)
    finite = np.isfinite(images)
    for image, good in zip(images, finite, strict=True):
        if not good.any():
            raise UserError(f"{where} holds a frame without a finite pixel", "leave it out")
        if not good.all():
            image[~good] = np.median(image[good])
    return images


def _frames(
    file: Path, key: str | None, pixel_size_nm: float | None, movie: int
) -> Iterator[Frame]:
    stored = open_array(file, ArraySelector(key, _MIN_SIDE))
    images = _as_frames(stored.read(...), str(file))
    for i, image in enumerate(images):
        name = f"{file.stem}_{i}" if len(images) > 1 else file.stem
        size = pixel_size_nm or stored.pixel_nm
        yield Frame(image=image, pixel_nm=size, name=name, movie=movie)
