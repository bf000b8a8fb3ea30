"""The numbers of `metrics.json`: those of the encodings, and the PSNR of restored images."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from vaerun.data.image_set import POSE_FACTORS
from vaerun.evaluation.metrics.angle_given_factor import error_given_factor
from vaerun.evaluation.metrics.circular import (
    common_symmetry,
    mean_absolute_error,
    resultant,
    rotation_sense,
)
from vaerun.evaluation.metrics.clustering import (
    agreement,
    classification,
    kmeans_groups,
    kmeans_groups_of_posteriors,
    recall_one_to_one,
    usage,
)
from vaerun.evaluation.metrics.curve_pose import curve_pose
from vaerun.evaluation.metrics.nearest_neighbours import (
    NEIGHBOURS,
    rank_correlation,
    regression_r2,
    vote_accuracy,
)
from vaerun.evaluation.metrics.orientation_modes import count_orientation_modes
from vaerun.evaluation.metrics.paired_pose import paired_angle, paired_shift
from vaerun.evaluation.metrics.sublattices import NEAREST, defect_auc, lattice
from vaerun.models.encodings import Encodings

Floats = npt.NDArray[np.floating]

# N images, J classes. A quantity of each class is a list of J, None where a class has too few
# images. Factors are NaN where unknown.

MATERIAL_SHIFT_PX = 0.25  # standard deviation below which a shift is not worth correlating
# Images among which neighbours in z are searched (k-means learns from as many), and for which:
# with more it takes minutes and the metrics do not change.
MOST_TRAIN, MOST_VAL = 200_000, 50_000
# Validation images whose z is clustered with many starts, and numbers that these consist of: at
# most two seconds on one core.
MOST_CLUSTERED, MOST_CLUSTERED_NUMBERS = 10_000, 640_000
FEWEST = 5  # images in a class for metrics of its angle
_IN_LATTICE = "ideal"  # the flag that `lattice` has the ROC area of
_LEAST_MSE = float(np.finfo(np.float32).eps) ** 2  # equal images have 138 dB, not infinity


def varies(values: Floats) -> bool:
    """Whether a factor (N,) takes more than one value."""
    finite = values[np.isfinite(values)]
    return bool(len(finite) and np.ptp(finite) > 1e-6)


def is_flag(values: Floats) -> bool:
    """Whether a factor (N,) is 0 or 1 for all images: a yes or no, not a quantity."""
    finite = values[np.isfinite(values)]
    return bool(len(finite) and np.isin(finite, (0, 1)).all())


def summarise(
    encodings: Encodings,
    classes: Sequence[str],
    symmetry: Sequence[int],
    *,
    supervised: bool,
    unposed: Encodings | None = None,
) -> dict[str, Any]:
    """All metrics of the encodings that apply, as nested plain lists and floats.

    Parameters
    ----------
    encodings
        All splits. Metrics are those of validation images; neighbours and cluster centres are
        training images. Above `MOST_TRAIN` and `MOST_VAL` images an even selection is compared.
    classes
        Names of the J classes, empty when there are none.
    symmetry
        Order of the rotational symmetry of each class.
    supervised
        Whether the predicted classes were learned from labels: then they are judged as a
        classification, and the clustering is k-means on z.
    unposed
        Encodings of the objects in some validation images, in the same order and with the same
        ``index``, drawn at angle 0 and shift 0; None without.

    Returns
    -------
    dict
        `metrics.json` without ``elbo`` and ``train``; keys that do not apply are absent.
    """
    train, val = encodings.train, encodings.val
    near = train.thinned(MOST_TRAIN), val.thinned(MOST_VAL)
    measured: dict[str, Any] = {
        "classification": _classification(val, len(classes)) if supervised else None,
        "clustering": _clustering(train, val, len(classes), supervised=supervised),
        "clustering_z": _clustering_z(val, len(classes)),
        "knn_accuracy": _knn_accuracy(*near),
        **_pose(val, len(classes), symmetry, unposed),
        "factors": _factors(*near),
        "flags": _flags(*near),
        "lattice": lattice(*near, common_symmetry(symmetry)),
        "classes": list(classes),
        "n_train": len(train),
        "n_val": len(val),
        "latent_dim": int(encodings.z_mean.shape[1]),
    }
    return {key: value for key, value in measured.items() if value is not None}


def _classification(val: Encodings, n_classes: int) -> dict[str, object] | None:
    both = val.select((val.label >= 0) & (val.predicted >= 0))
    return classification(both.predicted, both.label, n_classes) if len(both) else None


def _clustering(
    train: Encodings, val: Encodings, n_classes: int, *, supervised: bool
) -> dict[str, Any] | None:
    labelled = val.select(val.label >= 0)
    if n_classes < 2 or not len(labelled):
        return None
    if not supervised and (labelled.predicted >= 0).all():
        shares = usage(
            np.concatenate([train.predicted, val.predicted]), val.class_probability.shape[1]
        )
        scores = _agreement(labelled.predicted, labelled.label, n_classes)
        return {**scores, "method": "y", "usage": shares.tolist()}
    train = train.thinned(MOST_TRAIN)
    if len(train) < n_classes:
        return None
    groups = kmeans_groups(train.z_mean, labelled.z_mean, n_classes)
    return {**_agreement(groups, labelled.label, n_classes), "method": "kmeans"}


def _agreement(
    group: npt.NDArray[np.int64], label: npt.NDArray[np.int64], n_classes: int
) -> dict[str, Any]:
    return {**agreement(group, label), "recall": recall_one_to_one(group, label, n_classes)}


def _clustering_z(val: Encodings, n_classes: int) -> dict[str, Any] | None:
    """Agreement of k-means on mean and sd of z, as many clusters as classes, with the classes.

    Of many images, at most `MOST_CLUSTERED` are used, evenly spaced, and fewer above 32 content
    dimensions, so that they have at most `MOST_CLUSTERED_NUMBERS` numbers in all.
    """
    labelled = val.select(val.label >= 0)
    if n_classes < 2 or len(labelled) < n_classes:
        return None
    most = MOST_CLUSTERED_NUMBERS // (2 * val.z_mean.shape[1])
    some = labelled.thinned(min(MOST_CLUSTERED, most))
    groups = kmeans_groups_of_posteriors(some.z_mean, some.z_sd, n_classes)
    return {**agreement(groups, some.label), "method": "kmeans on z mean and sd"}


def _knn_accuracy(train: Encodings, val: Encodings) -> float | None:
    train, val = train.select(train.label >= 0), val.select(val.label >= 0)
    if len(train) < NEIGHBOURS or not len(val):
        return None
    return vote_accuracy(train.z_mean, train.label, val.z_mean, val.label)


def _groups(val: Encodings, n_classes: int) -> list[npt.NDArray[np.bool_]]:
    """One mask for each class; where no image has a label, for each kind of atom, or for all.

    The surroundings of two kinds of atoms are two objects, each with an orientation of its own.
    """
    if n_classes and (val.label >= 0).any():
        return [val.label == j for j in range(n_classes)]
    if val.place is not None and (val.place.species >= 0).any():
        return [val.place.species == j for j in range(int(val.place.species.max()) + 1)]
    return [np.ones(len(val), dtype=bool)]


def _pose(
    val: Encodings, n_classes: int, symmetry: Sequence[int], unposed: Encodings | None
) -> dict[str, dict[str, Any] | None]:
    """Metrics of angle and shift, with those of pairs where objects were drawn unposed, too."""
    if not np.any(val.shift[:, 0]) and np.any(val.shift):  # curves have no rows
        return curve_pose(val, _groups(val, n_classes))
    angle, shift = _angle(val, n_classes, symmetry), _shift(val)
    if unposed is not None:
        posed = val.select(np.isin(val.index, unposed.index))
        assert np.array_equal(posed.index, unposed.index)
        angle = angle and angle | paired_angle(posed, unposed, symmetry)
        shift = shift and shift | paired_shift(posed, unposed)
    return {"angle": angle, "shift": shift}


def _angle(val: Encodings, n_classes: int, symmetry: Sequence[int]) -> dict[str, Any] | None:
    truth = val.factors.get("angle")
    if truth is None or not np.any(val.angle) or not varies(truth):
        return None
    groups = _groups(val, n_classes)
    by_class = len(symmetry) == len(groups)
    orders = [int(s) for s in symmetry] if by_class else [common_symmetry(symmetry)] * len(groups)
    measured = [
        _angle_of_class(val.select(mask & np.isfinite(truth)), order)
        for mask, order in zip(groups, orders, strict=True)
    ]
    present = [m for m in measured if m]
    if not present:
        return None

    def listed(name: str) -> list[Any]:
        return [m.get(name) for m in measured]

    result = {
        "resultant": listed("resultant"),
        "mae_deg": listed("mae_deg"),
        "symmetry": orders,
        "ground_states": listed("ground_states"),
        "overall_mae_deg": float(np.mean([m["mae_deg"] for m in present])),
        "signed_resultant": float(np.mean([m["signed"] for m in present])),
    }
    if any("given_factors" in m for m in present):
        result["mae_deg_given_factors"] = listed("given_factors")
    return result


def _angle_of_class(images: Encodings, symmetry: int) -> dict[str, float]:
    """Angle metrics of the images of one class; empty for fewer than `FEWEST` images."""
    if len(images) < FEWEST:
        return {}
    truth = images.factors["angle"].astype(np.float64)
    difference = images.angle - truth
    measured = {
        "resultant": resultant(difference, symmetry),
        "mae_deg": float(np.rad2deg(mean_absolute_error(difference, symmetry))),
        "ground_states": count_orientation_modes(difference, symmetry),
        "signed": rotation_sense(images.angle, truth, symmetry),
    }
    shear = images.factors.get("shear")
    if shear is not None and varies(shear):
        finite = np.isfinite(shear)
        error = error_given_factor(difference[finite], shear[finite], symmetry)
        measured["given_factors"] = float(np.rad2deg(error))
    return measured


def _shift(val: Encodings) -> dict[str, list[float]] | None:
    if not {"shift_row", "shift_column"} <= val.factors.keys():
        return None
    truth = np.stack([val.factors["shift_row"], val.factors["shift_column"]], axis=1)  # (M, 2)
    finite = np.isfinite(truth).all(1)
    truth, shift = truth[finite], val.shift[finite]
    if len(truth) < FEWEST:
        return None
    material = truth.std(0) > MATERIAL_SHIFT_PX
    if not material.all() or not (shift.std(0) > 0).all():
        return None
    pearson = [float(np.corrcoef(shift[:, i], truth[:, i])[0, 1]) for i in (0, 1)]
    return {"pearson": pearson}


def _factors(train: Encodings, val: Encodings) -> dict[str, dict[str, float]] | None:
    names = [
        n for n, values in val.factors.items() if n not in POSE_FACTORS and not is_flag(values)
    ]
    scores = {name: _scores_of_classes(train, val, name) for name in names}
    return {
        name: {"r2_within_class": float(np.mean(r2)), "rank_within_class": float(np.mean(rank))}
        for name, (r2, rank) in scores.items()
        if r2
    } or None


def _flags(train: Encodings, val: Encodings) -> dict[str, dict[str, float]] | None:
    """ROC area of each factor that is a yes or no, from the neighbours in z."""
    scores = {}
    for name, truth in val.factors.items():
        if name not in train.factors or name == _IN_LATTICE or not is_flag(truth):
            continue
        t, v = (part.select(np.isfinite(part.factors[name])) for part in (train, val))
        if len(t) >= NEAREST and varies(v.factors[name]):
            yes = [part.factors[name] > 0.5 for part in (t, v)]
            scores[name] = {"roc_auc": defect_auc(t.z_mean, yes[0], v.z_mean, yes[1])}
    return scores or None


def _scores_of_classes(
    train: Encodings, val: Encodings, name: str
) -> tuple[list[float], list[float]]:
    """R² of one factor from the neighbours in z, and its rank correlation with a dimension of z.

    One each for every class that has enough images.
    """
    r2, rank = [], []
    for j in np.unique(val.label):
        t, v = (
            part.select((part.label == j) & np.isfinite(part.factors[name]))
            for part in (train, val)
        )
        truth = v.factors[name]
        if len(t) < NEIGHBOURS or len(v) < FEWEST or not varies(truth):
            continue
        r2.append(regression_r2(t.z_mean, t.factors[name], v.z_mean, truth))
        rank.append(rank_correlation(v.z_mean, truth))
    return r2, rank


def psnr_gain(corrupted: Floats, restored: Floats, clean: Floats) -> dict[str, float]:
    """PSNR of the corrupted and the restored images (N, C, H, W), and its gain, dB."""
    before, after = psnr_db(corrupted, clean), psnr_db(restored, clean)
    return {"input_db": before, "output_db": after, "gain_db": after - before}


def psnr_db(images: Floats, clean: Floats) -> float:
    """Peak signal-to-noise ratio in dB, −10 log₁₀ of the mean squared error over all pixels.

    The peak is 1. The mean of the ratios of single images would be larger (Jensen's inequality).

    Examples
    --------
    >>> psnr_db(np.full((2, 1, 3, 3), 0.6), np.full((2, 1, 3, 3), 0.5))
    20.0
    """
    error = np.square(np.subtract(images, clean, dtype=np.float64)).mean()
    return float(-10 * np.log10(max(error, _LEAST_MSE)))
