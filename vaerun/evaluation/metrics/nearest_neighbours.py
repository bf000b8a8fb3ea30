"""What z tells about an image, judged by its nearest neighbours among the training images."""

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree
from sklearn.neighbors import NearestNeighbors

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]

# N training images, M validation images, d content dimensions, k neighbours.

NEIGHBOURS = 10
_TREE_DIMENSIONS = 15  # with more, a tree visits nearly every image: minutes instead of seconds


def neighbours(z_train: Floats, z_val: Floats, k: int = NEIGHBOURS) -> Ints:
    """The k nearest training images of each validation image, (M, k) positions, N >= k."""
    train, val = np.asarray(z_train, np.float64), np.asarray(z_val, np.float64)
    if train.shape[1] > _TREE_DIMENSIONS:
        search = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(train)
        found = search.kneighbors(val, return_distance=False)
    else:
        _, found = cKDTree(train, balanced_tree=False).query(val, k=np.arange(1, k + 1))
    return found.astype(np.int64)


def vote_accuracy(
    z_train: Floats, label_train: Ints, z_val: Floats, label_val: Ints, k: int = NEIGHBOURS
) -> float:
    """Share of validation images whose class wins the vote of their k nearest training images.

    Parameters
    ----------
    z_train, z_val
        (N, d) and (M, d).
    label_train, label_val
        (N,) and (M,), all >= 0.
    """
    found = label_train[neighbours(z_train, z_val, k)]  # (M, k)
    n_classes = int(max(label_train.max(), label_val.max())) + 1
    row = np.arange(len(found))[:, None] * n_classes
    votes = np.bincount((row + found).ravel(), minlength=len(found) * n_classes)
    return float(np.mean(votes.reshape(-1, n_classes).argmax(1) == label_val))


def regression_r2(
    z_train: Floats, value_train: Floats, z_val: Floats, value_val: Floats, k: int = NEIGHBOURS
) -> float:
    """R² on validation images of the mean value of their k nearest training images.

    Parameters
    ----------
    z_train, z_val
        (N, d) and (M, d).
    value_train, value_val
        (N,) and (M,); ``value_val`` not constant.
    """
    guess = np.asarray(value_train, np.float64)[neighbours(z_train, z_val, k)].mean(1)
    truth = np.asarray(value_val, np.float64)
    return float(1 - np.sum((guess - truth) ** 2) / np.sum((truth - truth.mean()) ** 2))
