"""What z encodes, judged by the nearest neighbours of each validation image in training data."""

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr
from sklearn.metrics import r2_score
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]

# N training images, M validation images, d content dimensions, k <= N neighbours. z_train is
# (N, d), z_val (M, d).

NEIGHBOURS = 10


def vote_accuracy(
    z_train: Floats, label_train: Ints, z_val: Floats, label_val: Ints, k: int = NEIGHBOURS
) -> float:
    """Share of validation images whose class wins the vote of their k nearest training images.

    Labels (N,) and (M,) are >= 0. Of classes with equal votes the lower number wins.
    """
    model = KNeighborsClassifier(k).fit(_double(z_train), label_train)
    return float(model.score(_double(z_val), label_val))


def mean_of_neighbours(
    z_train: Floats, value_train: npt.ArrayLike, z_val: Floats, k: int = NEIGHBOURS
) -> Floats:
    """Mean value (M,) of the k nearest training images of each validation image; values (N,)."""
    model = KNeighborsRegressor(k).fit(_double(z_train), _double(value_train))
    predicted: Floats = model.predict(_double(z_val))
    return predicted


def regression_r2(
    z_train: Floats, value_train: Floats, z_val: Floats, value_val: Floats, k: int = NEIGHBOURS
) -> float:
    """R² of `mean_of_neighbours` as prediction of the values (M,), which are not constant."""
    return float(r2_score(_double(value_val), mean_of_neighbours(z_train, value_train, z_val, k)))


def rank_correlation(z: Floats, value: Floats) -> float:
    """Largest absolute rank correlation (Spearman) of any dimension of z (M, d) with values (M,).

    1 where one dimension rises or falls with the value throughout.
    """
    varying = z[:, np.ptp(z, axis=0) > 0]
    found = [abs(float(spearmanr(column, value).statistic)) for column in varying.T]
    return max(found, default=0.0)


def _double(values: npt.ArrayLike) -> Floats:
    return np.asarray(values, np.float64)
