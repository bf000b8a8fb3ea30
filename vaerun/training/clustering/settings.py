"""Settings of the template clustering that yields pseudo-labels."""

import math
from dataclasses import dataclass

from vaerun.models.config import ModelConfig

_MOST_DIMS = 2  # of a layout


@dataclass(frozen=True, kw_only=True)
class ClusteringSettings:
    """Size of the template mixtures and the poses that they search.

    Several mixtures, fitted from different starts, are joined in one template graph: a class that
    is split in one of them may be connected in another.
    """

    n_classes: int  # J
    n_templates: int  # of one mixture, for all classes together
    n_repeats: int  # mixtures
    angle_range: float  # radians: ± this is searched, 0 for no rotation, π for the full circle
    centre: bool  # whether the object of each image is first moved to the middle
    size: bool  # whether it is also brought to the usual size
    mask: bool  # whether only the inscribed circle counts, which no rotation moves out
    likelihood: str  # of a pixel given a template, bernoulli or gaussian
    shift_range: float = 0.0  # grid units: shifts of curves within ± this are searched
    level: bool = False  # whether curves are first brought to one mean and contrast
    n_dims: int = 0  # of the layout of the templates, in which images get a place, 0 for none

    @property
    def any_angle(self) -> bool:
        """Whether the full circle is searched, so that classes get a canonical orientation."""
        return self.angle_range >= math.pi - 1e-6


def clustering_settings(config: ModelConfig, n_classes: int) -> ClusteringSettings | None:
    """Clustering settings that follow from a model's config; None if it has no templates."""
    templates = config.clustering.templates
    assert isinstance(templates, int), "auto is resolved before"
    if not templates:
        return None
    pose = config.pose
    moved = getattr(pose, "locate", True)  # images that fill their field are left as they are
    angle_range = getattr(pose, "angle_range_deg", 180.0) if "r" in config.invariances else 0.0
    return ClusteringSettings(
        n_classes=n_classes,
        n_templates=max(n_classes * templates, 2),  # one alone has no neighbour
        n_repeats=config.clustering.repeats,
        angle_range=math.radians(angle_range),
        centre=moved and "t" in config.invariances,
        size=moved and "s" in config.invariances,
        mask=not moved,
        likelihood=config.likelihood,
        shift_range=getattr(pose, "shift_range", 0.0) if "t" in config.invariances else 0.0,
        level="i" in config.invariances,
        n_dims=min(config.latent_dim, _MOST_DIMS) if config.clustering.layout else 0,
    )
