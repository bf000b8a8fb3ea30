"""Micrographs from the user's files, of any format that `vaerun.data.io` knows."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vaerun.data.io.formats import find_files, open_array
from vaerun.data.io.lazy_array import Array, ArraySelector
from vaerun.microscopy.frame import Frame
from vaerun.utils.errors import UserError

# F frames, H rows, W columns.

_MIN_SIDE = 16  # pixels; anything narrower is a table or a colour axis


def read(path: str, key: str | None = None, pixel_size_nm: float | None = None) -> list[Frame]:
    """The frames of a file, or of all readable files of a folder or glob in natural order.

    Parameters
    ----------
    path
        File, folder (not those below it) or glob; ``~`` is the home folder.
    key
        Which data set of HDF5, npz and SciFiReaders' files; None for the largest.
    pixel_size_nm
        Side of a pixel in nm; None for what the files say, see `metadata.pixel_nm`. TIFF files
        are believed where they are OME's or ImageJ's and name a unit, since others give a
        resolution for printers.

    Returns
    -------
    list[Frame]
        Named after the file and, in stacks, by ``_0``, ``_1`` and so on.

    Raises
    ------
    UserError
        If there are no files, or one of them is corrupt or holds no images.
    """
    files = enumerate(find_files(path))
    return [frame for i, file in files for frame in _frames(file, key, pixel_size_nm, i)]


def stack(array: Array, where: str) -> npt.NDArray[np.float32]:
    """Frames as (F, H, W) float32; colours become grey, and NaN and ±inf their frame's median.

    Parameters
    ----------
    array
        (H, W), (F, H, W), (H, W, 3) or (F, H, W, 3) in colour, (…, 4) with a transparency that is
        dropped; axes of length 1 anywhere.
    where
        What to call it in messages.
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
        mend = (
            f"give (rows, columns) or (frames, rows, columns), {_MIN_SIDE} pixels or more a side"
        )
        raise UserError(what, mend)
    with np.errstate(over="ignore"):  # too large for float32: inf, as good as missing
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
    images = stack(stored.read(...), str(file))
    for i, image in enumerate(images):
        name = f"{file.stem}_{i}" if len(images) > 1 else file.stem
        size = pixel_size_nm or stored.pixel_nm
        yield Frame(image=image, pixel_nm=size, name=name, movie=movie)
