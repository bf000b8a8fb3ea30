"""The atom finder: a U-Net that tells background, carbon and silicon, and atoms from its answer.

It was trained on simulated frames alone (``scripts/train_atom_finder.py``), at one scale; frames
of other pixel sizes are resampled to it, see `vaerun.microscopy.pixel_size`.

A small U-Net: every pixel classified with a view of its surroundings (Ronneberger 2015).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from scipy.ndimage import gaussian_filter, label, maximum_filter
from scipy.ndimage import mean as mean_over
from scipy.spatial import cKDTree
from torch import Tensor, nn


class UNet(nn.Module):
    """Logits of each pixel.

    Parameters
    ----------
    n_in, n_out
        Channels of the images, and classes.
    widths
        Channels at each level; the image halves from one to the next.
    """

    def __init__(self, n_in: int, n_out: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.multiple = 2 ** (len(widths) - 1)
        self.down = nn.ModuleList(
            _twice(before, after) for before, after in zip((n_in, *widths), widths, strict=False)
        )
        self.up = nn.ModuleList(
            _twice(below + here, here)
            for below, here in zip(reversed(widths[1:]), reversed(widths[:-1]), strict=True)
        )
        self.out = nn.Conv2d(widths[0], n_out, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, n_out, H, W) of images (N, n_in, H, W) of any size."""
        height, width = images.shape[-2:]
        bottom, right = (-side % self.multiple for side in (height, width))
        x = F.pad(images, (0, right, 0, bottom), mode="replicate")
        levels: list[Tensor] = []
        for block in self.down:
            x = block(F.max_pool2d(x, 2) if levels else x)
            levels.append(x)
        for block, level in zip(self.up, reversed(levels[:-1]), strict=True):
            x = block(torch.cat([F.interpolate(x, scale_factor=2.0), level], dim=1))
        logits: Tensor = self.out(x)
        return logits[..., :height, :width]


