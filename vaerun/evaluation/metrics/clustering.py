"""How predicted classes and clusters match the true classes."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.metrics import (
    accuracy_score,
    adjusted_rand_score,
    confusion_matrix,
    normalized_mutual_info_score,
    recall_score,
)

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]

UNUSED = 0.01  # share of all images: a class with less has collapsed
_STARTS = 100  # TARGET-VAE's code
_STEPS_OF_A_START = 20  # with three times as many the best start has the same sum of squares

# N training images, M validation images, d content dimensions, J classes, G groups. A group is a
# class that a model inferred without labels, or a cluster of z.


def contingency(group: Ints, label: Ints) -> Ints:
    """Number of images in each group (rows) and true class (columns), those without any too."""
    rows, columns = int(group.max()) + 1, int(label.max()) + 1
    return np.bincount(group * columns + label, minlength=rows * columns).reshape(rows, columns)


def matches(group: Ints, label: Ints, n_groups: int) -> Ints:
    """True class (G,) of each group, one to one, −1 for none; labels (M,) are −1 if unknown."""
    labelled = label >= 0
    match = np.full(n_groups, -1)
    if labelled.any():
        table = contingency(group[labelled], label[labelled])
        rows, columns = linear_sum_assignment(table, maximize=True)
        pairs = table[rows, columns] > 0
        match[rows[pairs]] = columns[pairs]
    return match


def usage(group: Ints, n_groups: int) -> Floats:
    """Share (G,) of the images in each group."""
    return np.bincount(group, minlength=n_groups) / max(len(group), 1)


def names_of_groups(group: Ints, label: Ints, classes: Sequence[str], n_groups: int) -> list[str]:
    """Names of the groups: their number and, with labelled images, their most frequent class."""
    names = []
    for j in range(n_groups):
        inside = label[(group == j) & (label >= 0)]
        if not (group == j).any():
            names.append(f"{j}: no image")
        elif not len(inside):
            names.append(f"class {j}")
        else:
            names.append(f"{j}: {classes[int(np.bincount(inside).argmax())]}")
    return names


def agreement(group: Ints, label: Ints) -> dict[str, float]:
    """Accuracies and indices of a grouping (M,) against the true classes (M,), all >= 0, M >= 1.

    Returns
    -------
    dict
        ``majority``, the accuracy with each group named after its most frequent class;
        ``hungarian``, that with at most one group for a class; ``ari`` and ``nmi``, the adjusted
        Rand index and the normalised mutual information.
    """
    table = contingency(group, label)
    rows, columns = linear_sum_assignment(table, maximize=True)
    return {
        "majority": float(table.max(1).sum() / len(label)),
        "hungarian": float(table[rows, columns].sum() / len(label)),
        "ari": float(adjusted_rand_score(label, group)),
        "nmi": float(normalized_mutual_info_score(label, group)),
    }


def recall_one_to_one(group: Ints, label: Ints, n_classes: int) -> list[float | None]:
    """Share of each class's images that are in the group matched to it, as ``hungarian`` does.

    Parameters
    ----------
    group, label
        (M,) group and true class, all >= 0, M >= 1.
    n_classes
        Number of classes J.

    Returns
    -------
    list
        (J) shares: None for a class without images, 0 for one that no group is matched to.
    """
    correct = matches(group, label, int(group.max()) + 1)[group] == label
    counts = np.bincount(label, minlength=n_classes)
    hits = np.bincount(label[correct], minlength=n_classes)
    return [float(hit / n) if n else None for hit, n in zip(hits, counts, strict=True)]


def kmeans_groups(z_train: Floats, z_val: Floats, n_groups: int) -> Ints:
    """The k-means cluster (M,) of each validation image, with centres from (N, d) training images.

    There are fewer clusters than ``n_groups`` where fewer training points differ.
    """
    distinct = len(np.unique(z_train, axis=0))
    means = KMeans(min(n_groups, distinct), n_init=10, random_state=0)
    means.fit(np.asarray(z_train, np.float64))
    return means.predict(np.asarray(z_val, np.float64)).astype(np.int64)


def kmeans_groups_of_posteriors(z_mean: Floats, z_sd: Floats, n_groups: int) -> Ints:
    """The k-means cluster (M,) of each of some images, from mean and sd of z, (M, d) each.

    The images themselves are clustered, from 100 starts, and not ones that a model learned from:
    so TARGET-VAE is judged (arXiv 2210.12918, `clustering_mnist.py` of its code). Of the starts,
    20 steps each, the best is continued until it converges.
    """
    features = np.concatenate([z_mean, z_sd], axis=1, dtype=np.float32)  # (M, 2d)
    n_groups = min(n_groups, len(np.unique(features, axis=0)))
    starts = KMeans(n_groups, n_init=_STARTS, max_iter=_STEPS_OF_A_START, random_state=0)
    best = KMeans(n_groups, n_init=1, init=starts.fit(features).cluster_centers_)
    return best.fit_predict(features).astype(np.int64)


def classification(predicted: Ints, label: Ints, n_classes: int) -> dict[str, object]:
    """Metrics of predicted classes (M,) in [0, J), M >= 1.

    Returns
    -------
    dict
        ``accuracy``; ``balanced_accuracy``, the mean recall of the classes that have images;
        ``per_class`` (J) recall, None without images; ``confusion`` (J true, J predicted) counts.
    """
    classes = np.arange(n_classes)
    recall = recall_score(label, predicted, labels=classes, average=None, zero_division=np.nan)
    return {
        "accuracy": float(accuracy_score(label, predicted)),
        "balanced_accuracy": float(np.mean(recall[np.isfinite(recall)])),
        "per_class": [float(share) if np.isfinite(share) else None for share in recall],
        "confusion": confusion_matrix(label, predicted, labels=classes).tolist(),
    }
