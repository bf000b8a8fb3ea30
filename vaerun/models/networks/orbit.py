"""Orbit of an image: its copies turned back by the angle φ_k of each rotation bin.

Turning the image by a bin permutes the copies, so the encoder's scores turn with the image. A
uniform prior over bins and a normal offset with an sd of half a bin add up to a prior of the angle
that is flat over the circle within 1.5 %, the uniform prior of the review (section 4.a). Over a
narrower range it is as flat inside and falls to half at the range's end.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vaerun.geometry import pixel_grid, pixel_size, rotation


def bin_angles(n_bins: int, range_deg: float) -> Tensor:
    """Centres φ_k of ``n_bins`` equal bins over ±``range_deg``, radians, (K,).

    Over the whole circle the first is at zero, so that a quarter turn maps bins onto bins when
    K is a multiple of four.
    """
    if range_deg >= 180:
        return torch.arange(n_bins) * (2 * math.pi / n_bins)
    width = 2 * math.radians(range_deg) / n_bins
    return (torch.arange(n_bins) - (n_bins - 1) / 2) * width


def offset_sd(n_bins: int, range_deg: float) -> float:
    """Prior width of the offset within a bin: half of the bin, radians."""
    return math.radians(min(range_deg, 180.0)) / n_bins


class Orbit(nn.Module):
    """Turns each image back by the angle of every rotation bin.

    Angles within a quarter turn are bilinear, by a weighted gather; the others are quarter turns
    of these, which only move pixels.

    Parameters
    ----------
    angles
        (K,) φ_k, radians.
    size
        (H, W) of the images.
    diameter
        Pixels across the circle in the middle that is kept of a copy; None: the whole copy. The
        corners of an image that fills its field would reveal the rotation, and pixels that no
        object reaches cost time.
    """

    def __init__(
        self, angles: Tensor, size: tuple[int, int], diameter: float | None = None
    ) -> None:
        super().__init__()
        self.angles, self.size, self.diameter = angles, size, diameter
        self.n_views, side = len(angles), max(size)
        kept = _circle(side, diameter)
        self.n_pixels = len(kept)
        within, which, turns = _quarter_turns(angles)
        index, weight = _gather_table(within, size, side, kept)
        self.index: Tensor
        self.weight: Tensor
        self.moved: Tensor
        self.register_buffer("index", index, persistent=False)
        self.register_buffer("weight", weight, persistent=False)
        self.register_buffer("moved", _moved(which, turns, side, kept), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W) → copies (B, K, C·P), of P pixels each.

        These are row by row those of a square of the longer side, or of the circle in it. They are
        stored pixel by pixel, as `Encoder` multiplies them, and under autocast in its
        type, being the largest array of a step.
        """
        n, channels = images.shape[:2]
        columns = images.flatten(2).permute(2, 1, 0).flatten(1).contiguous()  # (P, C·B)
        turned = self._mixed(columns)  # (angles within a quarter turn · P, C·B)
        if torch.is_autocast_enabled(images.device.type):
            turned = turned.to(torch.get_autocast_dtype(images.device.type))
        views = turned.index_select(0, self.moved)  # (P·K, C·B)
        views = views.view(self.n_pixels, self.n_views, channels, n)
        return views.permute(3, 1, 2, 0).flatten(2)  # no copy for one channel

    def between(self, n: int) -> "list[Orbit]":
        """The orbits of n times as many angles as this one, n evenly spaced within each bin."""
        if self.n_views == 1:
            return [self]
        device, bin_width = self.index.device, self.angles[1] - self.angles[0]
        turns = ((torch.arange(n) - (n - 1) / 2) / n * bin_width.cpu()).tolist()
        return [
            Orbit(self.angles.cpu() + turn, self.size, self.diameter).to(device) for turn in turns
        ]

    def _mixed(self, columns: Tensor) -> Tensor:
        """Weighted sums of four rows of ``columns`` (P, C·B) for each pixel of the copies."""
        if torch.compiler.is_compiling():  # in an export, where ONNX would loop over the bags
            terms = [columns[self.index[:, i]] * self.weight[:, i, None] for i in range(4)]
            return sum(terms[1:], terms[0])
        return F.embedding_bag(self.index, columns, per_sample_weights=self.weight, mode="sum")


def _quarter_turns(angles: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Split angles (K,) into an angle within a quarter turn and quarter turns.

    Returns
    -------
    tuple[Tensor, Tensor, Tensor]
        Distinct angles in [0, π/2), (A,); for each of the K angles the index of its distinct
        angle, (K,), and its number of quarter turns, (K,).
    """
    quarter = math.pi / 2
    exact = angles.double()
    turns = (exact / quarter + 1e-6).floor()
    rest = ((exact - turns * quarter) * 1e5).round() / 1e5
    within, which = rest.unique(return_inverse=True)
    # exact angles for the rounded ones
    first = (which[None] == torch.arange(len(within))[:, None]).int().argmax(1)
    return (exact - turns * quarter)[first], which, turns.long() % 4


def _circle(side: int, diameter: float | None) -> Tensor:
    """Numbers (P,) of the pixels, row by row, in the middle circle of a square; None: of all."""
    if diameter is None:
        return torch.arange(side**2)
    away = pixel_grid(side, side).flatten(0, 1).norm(dim=-1) / pixel_size(side, side)
    return (away <= (diameter - 1) / 2 + 1e-3).nonzero()[:, 0]


def _moved(which: Tensor, turns: Tensor, side: int, kept: Tensor) -> Tensor:
    """Index (P·K,) of each copy's pixels among those kept of the distinct angles."""
    number = torch.full((side**2,), -1)
    number[kept] = torch.arange(len(kept))
    number = number.view(side, side)
    copies = [
        number.rot90(-int(turn)).flatten()[kept] + int(base) * len(kept)
        for base, turn in zip(which, turns, strict=True)
    ]
    return torch.stack(copies, 1).flatten()


def _gather_table(
    angles: Tensor, size: tuple[int, int], side: int, kept: Tensor
) -> tuple[Tensor, Tensor]:
    """Four source pixels of each pixel kept of each copy, and their bilinear weights.

    Returns
    -------
    index, weight
        (K·P, 4) each; pixels outside the image have weight zero.
    """
    height, width = size
    step = 2.0 / max(side - 1, 1)
    target = pixel_grid(side, side).flatten(0, 1)[kept].double()  # (P, 2)
    # Copy k at p shows the image at R(φ_k)·p.
    source = torch.einsum("kij,pj->kpi", rotation(angles.double()), target)
    centre = source.new_tensor([(height - 1) / 2, (width - 1) / 2])
    pixel = (source / step + centre).mul(1e6).round().div(1e6)  # exact at quarter turns
    corner = pixel.floor()
    fraction = pixel - corner
    index, weight = [], []
    for row in (0, 1):
        for column in (0, 1):
            at = (corner + corner.new_tensor([row, column])).long()
            inside = (at >= 0).all(-1) & (at[..., 0] < height) & (at[..., 1] < width)
            share = (fraction[..., 0] if row else 1 - fraction[..., 0]) * (
                fraction[..., 1] if column else 1 - fraction[..., 1]
            )
            index.append(torch.where(inside, at[..., 0] * width + at[..., 1], 0))
            weight.append(torch.where(inside, share, 0.0))
    return torch.stack(index, -1).flatten(0, 1), torch.stack(weight, -1).flatten(0, 1).float()
