"""Micrographs from the user's files, of any known format."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vaerun.data.io import fill_values
from vaerun.data.io.axes import ArrayAxes, assumption, axes_of, images
from vaerun.data.io.fill_values import FillValues
from vaerun.data.io.formats import find_files, open_array
from vaerun.data.io.lazy_array import (
    Array,
    ArraySelector,
    LazyArray,
    check_real,
    inexact,
    listed,
    n_inexact,
    without_parts,
)
from vaerun.data.io.pixel_size import oblong
from vaerun.microscopy.frame import Frame
from vaerun.utils.errors import UserError

# F frames, H rows, W columns.

MIN_SIDE = 16  # pixels; a shorter axis belongs to a table or to colours
_RELIEF = 2.0**-12  # of the largest number: smaller relief would be coarse in float32
_SMALLEST, _LARGEST = 1e-15, 1e15  # numbers whose squares float32 holds with all their digits

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class RawFrame:
    """A frame as it is in its file.

    Attributes
    ----------
    image
        (H, W) numbers of the file's type, or float32 where colours were averaged; what is not
        measured is the median of the frame.
    measured
        (H, W), which pixels are measured; None: all.
    pixel_nm, name, movie
        As in `Frame`.
    """

    image: Array
    measured: npt.NDArray[np.bool_] | None
    pixel_nm: float | None
    name: str
    movie: int = 0


def read(
    path: str,
    key: str | None = None,
    pixel_size_nm: float | None = None,
    *,
    axes: str | None = None,
    channel: int | None = None,
    fills: FillValues | None = None,
    whatever_unit: bool = False,
) -> list[Frame]:
    """The frames of a file, or of all files of a folder or glob in natural order, in float32.

    Parameters
    ----------
    path, key, pixel_size_nm, axes, channel, fills
        As in `read_raw`.
    whatever_unit
        Whether a frame of numbers that float32 does not hold exactly becomes 0 to 1, computed in
        double, so that the same frame in another unit is the same to the last bit.

    Returns
    -------
    list[Frame]
        Named after the file and, in stacks, ``_0``, ``_1`` and so on.

    Raises
    ------
    UserError
        If there are no files, or one of them is broken or holds no images.
    """
    return [
        Frame(
            image=as_float32(raw.image, exactly=whatever_unit),
            pixel_nm=raw.pixel_nm,
            name=raw.name,
            movie=raw.movie,
            measured=raw.measured,
        )
        for raw in read_raw(path, key, pixel_size_nm, axes=axes, channel=channel, fills=fills)
    ]


def read_raw(
    path: str,
    key: str | None = None,
    pixel_size_nm: float | None = None,
    *,
    axes: str | None = None,
    channel: int | None = None,
    fills: FillValues | None = None,
) -> Iterator[RawFrame]:
    """Yield the frames of a file, or of all files of a folder or glob, as they are there.

    Parameters
    ----------
    path
        File, folder (without those in it) or glob; ``~`` is the home folder.
    key
        Name of the data set in HDF5, npz and SciFiReaders files; None for the largest.
    pixel_size_nm
        Side of a pixel in nm; None: from the metadata, see `pixel_size.pixel_nm`. Of TIFF files,
        only metadata of OME or ImageJ count; the resolution of others is meant for printers.
    axes
        A letter for each axis, as in `vaerun.data.io.axes`; None: as the file says.
    channel
        Number of the channel that is read; None: frames have one, or colours, which become grey.
    fills
        What stands for unmeasured pixels, beside numbers that are none; None: looked for in each
        frame.
    """
    files = find_files(path)
    selector = ArraySelector(key, MIN_SIDE, axes=axes, alone=len(files) == 1)
    opened, notes = without_parts([(file, open_array(file, selector)) for file in files])
    movies: dict[tuple[int, float | None], int] = {}  # frames of another size are of another one
    for i, (file, stored) in enumerate(opened):
        check_real(stored, file)
        found = axes_of(stored, file, selector, frames=True)
        notes += stored.notes
        if (assumed := assumption(stored.shape, found)) is not None:
            notes.append(assumed)
        for raw, note in _frames(file, stored, found, channel, pixel_size_nm, fills):
            notes += [note] if note else []
            yield replace(raw, movie=movies.setdefault((i, raw.pixel_nm), len(movies)))
        opened[i] = (file, _forgotten(stored))
    for note in dict.fromkeys(notes):
        log.info(note)
    pixels = [(file.name, pixel_size_nm or one.pixel_nm, one.aspect) for file, one in opened]
    if warning := oblong(pixels):
        log.warning(warning)


def as_float32(image: Array, *, exactly: bool = False) -> npt.NDArray[np.float32]:
    """A frame (H, W) in float32, whose relief survives whatever its unit and its offset.

    Numbers stay as they are unless float32 would make them coarse, or ``exactly`` is asked for
    and float32 would change them at all; then they become 0 to 1.
    """
    if image.dtype.kind != "f" and image.dtype.itemsize <= 2:
        return image.astype(np.float32)
    low, high = float(image.min()), float(image.max())
    largest, relief = max(abs(low), abs(high)), high - low
    fine = relief > _RELIEF * largest and _SMALLEST < largest < _LARGEST
    plain = image.astype(np.float32, copy=False) if relief == 0 or fine else None
    if plain is not None and (not exactly or np.array_equal(plain, image)):
        return plain
    return ((image - low) / relief).astype(np.float32)


def _forgotten(stored: LazyArray) -> LazyArray:
    """The array without its content, which was read."""
    return replace(stored, read=lambda _: np.empty(0))


def _frames(
    file: Path,
    stored: LazyArray,
    axes: ArrayAxes,
    channel: int | None,
    pixel_size_nm: float | None,
    fills: FillValues | None,
) -> Iterator[tuple[RawFrame, str]]:
    """Frames of a file, with a note on each whose unmeasured pixels had to be recognised."""
    n_empty = n_rounded = 0
    for i in range(axes.n):
        image = _one_channel(images(stored, axes, i, i + 1)[0], axes, channel, file)
        image, measured, found = _filled(image, fills)
        n_rounded += n_inexact(image, measured)
        if measured is not None and not measured.any():
            if not stored.has_gaps:
                raise UserError(f"{file} holds a frame without a finite pixel", "leave it out")
            n_empty += 1
            continue
        raw = RawFrame(
            image=image,
            measured=measured,
            pixel_nm=pixel_size_nm or _pixel_nm(stored, axes, i),
            name=f"{file.stem}_{i}" if axes.n > 1 else file.stem,
        )
        yield raw, f"{file.name}: not measured: {found}" if found else ""
    if n_empty == axes.n:
        raise UserError(f"{file} holds no frame with a finite pixel", "give others")
    if n_rounded:
        log.warning(f"{file.name}: {inexact(n_rounded)}")
    if n_empty:
        log.info(f"{file.name}: {n_empty:,} frames that were never written are left out")


def _pixel_nm(stored: LazyArray, axes: ArrayAxes, number: int) -> float | None:
    """Width of a pixel of a frame, by its number."""
    if stored.sizes_nm and axes.letters[0] not in "YXCS":
        return stored.sizes_nm[number * len(stored.sizes_nm) // axes.n]
    return stored.pixel_nm


def _one_channel(image: Array, axes: ArrayAxes, channel: int | None, file: Path) -> Array:
    """The frame (H, W) of a channel, or the mean of its colours, from (C, H, W)."""
    n = len(image)
    if channel is not None and channel >= n:
        what = f"data.take_channel={channel} is not in {file}, which has {n} channel(s)"
        raise UserError(what, f"count from 0 to {n - 1}")
    if n == 1 or channel is not None:
        return image[channel or 0]
    if "C" in axes.letters:
        what = f"{file} holds frames in {n} channels (axes {axes.letters})"
        raise UserError(what, "choose one by data.take_channel=0, or name the axes by data.axes=")
    return image.mean(axis=0, dtype=np.float32)


def _filled(
    image: Array, fills: FillValues | None
) -> tuple[Array, npt.NDArray[np.bool_] | None, FillValues]:
    """A frame, the median where it was not measured; where it was; and what stood for the rest."""
    if not image.dtype.isnative:
        image = image.astype(image.dtype.newbyteorder("="))
    found = fill_values.look_for([image[None, None]]) if fills is None else fills
    good = found.measured(image[None, None])
    if good is None:
        return image, None, FillValues()
    image, good = image.copy(), good[0, 0]
    image[~good] = np.median(image[good]) if good.any() else 0
    return image, good, found


def describe(frames: Sequence[Any]) -> str:
    """Text on the number and sizes of frames, of those with unmeasured pixels, and pixel sizes."""
    sizes = list(dict.fromkeys(frame.image.shape for frame in frames))
    sides = [f"{height}×{width}" for height, width in sizes]
    parts = [f"found {len(frames):,} frames of {listed(sides)}"]
    gaps = [frame for frame in frames if frame.measured is not None]
    if gaps:
        share = np.mean([1 - frame.measured.mean() for frame in gaps])
        parts.append(f"in {len(gaps):,} of them {share:.1%} of the pixels are not measured")
    return "; ".join(parts)
