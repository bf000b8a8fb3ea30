"""Frames of any pixel size, resampled to that of the atom finder."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from vaerun.microscopy.atom_finder import PIXEL_A
from vaerun.microscopy.frame import Frame
from vaerun.microscopy.pixel_size import PIXEL_NM, lattice_pixel_nm, resampled
from vaerun.utils.errors import UserError

_SIDES = (16, 50_000)  # least and most pixels a side of a resampled frame
_HALF = 0.5  # of a resampled pixel is measured
_HINT = "give data.pixel_size_nm=0.01 or the like"


def at_scale(frames: Sequence[Frame], pixel_size_nm: float | None = None) -> list[Frame]:
    """Frames resampled to pixels of `atom_finder.PIXEL_A`.

    Parameters
    ----------
    frames
        Of one or several movies.
    pixel_size_nm
        Side of their pixels in nm; None: that of each frame's metadata or, without, the median
        over its movie of the sizes measured from the lattice.

    Raises
    ------
    UserError
        If a pixel size is unknown and cannot be measured, or too small or large to show atoms.
    """
    given = [pixel_size_nm or frame.pixel_nm for frame in frames]
    measured: dict[int, list[float]] = {}
    for frame, size in zip(frames, given, strict=True):
        if size is None:
            lattice = lattice_pixel_nm(frame.image)
            measured.setdefault(frame.movie, []).extend([lattice] if lattice else [])
    common = {movie: float(np.median(sizes)) for movie, sizes in measured.items() if sizes}
    sizes = [size or common.get(frame.movie) for frame, size in zip(frames, given, strict=True)]
    return [_resampled(frame, size) for frame, size in zip(frames, sizes, strict=True)]


def at_pixel(frame: Frame, pixel_nm: float) -> Frame:
    """A frame resampled to another pixel size, in nm.

    Raises
    ------
    UserError
        If its own is unknown.
    """
    if frame.pixel_nm is None:
        what = f"{frame.name} has no pixel size, from which data.resample_nm={pixel_nm:g} starts"
        raise UserError(what, _HINT)
    factor = frame.pixel_nm / pixel_nm
    if factor == 1:
        return frame
    sides = [factor * side for side in frame.image.shape]
    if min(sides) < _SIDES[0] or max(sides) > _SIDES[1]:
        size = f"{sides[0]:.0f}×{sides[1]:.0f} pixels"
        what = f"data.resample_nm={pixel_nm:g} makes a frame of {size} of {frame.name}"
        raise UserError(what, f"give one nearer to {frame.pixel_nm:g} nm, that of its pixels")
    return _scaled(frame, factor, pixel_nm)


def _scaled(frame: Frame, factor: float, pixel_nm: float) -> Frame:
    """A frame with ``factor`` times as many pixels a side."""
    measured = frame.measured
    if measured is not None:
        measured = resampled(measured.astype(np.float32), factor) > _HALF
    return replace(
        frame,
        image=resampled(frame.image, factor),
        pixel_nm=pixel_nm,
        scale=frame.scale * factor,
        measured=measured,
    )


def _resampled(frame: Frame, pixel_nm: float | None) -> Frame:
    if pixel_nm is None:
        raise UserError(
            f"{frame.name} has no pixel size and shows no lattice to measure it by", _HINT
        )
    smallest, largest = PIXEL_NM
    if not smallest <= pixel_nm <= largest:
        raise UserError(
            f"{frame.name} has pixels of {pixel_nm:g} nm, but atoms are detected in pixels "
            f"of {smallest:g} to {largest:g} nm",
            _HINT,
        )
    return _scaled(frame, 10 * pixel_nm / PIXEL_A, PIXEL_A / 10)
