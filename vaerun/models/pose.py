"""Pose models: none, one Gaussian per image, or an orbit of rotated (curves: shifted) copies.

Each has K bins of rotation or, of curves, of shift, priors of the offset within a bin, of shift
and scale, and the view that the encoder gets of an image.
"""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from vaerun.config.schema import field
from vaerun.geometry import (
    is_curve,
    n_shifts,
    pixel_size,
    shift_bins,
    shifted_back,
    wrap,
)
from vaerun.models.latents import AnglePrior
from vaerun.models.networks.orbit import Orbit, bin_angles, offset_sd
from vaerun.models.networks.resolution import MOST_SEEN_PX, seen_shape, side_px
from vaerun.models.object_locator import ObjectLocator

_SHIFT_HELP = "prior sd of the shift, grid units: 1 is half of the longer side"
_ORBIT_SHIFT_HELP = f"{_SHIFT_HELP}; of curves half a bin instead"
_SCALE_HELP = "prior sd of the log-scale"


class PoseModel(nn.Module):
    """Abstract: bins and pose priors of a model.

    Attributes
    ----------
    Config
        Dataclass of its options.
    bin_angle
        (K,) φ_k, radians.
    bin_shift
        (K, 2) row and column, grid units, that the shift of a curve is about; else zero.
    n_shifts
        Dimensions of a shift.
    angle, shift_sd, scale_sd
        Priors, None without that invariance.
    n_decode
        Hypotheses of an image that training and validation decode; None for all.
    locator
        Finds centre and size of the object, which are taken out of what the encoder sees and
        added to its posterior; None where the encoder sees the image as it is.
    seen_px
        Pixels along the longer side of what the encoder sees of an image, at most.
    orbit
        Turns what the encoder sees; None where it sees no turned copies.
    """

    Config: ClassVar[type]
    bin_angle: Tensor
    bin_shift: Tensor
    angle: AnglePrior | None = None
    shift_sd: float | None = None
    scale_sd: float | None = None
    n_decode: int | None = None
    seen_px: int = MOST_SEEN_PX
    locator: ObjectLocator | None
    orbit: Orbit | None

    def __init__(
        self, bin_angle: Tensor, image: tuple[int, int, int], bin_shift: Tensor | None = None
    ) -> None:
        super().__init__()
        self.locator = self.orbit = None  # class attributes would hide the modules of these names
        self.n_shifts = n_shifts(image[1])
        zero = torch.zeros(len(bin_angle), 2)
        self.register_buffer("bin_shift", zero if bin_shift is None else bin_shift, False)
        self.register_buffer("bin_angle", bin_angle, persistent=False)

    def nearest_bin(self, angle: Tensor) -> Tensor:
        """Nearest rotation bin (N,) of angles (N,) radians; −1 for NaN or with only one bin."""
        n_bins = len(self.bin_angle)
        if n_bins == 1:
            return torch.full((len(angle),), -1)
        away = wrap(angle.nan_to_num()[:, None] - self.bin_angle.to(angle.device)).abs()
        return torch.where(angle.isnan(), -1, away.argmin(1))

    def n_view_pixels(self, image: tuple[int, int, int]) -> int:
        """Inputs of the encoder for one view of what it sees of an image, (C, H, W)."""
        return math.prod(image)

    def views(self, images: Tensor) -> Tensor:
        """Views that the encoder gets of what it sees, (B, C, H, W) → (B, K, pixels)."""
        return images.flatten(1)[:, None]


@dataclass(frozen=True, kw_only=True, slots=True)
class NoPoseConfig:
    """Options of a model without a pose."""

    name: str = field("how the pose is inferred", choices=["none"])


class NoPose(PoseModel):
    """No latent of the pose."""

    Config = NoPoseConfig

    def __init__(
        self, config: NoPoseConfig, invariances: list[str], image: tuple[int, int, int]
    ) -> None:
        super().__init__(torch.zeros(1), image)
        del config, invariances


@dataclass(frozen=True, kw_only=True, slots=True)
class AmortizedConfig:
    """Options of the amortized pose."""

    name: str = field("how the pose is inferred", choices=["amortized"])
    angle_prior: str = field("prior of θ", choices=["normal", "width", "von_mises", "uniform"])
    angle_prior_sd: float = field("width of a normal or width prior of θ, radians", above=0.0)
    angle_prior_kappa: float = field("concentration κ of the von Mises prior of θ", min=0.0)
    shift_prior_sd: float = field(_SHIFT_HELP, above=0.0)
    scale_prior_sd: float = field(_SCALE_HELP, above=0.0)


class AmortizedPose(PoseModel):
    """q(θ, Δ, s | x) is one Gaussian, as in the review (eq. 4)."""

    Config = AmortizedConfig

    def __init__(
        self, config: AmortizedConfig, invariances: list[str], image: tuple[int, int, int]
    ) -> None:
        super().__init__(torch.zeros(1), image)
        if "r" in invariances:
            self.angle = AnglePrior(
                kind=config.angle_prior, sd=config.angle_prior_sd, kappa=config.angle_prior_kappa
            )
        self.shift_sd = config.shift_prior_sd if "t" in invariances else None
        self.scale_sd = config.scale_prior_sd if "s" in invariances else None


