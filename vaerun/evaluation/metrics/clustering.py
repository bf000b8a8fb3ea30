"""How found groups match the true classes: accuracies, Rand index, mutual information."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]

# N training images, M validation images, d content dimensions, J classes.


def contingency(found: Ints, label: Ints) -> Ints:
    """How often each found group (rows) meets each true class (columns)."""
    rows, columns = int(found.max()) + 1, int(label.max()) + 1
    return np.bincount(found * columns + label, minlength=rows * columns).reshape(rows, columns)


def matches(found: Ints, label: Ints, n_groups: int) -> Ints:
    """The true class that each of J groups stands for, (J,), one to one; −1 for none.

    Parameters
    ----------
    found, label
        (M,) group and true class, the latter −1 where unknown.
    n_groups
        J.
    """
    known = label >= 0
    match = np.full(n_groups, -1)
    if known.any():
        table = contingency(found[known], label[known])
        rows, columns = linear_sum_assignment(table, maximize=True)
        pairs = table[rows, columns] > 0
        match[rows[pairs]] = columns[pairs]
    return match


def usage(found: Ints, n_groups: int) -> Floats:
    """Share of the images in each of J groups, (J,)."""
    return np.bincount(found, minlength=n_groups) / max(len(found), 1)


def names_of_groups(found: Ints, label: Ints, classes: Sequence[str], n_groups: int) -> list[str]:
    """Found groups by number and, where true classes are known, by the most frequent in them."""
    names = []
    for j in range(n_groups):
        inside = label[(found == j) & (label >= 0)]
        if not (found == j).any():
            names.append(f"{j}: no image")
        elif not len(inside):
            names.append(f"class {j}")
        else:
            names.append(f"{j}: {classes[int(np.bincount(inside).argmax())]}")
    return names


def agreement(found: Ints, label: Ints) -> dict[str, float]:
    """Accuracies and indices of a grouping against the true classes.

    Parameters
    ----------
    found, label
        (M,) group and true class of each image, all >= 0, M >= 1.

    Returns
    -------
    dict
        ``majority``: each group is named after its most frequent class; ``hungarian``: one group
        to one class at most; ``ari`` and ``nmi``: adjusted Rand index and normalised mutual
        information.
    """
    table = contingency(found, label)
    rows, columns = linear_sum_assignment(table, maximize=True)
    return {
        "majority": float(table.max(1).sum() / len(label)),
        "hungarian": float(table[rows, columns].sum() / len(label)),
        "ari": float(adjusted_rand_score(label, found)),
        "nmi": float(normalized_mutual_info_score(label, found)),
    }


def kmeans_groups(z_train: Floats, z_val: Floats, n_groups: int) -> Ints:
    """The k-means group of each validation image, (M,); the centres come from training images.

    Parameters
    ----------
    z_train, z_val
        (N, d) and (M, d).
    n_groups
        Number of groups; fewer are found where fewer training points differ.
    """
    distinct = len(np.unique(z_train, axis=0))
    means = KMeans(min(n_groups, distinct), n_init=10, random_state=0)
    means.fit(np.asarray(z_train, np.float64))
    return means.predict(np.asarray(z_val, np.float64)).astype(np.int64)


def classification(predicted: Ints, label: Ints, n_classes: int) -> dict[str, object]:
    """Accuracy, its mean over classes, recall of each class and confusion.

    Parameters
    ----------
    predicted, label
        (M,) in [0, J), M >= 1.
    n_classes
        J.

    Returns
    -------
    dict
        ``accuracy``; ``balanced_accuracy``, the mean recall of the classes that have images;
        ``per_class`` (J) recall, None without images; ``confusion`` (J true, J predicted) counts.
    """
    cell = label * n_classes + predicted
    table = np.bincount(cell, minlength=n_classes**2).reshape(n_classes, n_classes)
    size = table.sum(1)
    right = table.diagonal()
    recall = [float(r / n) if n else None for r, n in zip(right, size, strict=True)]
    return {
        "accuracy": float(right.sum() / len(label)),
        "balanced_accuracy": float(np.mean(right[size > 0] / size[size > 0])),
        "per_class": recall,
        "confusion": table.tolist(),
    }