def _twice(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(*_convolution(before, after), *_convolution(after, after))


def _convolution(before: int, after: int) -> tuple[nn.Module, ...]:
    convolution = nn.Conv2d(before, after, 3, padding=1, bias=False)
    return convolution, nn.BatchNorm2d(after), nn.ReLU()


# H, W pixels of a frame, N atoms.

PIXEL_A = 0.14  # Å: the scale that it was trained at
RADIUS_PX = 3.3  # of the disc by which it marks an atom
WIDTHS = (16, 32, 64, 96)
WEIGHTS = Path(__file__).parent / "atom_finder.safetensors"

_BACKGROUND_PX = 20.0  # sd of the blur that tells the background
_TILE, _OVERLAP = 512, 64  # pixels; the overlap is no less than what a pixel sees
_SMOOTH_PX = 1.0
_APART_PX = 5.0  # two atoms are no nearer
_PEAK, _SEGMENT = 0.4, 0.3  # probabilities above which a peak is an atom, a pixel belongs to one
_LEAST_SHARE = 0.3  # of a disc's area that a segment must have

Image = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class DetectedAtoms:
    """Atoms of a frame.

    Attributes
    ----------
    position
        (N, 2) row and column, pixels.
    species
        (N,) 0 C, 1 Si.
    confidence
        (N,) mean probability of the segment, in [0, 1].
    """

    position: Floats
    species: npt.NDArray[np.int64]
    confidence: Floats


def new_network() -> UNet:
    """An untrained finder."""
    return UNet(2, 3, WIDTHS)


def load_network(device: torch.device, weights_file: Path = WEIGHTS) -> UNet:
    """A trained finder: the one that ships with the package, unless another file is named."""
    network = new_network()
    weights = load_file(weights_file)
    network.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network.to(device).eval()


def normalised(image: Image) -> Image:
    """What the network sees of a frame (H, W) of any scale: detail and background, (2, H, W).

    Both are over the spread of the detail, and large values are compressed, since silicon and
    contamination are many times brighter than carbon.
    """
    background = gaussian_filter(image, _BACKGROUND_PX, mode="nearest", truncate=3)
    detail = image - background
    spread = 1.4826 * np.median(np.abs(detail - np.median(detail)))
    unit = max(float(spread), 0.05 * float(detail.std()), 1e-12)
    level = background - np.median(background)
    return np.arcsinh(np.stack([detail, level]) / unit).astype(np.float32)


@torch.no_grad()
def segment(network: UNet, image: Image, *, mixed: bool = False) -> Image:
    """Probabilities of carbon and silicon at each pixel of a frame (H, W), (2, H, W).

    Parameters
    ----------
    network
        In evaluation mode, at `PIXEL_A`.
    image
        Of any size; large ones go through tile by tile.
    mixed
        Whether to work with bfloat16, where the hardware is quick at it.
    """
    device = next(network.parameters()).device
    seen = torch.from_numpy(normalised(image))[None].to(device)
    out = np.empty((2, *image.shape), np.float32)
    for tile, inner, place in _tiles(image.shape[0], image.shape[1]):
        part = seen[..., tile[0], tile[1]].contiguous(memory_format=torch.channels_last)
        with torch.autocast(device.type, torch.bfloat16, enabled=mixed):
            logits = network(part)
        probability = logits[0].float().softmax(0)[1:, inner[0], inner[1]]
        out[:, place[0], place[1]] = probability.cpu().numpy()
    return out


Slices = tuple[slice, slice]


def _tiles(height: int, width: int) -> Iterator[tuple[Slices, Slices, Slices]]:
    """Tiles of a frame: where each lies, what of it counts, and where that belongs."""
    for rows in _steps(height):
        for columns in _steps(width):
            pairs = tuple(zip(rows, columns, strict=True))
            yield pairs[0], pairs[1], pairs[2]


def _steps(side: int) -> Iterator[tuple[slice, slice, slice]]:
    core = _TILE - 2 * _OVERLAP
    if side <= _TILE:
        yield slice(0, side), slice(0, side), slice(0, side)
        return
    for start in range(0, side, core):
        stop = min(start + core, side)
        first, last = max(start - _OVERLAP, 0), min(stop + _OVERLAP, side)
        yield slice(first, last), slice(start - first, stop - first), slice(start, stop)


def atoms(probability: Image) -> DetectedAtoms:
    """Atoms of a segmented frame (2, H, W): the centres of mass of its segments.

    Each pixel counts to the nearest peak, so that atoms that touch are told apart.
    """
    atom = probability.sum(0)
    peak = _peaks(atom)
    rows, columns = np.nonzero(atom > _SEGMENT)
    pixel = np.stack([rows, columns], axis=1).astype(np.float64)
    if not len(peak) or not len(pixel):
        return DetectedAtoms(
            position=np.zeros((0, 2)), species=np.zeros(0, np.int64), confidence=np.zeros(0)
        )
    away, owner = cKDTree(peak).query(pixel, distance_upper_bound=_APART_PX)
    near = np.isfinite(away)
    owner, pixel = owner[near], pixel[near]
    carbon, silicon = probability[:, rows[near], columns[near]].astype(np.float64)

    def total(values: Floats) -> Floats:
        return np.bincount(owner, values, minlength=len(peak)).astype(np.float64)

    mass, area = total(carbon + silicon), total(np.ones(len(owner)))
    kept = mass > _LEAST_SHARE * np.pi * RADIUS_PX**2
    weighted = [total((carbon + silicon) * pixel[:, k]) for k in (0, 1)]
    return DetectedAtoms(
        position=(np.stack(weighted, axis=1)[kept]) / mass[kept, None],
        species=(total(silicon) > total(carbon))[kept].astype(np.int64),
        confidence=np.minimum(mass[kept] / area[kept], 1.0),
    )


def _peaks(atom: Image) -> Floats:
    """Local maxima of the probability of an atom, (P, 2); a plateau is one, at its middle."""
    smooth = gaussian_filter(atom, _SMOOTH_PX)
    rows, columns = np.mgrid[-4:5, -4:5]
    disc = np.hypot(rows, columns) <= _APART_PX - 1
    highest = (maximum_filter(smooth, footprint=disc) == smooth) & (smooth > _PEAK)
    plateau, n = label(highest, np.ones((3, 3)))
    grid = np.indices(atom.shape)
    return np.stack([mean_over(axis, plateau, np.arange(1, n + 1)) for axis in grid], axis=1)
