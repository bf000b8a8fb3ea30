"""Where the object of an image is and how large, whatever its background and noise.

An encoder that is made for centred objects of one size has to learn less than one that must find
them, and classes that differ in shape are not confused with shifts and sizes. The object is what
differs from a plane through the image's border, in a blurred and shrunk copy of the image:

1. The plane is fitted to the border by weighted least squares; what neighbours cover gets no
   weight (Cauchy weights, of decreasing scale).
2. A soft mask has the pixels above half of the object's brightness, and above the noise.
3. The densest spot is the first guess of the centre, and moments within a window around it give
   centre and size, three times.

What belongs to the data set (noise, sign of the contrast, usual size) is estimated once from
training images and stored with the network, so that an image is located alike wherever it is.
"""

import math
from dataclasses import asdict, dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vaerun.data.image_set import Images
from vaerun.geometry import Pose, pixel_grid, place
from vaerun.utils.arrays import evenly, n_at_once

# B images, h w rows and columns of the shrunk copy.

_SIDE = 32  # pixels along the longer side of the shrunk copy, at most
_BORDER = 2  # pixels
_BLUR, _BROAD_BLUR = 0.8, 3.0  # sd in pixels of the shrunk copy
_SCALES = (30.0, 8.0, 4.0, 3.0)  # of the Cauchy weights, in sd of the border
_NOISE = 3.0  # sd of the noise that a pixel of the object is above, at least
_FEWEST_PIXELS = 3  # of the shrunk copy, that an object has more of
_LEAST_SD = 0.01  # of the noise; images are in [0, 1]
_WINDOW = 2.2  # radius over the object's root mean square radius
_USUAL = (0.6, 1.5)  # radii that a window is made for, over the usual one
_SIZES = (0.5, 2.0)  # sizes that are believed, over the usual one
_CENTRAL = 0.7  # sd of the weight of where an object is expected, grid units
_TWO_SIGNED = 0.3  # |sum| over sum of |·| below which objects are bright and dark at once
# An image has one object on its own if more than this share of what stands out hangs together, it
# covers less than this share of the field, and the border less than this share of that.
_LEAST_SHARE, _MOST_COVERED, _MOST_OF_BORDER = 0.6, 0.6, 0.8
_ENOUGH = 0.7  # of the images have one
_MOST_TO_FIT, _CHUNK = 2000, 500  # images


class Location(NamedTuple):
    """Centre (B, 2), grid units, and size (B,) of objects, 1 for the usual one."""

    centre: Tensor
    size: Tensor


class _Moments(NamedTuple):
    area: Tensor  # (B,) grid units²
    centre: Tensor  # (B, 2) grid units
    radius: Tensor  # (B,) root mean square, grid units


@dataclass(frozen=True, kw_only=True)
class LocatorConstants:
    """What the images of a data set share.

    Attributes
    ----------
    sign
        1 for bright objects, −1 for dark ones, 0 for objects that are both.
    border_sd, noise_sd
        Robust sd of the border around its plane, before and after blurring.
    radius, size
        Usual root mean square radius and square root of the area, grid units.
    """

    sign: float
    border_sd: float
    noise_sd: float
    radius: float
    size: float


