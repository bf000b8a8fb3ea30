"""The atom finder: a U-Net classifies pixels as background, carbon or silicon; segments are atoms.

The network (Ronneberger 2015) was trained on simulated frames of one pixel size only
(``scripts/train_atom_finder.py``); other frames are resampled, see `vaerun.microscopy.rescale`.
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

# H, W pixels of a frame, N atoms.

PIXEL_A = 0.14  # Å: pixel size of the frames that the network was trained on
RADIUS_PX = 3.3  # of the disc that marks an atom
WIDTHS = (16, 32, 64, 96)
WEIGHTS = Path(__file__).parent / "atom_finder.safetensors"

_BACKGROUND_PX = 20.0  # sd of the blur that leaves the background
_TILE, _OVERLAP = 512, 64  # pixels; the overlap exceeds the receptive field of a pixel
_SMOOTH_PX = 1.0
_APART_PX = 5.0  # least distance of two atoms
_PEAK, _SEGMENT = 0.4, 0.3  # least probabilities at the peak of an atom, and at its pixels
_TINY = float(np.finfo(np.float32).tiny)
_LEAST_SHARE = 0.3  # of a disc's area that a segment must have

Image = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
Slices = tuple[slice, slice]


class UNet(nn.Module):
    """A small U-Net that classifies each pixel from its surroundings.

    Parameters
    ----------
    n_in, n_out
        Number of image channels, and of classes.
    widths
        Channels at each level; the image halves from one to the next.
    """

    def __init__(self, n_in: int, n_out: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.multiple = 2 ** (len(widths) - 1)
        self.down = nn.ModuleList(
            _block(before, after) for before, after in zip((n_in, *widths), widths, strict=False)
        )
        self.up = nn.ModuleList(
            _block(below + here, here)
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


def _block(before: int, after: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for width in (before, after):
        convolution = nn.Conv2d(width, after, 3, padding=1, bias=False)
        layers += [convolution, nn.BatchNorm2d(after), nn.ReLU()]
    return nn.Sequential(*layers)


@dataclass(frozen=True, kw_only=True)
class DetectedAtoms:
    """N atoms of a frame.

    Attributes
    ----------
    position
        (N, 2) row and column, pixels.
    species
        (N,) `CARBON` or `SILICON`.
    confidence
        (N,) mean probability of the segment, in [0, 1].
    """

    position: Floats
    species: npt.NDArray[np.int64]
    confidence: Floats


def new_network() -> UNet:
    """An untrained network."""
    return UNet(2, 3, WIDTHS)


def load_network(device: torch.device, weights_file: Path = WEIGHTS) -> UNet:
    """The trained network in evaluation mode; by default with the weights of the package."""
    network = new_network()
    weights = load_file(weights_file)
    network.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network.to(device).eval()


def normalised(image: Image) -> Image:
    """Network input (2, H, W) of a frame (H, W) of any intensity scale: detail and background.

    Both are in units of the spread (1.4826 MAD) of the detail, and compressed by arcsinh, since
    silicon and contamination are many times brighter than carbon.
    """
    background = gaussian_filter(image, _BACKGROUND_PX, mode="nearest", truncate=3)
    detail = image - background
    spread = 1.4826 * np.median(np.abs(detail - np.median(detail)))
    unit = max(float(spread), 0.05 * float(detail.std()), _TINY)  # whatever the unit
    level = background - np.median(background)
    return np.arcsinh(np.stack([detail, level]) / unit).astype(np.float32)


@torch.no_grad()
def segment(network: UNet, image: Image, *, mixed: bool = False) -> Image:
    """Probabilities of carbon and silicon at each pixel of a frame (H, W), (2, H, W).

    Parameters
    ----------
    network
        A trained network in evaluation mode.
    image
        A frame of any size, with pixels of `PIXEL_A`; large frames are processed in tiles.
    mixed
        Whether to compute in bfloat16, which pays off on hardware that is fast at it.
    """
    device = next(network.parameters()).device
    inputs = torch.from_numpy(normalised(image))[None].to(device)
    out = np.empty((2, *image.shape), np.float32)
    for tile, core, target in _tiles(image.shape[0], image.shape[1]):
        part = inputs[..., tile[0], tile[1]].contiguous(memory_format=torch.channels_last)
        with torch.autocast(device.type, torch.bfloat16, enabled=mixed):
            logits = network(part)
        probability = logits[0].float().softmax(0)[1:, core[0], core[1]]
        out[:, target[0], target[1]] = probability.cpu().numpy()
    return out


def _tiles(height: int, width: int) -> Iterator[tuple[Slices, Slices, Slices]]:
    """Tiles of a frame: (rows, columns) of a tile, of its core in the tile, and in the frame."""
    for tile_y, core_y, target_y in _steps(height):
        for tile_x, core_x, target_x in _steps(width):
            yield (tile_y, tile_x), (core_y, core_x), (target_y, target_x)


def _steps(side: int) -> Iterator[tuple[slice, slice, slice]]:
    """Tiles along one axis: a tile, its core in the tile, and its core in the frame."""
    core = _TILE - 2 * _OVERLAP
    if side <= _TILE:
        yield slice(0, side), slice(0, side), slice(0, side)
        return
    for start in range(0, side, core):
        stop = min(start + core, side)
        first, last = max(start - _OVERLAP, 0), min(stop + _OVERLAP, side)
        yield slice(first, last), slice(start - first, stop - first), slice(start, stop)


def atoms(probability: Image) -> DetectedAtoms:
    """Atoms of a segmented frame (2, H, W), at the centres of mass of the segments.

    Each pixel belongs to the nearest peak, so that atoms that touch are separated.
    """
    atom = probability.sum(0)
    peak = _peaks(atom)
    rows, columns = np.nonzero(atom > _SEGMENT)
    pixel = np.stack([rows, columns], axis=1).astype(np.float64)
    away, owner = cKDTree(peak).query(pixel, distance_upper_bound=_APART_PX)
    near = np.isfinite(away)
    owner, pixel = owner[near], pixel[near]
    carbon, silicon = probability[:, rows[near], columns[near]].astype(np.float64)

    def total(values: Floats) -> Floats:
        return np.bincount(owner, values, minlength=len(peak)).astype(np.float64)

    mass, area = total(carbon + silicon), total(np.ones(len(owner)))
    large = mass > _LEAST_SHARE * np.pi * RADIUS_PX**2
    weighted = [total((carbon + silicon) * pixel[:, k]) for k in (0, 1)]
    return DetectedAtoms(
        position=(np.stack(weighted, axis=1)[large]) / mass[large, None],
        species=(total(silicon) > total(carbon))[large].astype(np.int64),
        confidence=np.minimum(mass[large] / area[large], 1.0),
    )


def _peaks(atom: Image) -> Floats:
    """Local maxima of the probability of an atom, (P, 2); a plateau counts once, at its mean."""
    smooth = gaussian_filter(atom, _SMOOTH_PX)
    rows, columns = np.mgrid[-4:5, -4:5]
    disc = np.hypot(rows, columns) <= _APART_PX - 1
    highest = (maximum_filter(smooth, footprint=disc) == smooth) & (smooth > _PEAK)
    plateau, n = label(highest, np.ones((3, 3)))
    grid = np.indices(atom.shape)
    return np.stack([mean_over(axis, plateau, np.arange(1, n + 1)) for axis in grid], axis=1)
