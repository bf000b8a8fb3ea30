"""HAADF-STEM frames of atoms: Z-contrast, probe, contamination, scan jitter and shot noise.

The image of a sheet one atom thick is linear in the atoms: each adds a blob with the shape of the
probe and a height that grows with the atomic number.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft
from scipy.ndimage import gaussian_filter, map_coordinates, zoom

from vaerun.microscopy.graphene import SILICON

SI_OVER_C = (14 / 6) ** 1.7  # of their intensities (Krivanek et al. 2010: Z to the 1.64 to 1.7)
_FINE = 2  # points a pixel along each axis, before the blur by the probe
_TAIL_A = 2.2  # sd of the wide tail of the probe

Floats = npt.NDArray[np.float64]
Image = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Optics:
    """Settings of the microscope, and contamination of the sheet.

    Attributes
    ----------
    pixel_A
        Å a pixel.
    probe_A
        Standard deviation of the probe in Å, thermal motion included.
    tail
        Share of the electrons of the probe in its wide tail.
    dose
        Electrons counted in the brightest pixel of a carbon atom, background excluded.
    background
        Background of the detector, over the peak intensity of a carbon atom.
    contamination
        Intensity of thin clouds of hydrocarbons, over the peak of a carbon atom.
    cover
        Share of the frame under contamination so thick that it hides the atoms.
    contrast
        Peak intensity of a silicon atom over that of a carbon atom.
    jitter_px
        Standard deviation of the shift of scan lines along themselves, in pixels.
    blur_px
        Standard deviation of the blur by the detector, in pixels; it correlates the noise.
    """

    pixel_A: float = 0.14
    probe_A: float = 0.45
    tail: float = 0.2
    dose: float = 20.0
    background: float = 0.15
    contamination: float = 0.25
    cover: float = 0.0
    contrast: float = SI_OVER_C
    jitter_px: float = 0.25
    blur_px: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """Counts of a frame, (H, W), and whether thick contamination hides the atoms, (H, W)."""

    image: Image
    hidden: npt.NDArray[np.bool_]


def expose(
    position: Floats,
    species: npt.NDArray[np.int64],
    shape: tuple[int, int],
    optics: Optics,
    rng: np.random.Generator,
) -> Exposure:
    """A frame of atoms at positions (N, 2) in pixels, of species (N,)."""
    sheet = _blobs(position, species, shape, optics)
    clouds = optics.contamination * _clouds(shape, 25.0 / optics.pixel_A, rng)
    thickness, hidden = _cover(shape, optics, rng)
    signal = np.where(hidden, 0.3 * sheet, sheet) + clouds + thickness + optics.background
    jittered = jitter_lines(signal, optics.jitter_px, rng)
    counts = rng.poisson(optics.dose * np.maximum(jittered, 0)).astype(np.float32)
    if optics.blur_px:
        counts = gaussian_filter(counts, optics.blur_px)
    return Exposure(image=counts, hidden=hidden)


def _blobs(
    position: Floats, species: npt.NDArray[np.int64], shape: tuple[int, int], optics: Optics
) -> Floats:
    """The image of the atoms without contamination, (H, W); a carbon atom has the peak 1."""
    pad = int(np.ceil(6 / optics.pixel_A))  # for atoms just outside, and since the transform wraps
    fine = tuple((side + 2 * pad) * _FINE for side in shape)
    weight = np.where(species == SILICON, optics.contrast, 1.0)
    points = _points((position + pad + 0.5) * _FINE - 0.5, weight, fine)
    frequency = np.meshgrid(
        *(
            axis(n, optics.pixel_A / _FINE)
            for axis, n in zip((fft.fftfreq, fft.rfftfreq), fine, strict=True)
        ),
        indexing="ij",
    )
    k2 = 2 * np.pi**2 * (frequency[0] ** 2 + frequency[1] ** 2)
    probe = (1 - optics.tail) * np.exp(-k2 * optics.probe_A**2) + optics.tail * np.exp(
        -k2 * _TAIL_A**2
    )
    height = 2 * np.pi * (optics.probe_A * _FINE / optics.pixel_A) ** 2
    image = fft.irfft2(fft.rfft2(points) * probe, fine) * height
    means = image.reshape(shape[0] + 2 * pad, _FINE, shape[1] + 2 * pad, _FINE).mean((1, 3))
    return means[pad:-pad, pad:-pad]


def _points(position: Floats, weight: Floats, shape: tuple[int, ...]) -> Floats:
    """An image (H', W') with the weight of each atom shared by the four points around it."""
    inside = ((position >= 0) & (position < np.array(shape) - 1)).all(1)
    position, weight = position[inside], weight[inside]
    corner = np.floor(position).astype(np.int64)
    part = position - corner
    image = np.zeros(shape[0] * shape[1])
    for row in (0, 1):
        for column in (0, 1):
            share = np.abs(1 - row - part[:, 0]) * np.abs(1 - column - part[:, 1])
            at = (corner[:, 0] + row) * shape[1] + corner[:, 1] + column
            image += np.bincount(at, weight * share, minlength=len(image))
    return image.reshape(shape)


def _clouds(shape: tuple[int, int], length_px: float, rng: np.random.Generator) -> Floats:
    """A smooth random field in [0, 1], (H, W), with a correlation length in pixels."""
    coarse = [max(int(np.ceil(side / length_px)) + 3, 4) for side in shape]
    field = zoom(rng.uniform(size=coarse), length_px, order=3, grid_mode=True, mode="nearest")
    offset = rng.integers(0, np.maximum(np.array(field.shape) - shape, 0) + 1)
    part = field[offset[0] : offset[0] + shape[0], offset[1] : offset[1] + shape[1]]
    return np.clip(part, 0, 1)


def _cover(
    shape: tuple[int, int], optics: Optics, rng: np.random.Generator
) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Intensity of thick contamination, (H, W), and whether it hides the atoms, (H, W)."""
    if not optics.cover:
        return np.zeros(shape), np.zeros(shape, bool)
    field = _clouds(shape, 20.0 / optics.pixel_A, rng)
    level = np.quantile(field, 1 - optics.cover)
    rise = np.clip((field - level) * 12, 0, 1)
    texture = 0.7 + 0.6 * _clouds(shape, 3.0 / optics.pixel_A, rng)
    height = rng.uniform(1.5, 8)
    return height * rise * texture, rise > 0.25


def jitter_lines(image: Floats, sd_px: float, rng: np.random.Generator) -> Floats:
    """An image with each row shifted along itself at random; neighbouring shifts correlate."""
    if not sd_px:
        return image
    height, width = image.shape
    noise = gaussian_filter(rng.normal(size=height), 0.7)
    shift = sd_px * noise / max(noise.std(), 1e-9)
    rows = np.repeat(np.arange(height)[:, None], width, axis=1)
    columns = np.arange(width)[None] + shift[:, None]
    return np.asarray(map_coordinates(image, [rows, columns], order=1, mode="nearest"))