class ObjectLocator(nn.Module):
    """Finds the one object of an image; leaves images alone that have none or several.

    Until `fit` has found that most training images have one object on its own, every object is
    taken to be in the middle and of usual size.

    Parameters
    ----------
    size
        (H, W) of the images.
    centred, sized
        Whether centres and sizes are estimated; those that are not are 0 and 1.
    """

    rows: Tensor
    columns: Tensor
    border: Tensor
    points: Tensor

    def __init__(self, size: tuple[int, int], *, centred: bool, sized: bool) -> None:
        super().__init__()
        self.centred, self.sized = centred, sized
        self.constants: LocatorConstants | None = None
        factor = max(math.ceil(max(size) / _SIDE), 1)
        height, width = (max(round(n / factor), 1) for n in size)
        border = torch.ones(height, width)
        border[_BORDER:-_BORDER, _BORDER:-_BORDER] = 0
        self.has_middle = min(height, width) > 2 * _BORDER + 2
        rows, columns = _pooling(size[0], height), _pooling(size[1], width)
        row, column = pixel_grid(*size).unbind(-1)
        points = torch.stack([rows @ row @ columns.T, rows @ column @ columns.T], dim=-1)
        for name, values in (("rows", rows), ("columns", columns), ("border", border)):
            self.register_buffer(name, values, persistent=False)
        self.register_buffer("points", points, persistent=False)
        # grid units² of a pixel of the shrunk copy
        self.pixel_area = 4 * size[0] * size[1] / max(size) ** 2 / border.numel()

    @property
    def reach(self) -> float:
        """Side of a square that holds a centred object of usual size, over the longer side."""
        return math.inf if self.constants is None else _WINDOW * self.constants.radius

    def get_extra_state(self) -> dict[str, float]:
        """Constants, to be stored with the network."""
        return {} if self.constants is None else asdict(self.constants)

    def set_extra_state(self, state: dict[str, float]) -> None:
        """Restore the constants."""
        self.constants = LocatorConstants(**state) if state else None

    @torch.no_grad()
    def fit(self, images: Images) -> bool:
        """Estimate the constants from images (N, C, H, W); returns whether most have one object.

        At most 2,000 images, evenly chosen, are looked at.
        """
        self.constants = None
        rows = torch.from_numpy(evenly(len(images), _MOST_TO_FIT))
        device = self.points.device
        chunk = n_at_once(images.shape[1:].numel(), _CHUNK)
        small = torch.cat([self._shrunk(images[i].to(device)) for i in rows.split(chunk)])
        if self.has_middle:
            self.constants = self._fitted(small)
        return self.constants is not None

    def _fitted(self, small: Tensor) -> LocatorConstants | None:
        """Constants of small copies (N, h, w), None unless most of them have one object."""
        level = small - self._plane(small, float(_difference_sd(small)))
        border_sd = self._border_sd(level)
        level = _blurred(small - self._plane(small, border_sd), _BLUR)
        noise_sd = self._border_sd(level)
        strong = level * (level.abs() > _NOISE * noise_sd)
        total, both = float(strong.sum()), float(strong.abs().sum())
        sign = 0.0 if abs(total) <= _TWO_SIGNED * both else math.copysign(1.0, total)
        mask, there = self._mask(level, sign, noise_sd)
        mask = mask[there]
        if not len(mask):
            return None
        alone = mask * _connected(mask, self._densest(mask))
        covered = mask.mean((1, 2))
        of_border = (mask * self.border).sum((1, 2)) / self.border.sum()
        single = alone.sum((1, 2)) > _LEAST_SHARE * mask.sum((1, 2))
        single &= (covered < _MOST_COVERED) & (of_border < _MOST_OF_BORDER * covered)
        if int(single.sum()) < max(_ENOUGH * len(small), 1):
            return None
        radius = float(self._moments(alone[single]).radius.median())
        found = self._search(mask[single], radius)
        return LocatorConstants(
            sign=sign,
            border_sd=border_sd,
            noise_sd=noise_sd,
            radius=radius,
            size=float(found.area.sqrt().median()),
        )

    @torch.no_grad()
    def forward(self, images: Tensor) -> Location:
        """Location of the object in each image (B, C, H, W); middle and usual size if none."""
        constants = self.constants
        if constants is None:
            n, device = len(images), images.device
            return Location(torch.zeros(n, 2, device=device), torch.ones(n, device=device))
        with torch.autocast(images.device.type, enabled=False):
            small = self._shrunk(images.float())
            level = _blurred(small - self._plane(small, constants.border_sd), _BLUR)
            mask, there = self._mask(level, constants.sign, constants.noise_sd)
            found = self._search(mask, constants.radius)
        size = (found.area.sqrt() / constants.size).clamp(*_SIZES)
        return Location(
            torch.where((there & self.centred)[:, None], found.centre.clamp(-1, 1), 0.0),
            torch.where(there & self.sized, size, 1.0),
        )

    def _shrunk(self, images: Tensor) -> Tensor:
        """Small grey copies (B, h, w) of images (B, C, H, W)."""
        return self.rows @ images.mean(1) @ self.columns.T

    def _plane(self, small: Tensor, sd: float) -> Tensor:
        """A plane through the border, of this noise, of each image (B, h, w)."""
        row, column = self.points.unbind(-1)
        basis = torch.stack([torch.ones_like(row), row, column]).flatten(1)  # (3, h·w)
        products = (basis[:, None] * basis[None]).flatten(0, 1)  # (9, h·w)
        flat, border = small.flatten(1), self.border.flatten()
        plane = torch.zeros_like(flat)
        for scale in (math.inf, *_SCALES):
            weight = border / (1 + ((flat - plane) / (scale * max(sd, _LEAST_SD))).square())
            normal = (weight @ products.T).unflatten(1, (3, 3))
            plane = _solved(normal, (weight * flat) @ basis.T) @ basis
        return plane.view_as(small)

    def _border_sd(self, level: Tensor) -> float:
        """Robust sd of the border of all images (B, h, w)."""
        values = level[:, self.border > 0].abs()
        return max(float(values.median()) / 0.6745, _LEAST_SD)

    def _mask(self, level: Tensor, sign: float, noise_sd: float) -> tuple[Tensor, Tensor]:
        """Soft mask (B, h, w) of the object, and whether there is one (B,)."""
        least = _NOISE * noise_sd
        level = sign * level if sign else level.abs()
        above = torch.where(level > least, level, 0.0)
        top = above.square().sum((1, 2)) / above.sum((1, 2)).clamp_min(1e-9)
        top = top[:, None, None].clamp_min(1e-3)
        mask = ((level - (0.5 * top).clamp_min(least)) / (0.1 * top)).sigmoid()
        return mask, (above > 0).flatten(1).sum(1) > _FEWEST_PIXELS

    def _densest(self, mask: Tensor) -> Tensor:
        """Flat number (B,) of the pixel where most of the mask (B, h, w) is around."""
        density = _blurred(mask, _BROAD_BLUR, padding="constant")
        expected = torch.exp(-0.5 * self.points.square().sum(-1) / _CENTRAL**2)
        return (density * expected).flatten(1).argmax(1)

    def _search(self, mask: Tensor, usual: float) -> _Moments:
        """Moments of the object in each mask (B, h, w); ``usual`` is the usual radius."""
        centre = self.points.flatten(0, 1)[self._densest(mask)]
        radius = torch.full_like(mask[:, 0, 0], usual)
        for _ in range(3):
            reach = _WINDOW * radius.clamp(_USUAL[0] * usual, _USUAL[1] * usual)[:, None, None]
            away = (self.points - centre[:, None, None]).square().sum(-1).sqrt()
            window = ((reach - away) / (0.1 * reach)).sigmoid()
            found = self._moments(mask * window)
            centre, radius = found.centre, found.radius
        return found

    def _moments(self, mask: Tensor) -> _Moments:
        """Area, centre and root mean square radius of masks (B, h, w)."""
        flat, points = mask.flatten(1), self.points.flatten(0, 1)
        total = flat.sum(1).clamp_min(1e-6)
        centre = (flat @ points) / total[:, None]
        second = (flat @ points.square().sum(1)) / total
        spread = (second - centre.square().sum(1)).clamp_min(1e-6)
        return _Moments(total * self.pixel_area, centre, spread.sqrt())


