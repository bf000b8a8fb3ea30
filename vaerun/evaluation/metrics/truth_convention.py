"""True angles and shifts that are given by another convention than ours, recognised by their fit.

Tables of other programs have angles in degrees, clockwise, or of an object that looks the same
after part of a turn; and shifts as (x, y), or of the window instead of the object. A model that
follows the images fits them after the right conversion, and hardly before it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from vaerun.evaluation.metrics.circular import resultant
from vaerun.models.encodings import Encodings

Floats = npt.NDArray[np.floating]
Factors = dict[str, npt.NDArray[np.float32]]
Convert = Callable[[Factors], Factors]

_FITS, _BETTER = 0.9, 0.3  # R or correlation after the conversion, and what it has to gain
_FEWEST = 30
_SYMMETRIES = (1, 2, 3, 4, 6)


@dataclass(frozen=True, kw_only=True)
class TruthConvention:
    """A conversion of true values and how well they fit before and after it.

    Attributes
    ----------
    factor
        ``angle`` or ``shift``.
    text
        What is different about the values, in a few words.
    before, after
        Agreement R of angles, or correlation of shifts.
    convert
        Function of the true values by name, which returns those by our convention.
    symmetry
        Angles agree modulo a turn over this.
    """

    factor: str
    text: str
    before: float
    after: float
    convert: Convert
    symmetry: int = 1

    def sentence(self) -> str:
        """What was recognised, with its evidence."""
        name = "R" if self.factor == "angle" else "correlation"
        return (
            f"your {self.factor}s {self.text}: {name} {self.after:.3f}, as given {self.before:.3f}"
        )


def recognise(encodings: Encodings, symmetry: Sequence[int]) -> list[TruthConvention]:
    """Conventions other than ours that true angles and shifts of the images (N,) are given by.

    Parameters
    ----------
    encodings
        Of images with ``angle``, ``shift_row`` and ``shift_column`` among the factors, or some.
    symmetry
        Order of the rotational symmetry of each class, empty where it is not known.
    """
    found = [_angle(encodings, max(symmetry, default=1)), _shift(encodings)]
    return [convention for convention in found if convention is not None]


def converted(encodings: Encodings, conventions: Sequence[TruthConvention]) -> Encodings:
    """The encodings with true values by our convention."""
    factors = dict(encodings.factors)
    for convention in conventions:
        factors |= convention.convert(factors)
    return replace(encodings, factors=factors)


def _angle(encodings: Encodings, symmetry: int) -> TruthConvention | None:
    truth = encodings.factors.get("angle")
    if truth is None or not np.any(encodings.angle):
        return None
    known = np.isfinite(truth)
    if known.sum() < _FEWEST or np.ptp(truth[known]) < 1e-3:
        return None
    group = _groups(encodings)[known]
    angle, given = encodings.angle[known].astype(np.float64), truth[known].astype(np.float64)
    before = _agreement(angle, given, group, symmetry)
    if before > _FITS:
        return None
    tried: list[TruthConvention] = []
    for unit, to_radians in (("", 1.0), ("are in degrees", np.pi / 180)):
        for sense, sign in (("", 1.0), ("run clockwise", -1.0)):
            for order in _SYMMETRIES:
                words = [word for word in (unit, sense) if word]
                words += [f"hold modulo {360 / order:g}°"] if order != symmetry else []
                if order < symmetry or not words:
                    continue
                factor = float(sign * to_radians)
                after = _agreement(angle, factor * given, group, order)
                tried.append(TruthConvention(
                    factor="angle", text=" and ".join(words), before=before, after=after,
                    convert=_scaled("angle", factor), symmetry=order,
                ))  # fmt: skip
    return _best(tried, before)


def _shift(encodings: Encodings) -> TruthConvention | None:
    names = ("shift_row", "shift_column")
    if not set(names) <= encodings.factors.keys() or not np.any(encodings.shift):
        return None
    truth = np.stack([encodings.factors[name] for name in names], 1).astype(np.float64)
    known = np.isfinite(truth).all(1)
    truth, shift = truth[known], encodings.shift[known].astype(np.float64)
    if len(truth) < _FEWEST or not (truth.std(0) > 0).all() or not (shift.std(0) > 0).all():
        return None
    both = np.corrcoef(shift.T, truth.T)[:2, 2:]  # found row, column × given row, column
    before = float(np.diag(both).mean())
    tried = []
    for swapped in (False, True):
        for row in (1, -1):
            for column in (1, -1):
                words = ["are (column, row)"] if swapped else []
                words += [f"have {name} of the opposite sign" for name, s in
                          (("rows", row), ("columns", column)) if s < 0]  # fmt: skip
                if words:
                    of_row, of_column = both[0, int(swapped)], both[1, 1 - int(swapped)]
                    tried.append(TruthConvention(
                        factor="shift", text=" and ".join(words), before=before,
                        after=float((row * of_row + column * of_column) / 2),
                        convert=_moved(row, column, swapped=swapped),
                    ))  # fmt: skip
    return _best(tried, before)


def _best(tried: list[TruthConvention], before: float) -> TruthConvention | None:
    """The first of the best: the simplest of those that fit equally well."""
    best = max(tried, key=lambda convention: round(convention.after, 2))
    return best if best.after > max(_FITS, before + _BETTER) else None


def _agreement(angle: Floats, truth: Floats, group: npt.NDArray[np.int64], order: int) -> float:
    """Mean R over groups of images, each with an offset of its own."""
    size = np.bincount(group)
    return float(np.average(
        [resultant((angle - truth)[group == j], order) for j in range(len(size)) if size[j]],
        weights=size[size > 0],
    ))  # fmt: skip


def _groups(encodings: Encodings) -> npt.NDArray[np.int64]:
    """Class of each image, given or inferred: each has its own canonical orientation.

    Without classes the kind of atom that a patch is on.
    """
    known = encodings.label if (encodings.label >= 0).all() else encodings.predicted
    if (known < 0).all() and encodings.place is not None:
        known = encodings.place.species
    return known - min(int(known.min()), 0)


def _scaled(name: str, factor: float) -> Convert:
    return lambda factors: {name: (factor * factors[name]).astype(np.float32)}


def _moved(row: int, column: int, *, swapped: bool) -> Convert:
    def convert(factors: Factors) -> Factors:
        given = factors["shift_row"], factors["shift_column"]
        first, second = reversed(given) if swapped else given
        return {"shift_row": row * first, "shift_column": column * second}

    return convert
