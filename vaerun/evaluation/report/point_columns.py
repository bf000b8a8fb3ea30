"""Columns of numbers, one for each image, that place and colour the points of the report."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vaerun.data.patch_location import PatchLocation
from vaerun.evaluation.metrics.circular import wrap
from vaerun.evaluation.metrics.summary import is_flag, varies
from vaerun.evaluation.report.explorer import Explorer
from vaerun.microscopy.graphene import SPECIES
from vaerun.models.encodings import Encodings
from vaerun.models.latent_traversal import widest_dimensions

Values = npt.NDArray[np.floating] | npt.NDArray[np.integer]

# N images.

MOST_DIMENSIONS = 8  # of the content: those of the largest variance
TAILS = 0.005  # share of the values beyond each end of the colour scale


@dataclass(frozen=True, kw_only=True)
class Column:
    """A class, an angle or another quantity of every image.

    Attributes
    ----------
    name, title
        Its name in the page's data, and its title on the page.
    values
        (N,): class numbers, −1 unknown; or quantities, NaN unknown, angles in degrees.
    names
        Names of the classes, for a column of class numbers.
    period_deg
        Period of an angle; 0 for other quantities.
    """

    name: str
    title: str
    values: Values
    names: Sequence[str] = ()
    period_deg: float = 0.0

    @property
    def kind(self) -> str:
        """Kind of its colours: ``class``, ``angle`` or ``value``."""
        return "class" if self.names else "angle" if self.period_deg else "value"

    @property
    def limits(self) -> tuple[float, float]:
        """Ends of the colour scale: the whole period of a spread angle, else all but the tails."""
        finite = self.values[np.isfinite(self.values)]
        if self.period_deg and np.quantile(np.abs(finite), 0.99) > self.period_deg / 4:
            return -self.period_deg / 2, self.period_deg / 2
        low, high = np.quantile(finite, [TAILS, 1 - TAILS])
        return float(low), float(max(high, low + 1e-9))


def columns(explorer: Explorer) -> list[Column]:
    """Everything that varies among the images: class or target, content, pose and factors."""
    parts = (
        _class_columns(explorer),
        _target_columns(explorer.encodings),
        _content_columns(explorer.encodings),
        _pose_columns(explorer),
        _factor_columns(explorer),
    )
    return [column for part in parts for column in part if np.isfinite(column.values).any()]


def _class_columns(explorer: Explorer) -> Iterator[Column]:
    encodings = explorer.encodings
    if explorer.classes and (encodings.label >= 0).any():
        title = "Ring class" if encodings.has_ring_labels else "True class"
        yield Column(name="label", title=title, values=encodings.label, names=explorer.classes)
    if explorer.predicted_names:
        yield Column(
            name="predicted",
            title="Predicted class",
            values=encodings.predicted,
            names=explorer.predicted_names,
        )
    if encodings.place is not None:
        yield from _patch_classes(encodings.place, encodings)
    yield Column(
        name="split",
        title="Split",
        values=encodings.split,
        names=("training", "validation", "neither"),
    )


def _patch_classes(place: PatchLocation, encodings: Encodings) -> Iterator[Column]:
    if len(np.unique(place.species)) > 1:
        n = int(place.species.max()) + 1
        in_graphene = bool((place.ring_class >= 0).any())
        kinds = SPECIES if in_graphene else [f"sublattice {j}" for j in range(n)]
        yield Column(name="species", title="Species", values=place.species, names=kinds)
    if len(np.unique(place.ring_class)) > 1 and not encodings.has_ring_labels:
        names = [f"ring class {j}" for j in range(int(place.ring_class.max()) + 1)]
        yield Column(name="ring_class", title="Ring class", values=place.ring_class, names=names)


def _target_columns(encodings: Encodings) -> Iterator[Column]:
    if encodings.has_target:
        yield Column(name="target_mean", title="Inferred target", values=encodings.target_mean)
        yield Column(name="target_sd", title="Spread of the target", values=encodings.target_sd)


def _content_columns(encodings: Encodings) -> Iterator[Column]:
    z = encodings.z_mean
    for i in widest_dimensions(z, MOST_DIMENSIONS):
        yield Column(name=f"z{i + 1}", title=f"z{i + 1}", values=z[:, i])


def _pose_columns(explorer: Explorer) -> Iterator[Column]:
    encodings, period = explorer.encodings, 360 / explorer.symmetry
    if varies(encodings.angle):
        yield Column(
            name="angle",
            title="Encoded angle θ",
            values=_degrees(encodings.angle, explorer.symmetry),
            period_deg=period,
        )
    yield from _shift_columns(explorer)
    if varies(encodings.scale):
        yield Column(name="scale", title="Encoded scale", values=encodings.scale)
    for name in ("gain", "offset"):
        values = getattr(encodings, name)
        if varies(values):
            yield Column(name=name, title=f"Encoded {name} of the brightness", values=values)
    yield Column(name="error", title="Reconstruction error", values=encodings.error)


def _shift_columns(explorer: Explorer) -> Iterator[Column]:
    """Row and column shift in pixels; of curves the one along their axis, in its units."""
    shift, axis = explorer.encodings.shift, explorer.axis
    if axis is not None:
        values = shift[:, -1] * np.float32(axis.step)
        if varies(values):
            yield Column(name="shift", title=f"Encoded shift along {axis.label}", values=values)
        return
    for i, title in enumerate(("row", "column")):
        if varies(shift[:, i]):
            title_in_px = f"Encoded {title} shift (pixels)"
            yield Column(name=f"shift_{title}", title=title_in_px, values=shift[:, i])


def _factor_columns(explorer: Explorer) -> Iterator[Column]:
    for name, values in explorer.encodings.factors.items():
        plain, title = f"true_{name}", f"True {name.replace('_', ' ')}"
        if not varies(values):
            continue
        if name == "angle":
            angle = _degrees(values, explorer.symmetry)
            yield Column(name=plain, title=title, values=angle, period_deg=360 / explorer.symmetry)
        elif is_flag(values):
            flags = np.where(np.isfinite(values), values, -1).astype(np.int64)
            yield Column(name=plain, title=title, values=flags, names=("no", "yes"))
        elif name == "shear":
            yield Column(name=plain, title=f"{title} (°)", values=np.rad2deg(values))
        else:
            yield Column(name=plain, title=title, values=values)


def _degrees(angle: Values, symmetry: int) -> Values:
    """Radians in degrees, modulo 360°/symmetry."""
    return np.rad2deg(wrap(angle, 2 * np.pi / symmetry))