def centre_and_size(images: Tensor, at: Location) -> Tensor:
    """Images (B, C, H, W) with the object in the middle and of usual size."""
    pose = Pose(torch.zeros_like(at.size), -at.centre / at.size[:, None], 1 / at.size)
    with torch.autocast(images.device.type, enabled=False):
        height, width = images.shape[-2:]
        return place(images.float(), pose, (height, width))


def _difference_sd(images: Tensor) -> Tensor:
    """Noise sd of images (B, h, w), from differences of differences, which edges seldom touch."""
    across = images[:, 1:] - images[:, :-1]
    both = across[:, :, 1:] - across[:, :, :-1]
    return both.abs().median() / (2 * 0.6745)


def _blurred(images: Tensor, sd: float, padding: str = "replicate") -> Tensor:
    """Images (B, h, w) after a Gaussian blur; ``padding`` as in `torch.nn.functional.pad`."""
    reach = math.ceil(3 * sd)
    line = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, device=images.device) / sd).square())
    line = line / line.sum()
    padded = F.pad(images[:, None], (reach,) * 4, mode=padding)
    return F.conv2d(F.conv2d(padded, line.view(1, 1, 1, -1)), line.view(1, 1, -1, 1))[:, 0]


def _connected(mask: Tensor, start: Tensor) -> Tensor:
    """1 for pixels of masks (B, h, w) that hang together with the pixel ``start`` (B,), else 0."""
    inside = (mask > 0.5).float()
    reached = torch.zeros_like(inside).flatten(1).scatter(1, start[:, None], 1.0)
    reached = F.max_pool2d(reached.view_as(inside), 5, 1, 2)  # the start may be in a hole
    for _ in range(2 * max(mask.shape[1:])):
        reached = inside * F.max_pool2d(reached, 3, 1, 1)
    return F.max_pool2d(reached, 3, 1, 1)  # with the soft edge


def _solved(normal: Tensor, right: Tensor) -> Tensor:
    """Solve normal · x = right for symmetric (B, 3, 3) and (B, 3), by Cramer's rule."""
    a, b, c = normal.unbind(1)
    cofactors = torch.stack([_cross(b, c), _cross(c, a), _cross(a, b)], 1)
    determinant = (a * cofactors[:, 0]).sum(1).clamp_min(1e-9)
    return torch.einsum("bij,bi->bj", cofactors, right) / determinant[:, None]


def _cross(a: Tensor, b: Tensor) -> Tensor:
    """Cross product of (B, 3) and (B, 3); torch's own has no counterpart in ONNX."""
    return a.roll(-1, 1) * b.roll(-2, 1) - a.roll(-2, 1) * b.roll(-1, 1)


def _pooling(n: int, n_out: int) -> Tensor:
    """Matrix (n_out, n) that averages n pixels over n_out equal spans."""
    return F.adaptive_avg_pool1d(torch.eye(n), n_out).T.contiguous()
