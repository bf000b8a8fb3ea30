"""Frames of any pixel size at the scale that the atom finder was trained at."""

from collections.abc import Sequence

import numpy as np

from vaerun.microscopy.atom_finder import PIXEL_A
from vaerun.microscopy.frame import Frame
from vaerun.microscopy.pixel_size import PIXEL_NM, lattice_pixel_nm, resampled
from vaerun.utils.errors import UserError

_MEND = "give data.pixel_size_nm=0.01 or the like"


def at_scale(frames: Sequence[Frame], pixel_size_nm: float | None = None) -> list[Frame]:
    """Frames resampled to `finder.PIXEL_A`.

    Parameters
    ----------
    frames
        Of one or several movies.
    pixel_size_nm
        Side of their pixels in nm; None for what each says, or else for the median of what the
        lattice shows in the frames of its movie.

    Raises
    ------
    UserError
        If a size is not known and cannot be measured, or is none that shows atoms.
    """
    said = [pixel_size_nm or frame.pixel_nm for frame in frames]
    measured: dict[int, list[float]] = {}
    for frame, size in zip(frames, said, strict=True):
        if size is None:
            own = measured.setdefault(frame.movie, [])
            seen = lattice_pixel_nm(frame.image)
            own += [] if seen is None else [seen]
    common = {movie: float(np.median(sizes)) for movie, sizes in measured.items() if sizes}
    sizes = [size or common.get(frame.movie) for frame, size in zip(frames, said, strict=True)]
    return [_resampled(frame, size) for frame, size in zip(frames, sizes, strict=True)]


def _resampled(frame: Frame, pixel_nm: float | None) -> Frame:
    if pixel_nm is None:
        raise UserError(
            f"{frame.name} says no pixel size and shows no lattice to measure it by", _MEND
        )
    smallest, largest = PIXEL_NM
    if not smallest <= pixel_nm <= largest:
        raise UserError(
            f"{frame.name} has pixels of {pixel_nm:g} nm, but atoms are looked for in pixels "
            f"of {smallest:g} to {largest:g} nm",
            _MEND,
        )
    factor = 10 * pixel_nm / PIXEL_A
    return Frame(
        image=resampled(frame.image, factor),
        pixel_nm=PIXEL_A / 10,
        name=frame.name,
        scale=factor,
        movie=frame.movie,
    )
