"""Sublattices and defects of a honeycomb lattice, recovered from the encodings of its atoms.

The surroundings of an ideal atom look the same after a turn by 120°, and those of an atom on the
other sublattice as if turned by 60° more. An invariant model has one content for both sublattices,
and two angles 60° apart.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from vaerun.evaluation.metrics.circular import wrap
from vaerun.evaluation.metrics.nearest_neighbours import mean_of_neighbours
from vaerun.models.encodings import Encodings

# N training atoms, M validation atoms, d content dimensions. Angles in radians.

SYMMETRY = 3  # of an ideal atom's surroundings
LEAST_SHARE = 0.05  # of the atoms in the smaller of two peaks; with fewer there is one peak
NEAREST = 50  # training atoms whose share of defects is the score of a validation atom
FEWEST = 10  # validation atoms for a metric of the angle

Floats = npt.NDArray[np.floating]


def lattice(train: Encodings, val: Encodings, symmetry: int = SYMMETRY) -> dict[str, float] | None:
    """Sublattices and defects as predicted from angle and content of validation atoms.

    Parameters
    ----------
    train, val
        Only patches centred on atoms count, each once. ``factors["sublattice"]`` is 0 or 1,
        ``factors["ideal"]`` 1 for atoms in ideal surroundings and 0 for others; both NaN where
        unknown. Where ``factors["grain"]`` is known, every grain of a frame has two peaks of its
        own, and the means over grains count.
    symmetry
        Order of that of an atom's surroundings; peaks of θ are looked for if it is threefold.

    Returns
    -------
    dict or None
        ``peak_separation_deg`` between the two peaks of θ modulo 120°: 60 is ideal, 0 a single
        peak; ``peak_width_deg``, the mean distance from the nearer peak: 15 for uniform θ;
        ``sublattice_accuracy`` of the nearer peak as the sublattice; ``defect_auc``, see
        `defect_auc`; ``two_class_accuracy`` of a model with two classes: balanced accuracy of one
        as ideal, the other as defective. Keys that do not apply are absent; None if all are.
    """
    train, val = _atoms(train), _atoms(val)
    measured: dict[str, Any] = {}
    if symmetry == SYMMETRY and len(val) >= FEWEST and np.any(val.angle):
        measured |= _of_grains(val)
    measured["defect_auc"] = _defects(train, val)
    measured["two_class_accuracy"] = _two_classes(val)
    return {name: value for name, value in measured.items() if value is not None} or None


def _atoms(encodings: Encodings) -> Encodings:
    """Patches centred on atoms, each once: labelled images are training images too."""
    if encodings.place is None:
        return encodings.select(np.zeros(len(encodings), bool))
    atoms = encodings.select(encodings.place.species >= 0)
    return atoms.select(np.unique(atoms.index, return_index=True)[1])


def _of_grains(val: Encodings) -> dict[str, float | None]:
    """`_sublattices` of each grain of each frame, as means over their atoms."""
    grain = val.factors.get("grain")
    if grain is None or not np.isfinite(grain).any():
        return _sublattices(val)
    val = val.select(np.isfinite(grain))
    assert val.place is not None
    number = np.stack([val.place.frame, val.factors["grain"]], axis=1)
    group = np.unique(number, axis=0, return_inverse=True)[1].ravel()
    members = [np.flatnonzero(group == i) for i in range(int(group.max()) + 1)]
    members = [rows for rows in members if len(rows) >= FEWEST]
    found = [_sublattices(val.select(rows)) for rows in members]
    weights = [len(rows) for rows in members]
    return {name: _mean([f[name] for f in found], weights) for name in found[0]} if found else {}


def _mean(values: Sequence[float | None], weights: Sequence[int]) -> float | None:
    """Weighted mean of the values that are there; None without any."""
    known = [(v, w) for v, w in zip(values, weights, strict=True) if v is not None]
    return (
        float(np.average([v for v, _ in known], weights=[w for _, w in known])) if known else None
    )


def _sublattices(val: Encodings) -> dict[str, float | None]:
    peaks, nearer = two_peaks(SYMMETRY * val.angle.astype(np.float64))
    distance = np.abs(wrap(SYMMETRY * val.angle - peaks[nearer]))
    share = nearer.mean()
    is_one = min(share, 1 - share) < LEAST_SHARE
    separation = 0.0 if is_one else float(np.abs(wrap(peaks[1] - peaks[0])))
    return {
        "peak_separation_deg": float(np.rad2deg(separation / SYMMETRY)),
        "peak_width_deg": float(np.rad2deg(distance.mean() / SYMMETRY)),
        "sublattice_accuracy": _accuracy(nearer, val.factors.get("sublattice")),
    }


def two_peaks(turns: npt.NDArray[np.float64]) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Circular 2-means of angles (M,) over the full circle: the peaks (2,), the nearer one (M,).

    The peaks start opposite each other, where the mean of exp(2i·turns) puts them.
    """
    unit = np.exp(1j * turns)
    first = np.angle(np.mean(unit**2)) / 2
    peaks = np.array([first, first + np.pi])
    nearer = np.full(len(turns), -1)
    for _ in range(100):
        before, nearer = nearer, np.abs(wrap(turns[:, None] - peaks)).argmin(1)
        if (nearer == before).all():
            break
        for side in np.unique(nearer):  # a peak without atoms stays where it is
            peaks[side] = np.angle(unit[nearer == side].mean())
    return peaks, nearer


def _accuracy(nearer: npt.NDArray[np.int64], sublattice: Floats | None) -> float | None:
    """Share of atoms on the sublattice of their peak, under the better of both assignments."""
    labelled = np.zeros(len(nearer), bool) if sublattice is None else np.isfinite(sublattice)
    if sublattice is None or not labelled.any() or not np.ptp(sublattice[labelled]):
        return None
    right = float(np.mean(nearer[labelled] == sublattice[labelled]))
    return max(right, 1 - right)


def _defects(train: Encodings, val: Encodings) -> float | None:
    if not {"ideal"} <= val.factors.keys() & train.factors.keys():
        return None
    train, val = (some.select(np.isfinite(some.factors["ideal"])) for some in (train, val))
    ideal = [some.factors["ideal"] > 0.5 for some in (train, val)]
    if len(train) < NEAREST or ideal[1].all() or not ideal[1].any():
        return None
    return defect_auc(train.z_mean, ~ideal[0], val.z_mean, ~ideal[1])


def _two_classes(val: Encodings) -> float | None:
    """Balanced accuracy of two classes as ideal and defective, the better assignment."""
    if val.class_probability.shape[1] != 2 or "ideal" not in val.factors:
        return None
    labelled = np.isfinite(val.factors["ideal"])
    ideal, predicted = val.factors["ideal"][labelled] > 0.5, val.predicted[labelled]
    if ideal.all() or not ideal.any():
        return None
    right = float(balanced_accuracy_score(ideal, predicted == 1))
    return max(right, 1 - right)


def defect_auc(
    z_train: Floats,
    is_defect_train: npt.NDArray[np.bool_],
    z_val: Floats,
    is_defect_val: npt.NDArray[np.bool_],
) -> float:
    """ROC area of defects predicted from content: 1 is always right, 0.5 chance.

    The score of a validation atom is the share of defects among the 50 training atoms nearest to
    it in z, (N, d) with N ≥ 50; validation atoms (M, d) are of both kinds.
    """
    score = mean_of_neighbours(z_train, is_defect_train, z_val, NEAREST)
    return float(roc_auc_score(is_defect_val, score))