@dataclass(frozen=True, kw_only=True, slots=True)
class OrbitConfig:
    """Options of the orbit pose."""

    name: str = field("how the pose is inferred", choices=["orbit"])
    bins: int = field("bins K over the range of rotation or, for curves, of shift", min=2, max=128)
    angle_range_deg: float = field(
        "all angles are within ± this, degrees; 180 for any", above=0.0, max=180.0
    )
    shift_range: float = field(
        "bins are shifts over ± this of curves with t, grid units: 1 is half of the axis; a "
        "shift may go beyond",
        above=0.0,
        max=2.0,
    )
    decode: int | None = field(
        "hypotheses decoded: in training all but one are drawn from q, one evenly; else the "
        "likeliest; null: all",
        min=2,
    )
    copies_px: int | str = field(
        "pixels along the longer side of the copies, at most; auto: 64 or more, so that averaging "
        "large images takes at most 2 % of their structure",
        min=4,
        max=MOST_SEEN_PX,
        choices=["auto"],
    )
    window_px: int | str = field(
        "pixels across the circle in the middle of each copy that the encoder sees; auto: what "
        "objects reach, or all of images that fill their field but their corners, which would "
        "reveal the rotation",
        min=1,
        choices=["auto"],
    )
    locate: bool | str = field(
        "whether the encoder sees the object centred, with t, and at its usual size, with s, "
        "where images have one object on its own; what was taken out is added to shift and "
        "scale; auto: unless images fill their field",
        choices=["auto"],
    )
    shift_prior_sd: float = field(_ORBIT_SHIFT_HELP, above=0.0)
    scale_prior_sd: float = field(_SCALE_HELP, above=0.0)


class OrbitPose(PoseModel):
    """The encoder scores K copies of the image, each turned back by the angle of one bin.

    Copies of a curve are shifted back instead, by whole points; the prior of the shift within a
    bin has an sd of half a bin, so that with that of the bin it is flat over the range.
    """

    Config = OrbitConfig

    def __init__(
        self, config: OrbitConfig, invariances: list[str], image: tuple[int, int, int]
    ) -> None:
        rotates, height = "r" in invariances, image[1]
        if is_curve(height):
            self._of_curves(config, invariances, image)
            return
        range_deg = config.angle_range_deg
        super().__init__(bin_angles(config.bins, range_deg) if rotates else torch.zeros(1), image)
        if rotates:
            self.angle = AnglePrior(kind="normal", sd=offset_sd(config.bins, range_deg))
            self.n_decode = config.decode
        self.shift_sd = config.shift_prior_sd if "t" in invariances else None
        self.scale_sd = config.scale_prior_sd if "s" in invariances else None
        self.seen_px = side_px(config.copies_px, MOST_SEEN_PX)
        seen = seen_shape(image, self.seen_px)[1:]
        diameter = None  # before any image is known
        if isinstance(config.window_px, int):
            diameter = config.window_px * max(seen) / max(image[1:])
        self.orbit = Orbit(self.bin_angle, seen, diameter)
        assert isinstance(config.locate, bool), "auto is resolved before a network is made"
        if config.locate and {"t", "s"} & set(invariances):
            self.locator = ObjectLocator(
                image[1:], centred="t" in invariances, sized="s" in invariances
            )

    def _of_curves(
        self, config: OrbitConfig, invariances: list[str], image: tuple[int, int, int]
    ) -> None:
        """Set up bins of shift for curves (C, 1, L) with `t`, a single view of others."""
        shifts, width = "t" in invariances, seen_shape(image, MOST_SEEN_PX)[2]
        points = torch.zeros(1, dtype=torch.long)
        if shifts:
            points = shift_bins(config.bins, config.shift_range, width)
        columns = points * pixel_size(1, width)
        super().__init__(
            torch.zeros(len(points)), image, torch.stack([torch.zeros_like(columns), columns], 1)
        )
        self.points: Tensor
        self.register_buffer("points", points, persistent=False)
        if shifts:
            self.shift_sd = config.shift_range / len(points)
            self.n_decode = config.decode
        self.scale_sd = config.scale_prior_sd if "s" in invariances else None

    def n_view_pixels(self, image: tuple[int, int, int]) -> int:
        """Inputs of the encoder for one copy of an image (C, H, W), or a curve."""
        return math.prod(image) if self.orbit is None else image[0] * self.orbit.n_pixels

    def views(self, images: Tensor) -> Tensor:
        """Rotated or shifted copies (B, K, pixels) of what the encoder sees, (B, C, H, W)."""
        if self.orbit is None:
            return shifted_back(images, self.points).flatten(2)
        return self.orbit(images)


# `model.pose.name` → its class; its options are its `Config`
POSES: dict[str, type[Any]] = {"none": NoPose, "amortized": AmortizedPose, "orbit": OrbitPose}
