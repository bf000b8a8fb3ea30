"""How a model looks for the pose: not at all, by one Gaussian, or over an orbit of rotations.

Each choice says which bins of rotation there are (K of them), what prior the remaining offset,
shift and scale have, and what the encoder sees.
"""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from vaerun.config.schema import field
from vaerun.geometry import wrap
from vaerun.models.latents import AnglePrior
from vaerun.models.networks.orbit import Orbit, bin_angles, offset_sd

_SHIFT_HELP = "prior sd of the shift, grid units: 1 is half of the longer side"
_SCALE_HELP = "prior sd of the log-scale"


class PoseModel(nn.Module):
    """Abstract: the bins of rotation and the pose priors of a model.

    Attributes
    ----------
    Config
        Dataclass of its options.
    bin_angle
        (K,) φ_k, radians.
    angle, shift_sd, scale_sd
        Priors, None without that invariance.
    n_decode
        Hypotheses decoded in a training step; None decodes them all.
    """

    Config: ClassVar[type]
    bin_angle: Tensor
    angle: AnglePrior | None = None
    shift_sd: float | None = None
    scale_sd: float | None = None
    n_decode: int | None = None

    def __init__(self, bin_angle: Tensor) -> None:
        super().__init__()
        self.register_buffer("bin_angle", bin_angle, persistent=False)

    def nearest_bin(self, angle: Tensor) -> Tensor:
        """The bin of each angle (N,) radians, (N,); −1 where it is NaN or there is but one bin."""
        n_bins = len(self.bin_angle)
        if n_bins == 1:
            return torch.full((len(angle),), -1)
        away = wrap(angle.nan_to_num()[:, None] - self.bin_angle.to(angle.device)).abs()
        return torch.where(angle.isnan(), -1, away.argmin(1))

    def n_view_pixels(self, image: tuple[int, int, int]) -> int:
        """Pixels of one copy of an image (C, H, W), channels counted."""
        return math.prod(image)

    def views(self, images: Tensor) -> Tensor:
        """What the encoder sees: (B, C, H, W) → (B, K, pixels)."""
        return images.flatten(1)[:, None]


@dataclass(frozen=True, kw_only=True, slots=True)
class NoPoseConfig:
    """Options of a model without a pose."""

    name: str = field("how the pose is sought", choices=["none"])


class NoPose(PoseModel):
    """Every image is taken as it comes."""

    Config = NoPoseConfig

    def __init__(
        self, config: NoPoseConfig, invariances: list[str], image: tuple[int, int, int]
    ) -> None:
        super().__init__(torch.zeros(1))
        del config, invariances, image


@dataclass(frozen=True, kw_only=True, slots=True)
class AmortizedConfig:
    """Options of the paper's pose: one Gaussian an image."""

    name: str = field("how the pose is sought", choices=["amortized"])
    angle_prior: str = field("prior of θ", choices=["normal", "width", "von_mises", "uniform"])
    angle_prior_sd: float = field("width of a normal or width prior of θ, radians", above=0.0)
    angle_prior_kappa: float = field("concentration κ of the von Mises prior of θ", min=0.0)
    shift_prior_sd: float = field(_SHIFT_HELP, above=0.0)
    scale_prior_sd: float = field(_SCALE_HELP, above=0.0)


class AmortizedPose(PoseModel):
    """The encoder names one pose, and how sure it is (eq. 4)."""

    Config = AmortizedConfig

    def __init__(
        self, config: AmortizedConfig, invariances: list[str], image: tuple[int, int, int]
    ) -> None:
        super().__init__(torch.zeros(1))
        del image
        if "r" in invariances:
            self.angle = AnglePrior(
                kind=config.angle_prior, sd=config.angle_prior_sd, kappa=config.angle_prior_kappa
            )
        self.shift_sd = config.shift_prior_sd if "t" in invariances else None
        self.scale_sd = config.scale_prior_sd if "s" in invariances else None


@dataclass(frozen=True, kw_only=True, slots=True)
class OrbitConfig:
    """Options of the orbit pose."""

    name: str = field("how the pose is sought", choices=["orbit"])
    bins: int = field("coarse rotations K over the range", min=2, max=128)
    angle_range_deg: float = field(
        "angles are known to lie within ± this; 180 for any", above=0.0, max=180.0
    )
    decode: int | None = field(
        "hypotheses decoded in a training step, drawn from q and one evenly; null: all",
        min=2,
    )
    mask: bool = field(
        "blank the corners of the copies: for images that fill their field, whose corners would "
        "give the rotation away"
    )
    shift_prior_sd: float = field(_SHIFT_HELP, above=0.0)
    scale_prior_sd: float = field(_SCALE_HELP, above=0.0)


class OrbitPose(PoseModel):
    """The encoder weighs K copies of the image, each turned back by one bin's angle."""

    Config = OrbitConfig

    def __init__(
        self, config: OrbitConfig, invariances: list[str], image: tuple[int, int, int]
    ) -> None:
        rotates = "r" in invariances
        range_deg = config.angle_range_deg
        super().__init__(bin_angles(config.bins, range_deg) if rotates else torch.zeros(1))
        if rotates:
            self.angle = AnglePrior(kind="normal", sd=offset_sd(config.bins, range_deg))
            self.n_decode = config.decode
        self.shift_sd = config.shift_prior_sd if "t" in invariances else None
        self.scale_sd = config.scale_prior_sd if "s" in invariances else None
        self.orbit = Orbit(self.bin_angle, image[1:], mask=config.mask)

    def n_view_pixels(self, image: tuple[int, int, int]) -> int:
        """Pixels of one square copy of an image (C, H, W), channels counted."""
        return image[0] * self.orbit.side**2

    def views(self, images: Tensor) -> Tensor:
        """Copies (B, K, pixels), one for each bin."""
        return self.orbit(images)


# `model.pose.name` → how the pose is sought; its options are its `Config`
POSES: dict[str, type[Any]] = {"none": NoPose, "amortized": AmortizedPose, "orbit": OrbitPose}
