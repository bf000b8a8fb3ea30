"""`data.centres=peaks`: the atoms of frames of any material, found without a trained network."""

import logging
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from vaerun.data.datasets.patches_config import PatchesConfig
from vaerun.microscopy.band_maxima import BandPass
from vaerun.microscopy.frame import Frame, brightness, movies_of
from vaerun.microscopy.lattice_atoms import LatticeAtoms
from vaerun.microscopy.peaks import Peaks, choose_band_pass, find_peaks
from vaerun.utils.arrays import evenly
from vaerun.utils.errors import UserError
from vaerun.utils.progress import bar

_TRIED = 5  # frames of a movie in which the spacing is estimated
_VACUUM_BLUR = 1.0  # spacings

Bools = npt.NDArray[np.bool_]

log = logging.getLogger(__name__)


def peak_atoms(
    frames: Sequence[Frame], config: PatchesConfig, *, progress: bool = True
) -> LatticeAtoms:
    """The atoms of all frames; logs how many there are and how far apart.

    Raises
    ------
    UserError
        If no spacing is given and no frame shows a lattice, if the given one needs the size of a
        pixel, or if there are no atoms.
    """
    scales = _band_passes(frames, config)
    found: list[Peaks | None] = []
    for frame in bar(frames, "finding atoms in frames", len(frames), shown=progress):
        scale = scales[frame.movie]
        peaks = find_peaks(
            frame.image,
            band_pass=scale,
            share=config.peak_threshold,
            dark=config.peak_contrast == "dark",
            empty=_vacuum(frame, config, scale),
            least_order=config.peak_order,
        )
        found.append(peaks if peaks is not None and len(peaks) else None)
    if all(peaks is None for peaks in found):
        raise UserError(
            "data.centres=peaks finds no atom in these frames",
            "lower data.peak_order or data.peak_threshold, or use data.centres=grid",
        )
    atoms = LatticeAtoms.of_frames(found, movies_of(frames).tolist())
    log.info(_described(atoms, found, frames))
    return atoms


def _band_passes(frames: Sequence[Frame], config: PatchesConfig) -> dict[int, BandPass]:
    """The band-pass of each movie: the median over some of its frames."""
    movies: dict[int, list[Frame]] = {}
    for frame in frames:
        movies.setdefault(frame.movie, []).append(frame)
    chosen: dict[int, BandPass] = {}
    for movie, own in movies.items():
        tried = [_band_pass(own[i], config) for i in evenly(len(own), _TRIED)]
        known = np.array([one for one in tried if one is not None])
        if len(known):
            chosen[movie] = BandPass(*np.median(known, axis=0).tolist())
    if not chosen:
        raise UserError(
            f"data.centres=peaks sees no lattice in {frames[0].name}"
            + (" or any other frame" if len(frames) > 1 else ""),
            "give the distance of neighbours, as in data.peak_spacing_nm=0.2, or use "
            "data.centres=grid",
        )
    usual = BandPass(*np.median(list(chosen.values()), axis=0).tolist())
    for movie, own in movies.items():
        if movie not in chosen:
            log.warning("no lattice stands out in %s: its atoms are taken to be as far apart as "
                        "those of the other frames", own[0].name)  # fmt: skip
    return {movie: chosen.get(movie, usual) for movie in movies}


def _band_pass(frame: Frame, config: PatchesConfig) -> BandPass | None:
    spacing = None
    if config.peak_spacing_nm is not None:
        if frame.pixel_nm is None:
            raise UserError(
                f"data.peak_spacing_nm={config.peak_spacing_nm:g} needs the size of a pixel, "
                f"which {frame.name} does not say",
                "give data.pixel_size_nm, or 1 and the spacing in pixels",
            )
        spacing = config.peak_spacing_nm / frame.pixel_nm
    return choose_band_pass(
        frame.image,
        spacing,
        share=config.peak_threshold,
        dark=config.peak_contrast == "dark",
    )


def _vacuum(frame: Frame, config: PatchesConfig, scale: BandPass) -> Bools | None:
    """Where a frame is vacuum, (H, W); None if that is not asked for."""
    if config.vacuum_level is None:
        return None
    blurred = gaussian_filter(brightness(frame.image), _VACUUM_BLUR * scale.spacing_px)
    return np.asarray(blurred <= config.vacuum_level)


def _described(atoms: LatticeAtoms, found: Sequence[Peaks | None], frames: Sequence[Frame]) -> str:
    """A line on the atoms that were found."""
    known = [peaks for peaks in found if peaks is not None]
    spacing = float(np.median([peaks.spacing_px for peaks in known]))
    pixel = frames[0].pixel_nm if len({frame.pixel_nm for frame in frames}) == 1 else None
    size = f"{spacing:.1f} px" + (f" ({spacing * pixel:.3g} nm)" if pixel else "")
    counts = np.bincount(atoms.species)
    kinds = ", on one sublattice"
    if len(counts) > 1:
        kinds = f", on {len(counts)} sublattices ({', '.join(f'{n:,}' for n in counts)})"
    parts = [f"found {len(atoms):,} atoms in {len(known):,} frame(s), {size} apart{kinds}"]
    if n_left := sum(peaks.n_disordered for peaks in known):
        parts.append(f"{n_left:,} peaks in disorder left out (data.peak_order=0 keeps them)")
    if n_unfitted := int(np.isnan(atoms.sigma).sum()):
        parts.append(f"no Gaussian fits {n_unfitted:,} of them, which keep place and height")
    n_tracks = len(np.unique(atoms.track))
    if n_tracks < len(atoms):
        in_one = int((np.bincount(atoms.track) == 1).sum())
        parts.append(f"followed through frames they are {n_tracks:,} atoms, {in_one:,} of them "
                     "seen in one frame only")  # fmt: skip
    if len(known) < len(found):
        parts.append(f"{len(found) - len(known):,} frame(s) without any")
    return "; ".join(parts)
