"""What an atlas is to look for before a model is trained."""

import math
from dataclasses import dataclass

from vaerun.models.config import ModelConfig


@dataclass(frozen=True, kw_only=True)
class ClusteringSettings:
    """What the atlas is to look for.

    Attributes
    ----------
    n_classes
        J.
    n_templates
        Of an atlas, for all classes together.
    n_atlases
        Atlases learned from different starts and linked together: what is torn in one may be
        whole in another.
    angle_range
        Radians: angles within ± this, 0 without rotation, π for any.
    centre
        Whether to move each image to its centre of mass first.
    mask
        Whether to look only at what stays in the image under rotation: the inscribed circle.
    """

    n_classes: int
    n_templates: int
    n_atlases: int
    angle_range: float
    centre: bool
    mask: bool

    @property
    def any_angle(self) -> bool:
        """Whether angles are looked for all round the circle, and uprights with them."""
        return self.angle_range >= math.pi - 1e-6


def clustering_settings(config: ModelConfig, n_classes: int) -> ClusteringSettings | None:
    """What to look for before a model is trained; None where it asks for no atlas."""
    if not config.clustering.templates:
        return None
    pose = config.pose
    mask = getattr(pose, "mask", False)
    angle_range = getattr(pose, "angle_range_deg", 180.0) if "r" in config.invariances else 0.0
    return ClusteringSettings(
        n_classes=n_classes,
        n_templates=max(n_classes * config.clustering.templates, 2),  # one alone has no neighbour
        n_atlases=config.clustering.repeats,
        angle_range=math.radians(angle_range),
        centre="t" in config.invariances and not mask,
        mask=mask,
    )
