"""Which sublattice each atom of a crystal is on, by its intensity and where its neighbours are."""

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import eigsh
from scipy.spatial import cKDTree

# N atoms. Likeness of two atoms: positive if they seem to be on one sublattice, else negative.

_REGION = 24  # neighbours whose mean intensity an atom is compared with
_SHELLS = (1.25, 1.9)  # spacings within which the nearest neighbours are, and the next but one
_ALTERNATING = -0.3  # correlation of the intensities of nearest neighbours, at most
_MOST = 3  # sublattices of different intensity
_APART = 3.0  # distance of two of them over their root mean square sd, at least (Ashman's D)
_LEAST_SHARE = 0.12  # of the atoms on each; fewer are defects
_FEWEST = 40  # atoms, with fewer all are on one
_SPOKES = 3  # nearest neighbours, whose directions tell the two sides of a honeycomb apart
_ONE_SIDED = 0.6  # mean length of the mean of exp(3iφ) over them, from which they are one-sided
_WRONG = 0.1  # share of the links across the border of two grains, at least
_LINKED = 6  # neighbours that an atom is compared with, to tell one side from the other

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def sublattices(position: Floats, intensity: Floats, spacing: float) -> Ints:
    """Number (N,) of the sublattice of each atom, 0 the brightest; all 0 if there is only one.

    Parameters
    ----------
    position
        (N, 2) row and column.
    intensity
        (N,) positive; only its ratio to that of neighbours counts, so that thickness doesn't.
    spacing
        Distance of nearest neighbours, in the unit of the positions.

    Notes
    -----
    Three signs of sublattices are looked for, in this order.

    1. Intensities alternate between nearest neighbours. Then the sign of the leading eigenvector
       of a graph, whose links are the correlations at the distance of two atoms, assigns all
       atoms, also where both kinds are equally bright.
    2. Intensities over their local mean fall into Gaussians that are well apart.
    3. The three nearest neighbours of an atom are on one side of it, as in a honeycomb: exp(3iφ)
       of their directions φ has opposite signs on both sublattices. Which of them is 0 is then
       arbitrary in each grain.
    """
    n = len(position)
    if n < _FEWEST:
        return np.zeros(n, np.int64)
    _, near = cKDTree(position).query(position, k=_REGION + 1)
    log = np.log(np.maximum(intensity, 1e-12))
    relative = log - log[near].mean(1)
    for number in (
        _by_alternation(position, relative, spacing),
        _by_value(relative),
        _by_side(position, near),
    ):
        if number.any():
            return number
    return np.zeros(n, np.int64)


def _by_alternation(position: Floats, relative: Floats, spacing: float) -> Ints:
    """0 or 1 (N,) where intensities alternate, 1 for the darker; else 0."""
    n = len(position)
    pairs = cKDTree(position).query_pairs(_SHELLS[1] * spacing, output_type="ndarray")
    length = np.linalg.norm(position[pairs[:, 0]] - position[pairs[:, 1]], axis=1)
    nearest = length <= _SHELLS[0] * spacing
    values = np.clip(relative / max(float(relative.std()), 1e-12), -3, 3)
    product = values[pairs[:, 0]] * values[pairs[:, 1]]
    square = float((values**2).mean())
    if not nearest.any() or float(product[nearest].mean()) > _ALTERNATING * square:
        return np.zeros(n, np.int64)
    next_one = float(product[~nearest].mean()) if (~nearest).any() else 0.0
    weight = np.where(nearest, float(product[nearest].mean()), next_one)
    ends = np.concatenate([pairs, pairs[:, ::-1]]).T
    likeness = coo_array((np.tile(weight, 2), tuple(ends)), shape=(n, n)).tocsr()
    sign = _signs(likeness)
    _, part = connected_components(likeness)
    sign = np.where(np.bincount(part, sign * relative) >= 0, 1.0, -1.0)[part] * sign
    return np.asarray(_brighter_in_each_grain(sign, relative, likeness) < 0, np.int64)


def _brighter_in_each_grain(sign: Floats, relative: Floats, likeness: csr_array) -> Floats:
    """Signs (N,) turned round in grains where 1 is the sign of the darker atoms.

    Links across the border of two grains are right or wrong by chance, and so is the sign of one
    grain against that of the other. Where the darker kind becomes the brighter one within a grain,
    no link at the border of that region is wrong, and its signs stay.
    """
    strength = abs(likeness)
    contrast = sign * relative
    for _ in range(2):  # over neighbours and their neighbours
        contrast = strength @ contrast / np.maximum(strength.sum(1), 1e-12)
    is_dark = contrast < 0
    if not is_dark.any():
        return sign
    i, j = likeness.nonzero()
    within = is_dark[i] == is_dark[j]
    weight = np.asarray(likeness[i, j]).ravel() * sign[i] * sign[j]  # below 0: wrong
    n_atoms = len(sign)
    same = coo_array((np.ones(int(within.sum())), (i[within], j[within])), shape=(n_atoms,) * 2)
    n_regions, region = connected_components(same)
    border = region[i[~within]]
    wrong, total = (
        np.bincount(border, values, minlength=n_regions)
        for values in (np.maximum(-weight[~within], 0), np.abs(weight[~within]))
    )
    is_grain = (wrong > _WRONG * total) & (np.bincount(region) > _LINKED)
    return np.where(is_dark & is_grain[region], -sign, sign)


def _by_value(relative: Floats) -> Ints:
    """Groups (N,) of values that are well apart, 0 the highest."""
    from sklearn.mixture import GaussianMixture  # slow to import

    low, high = np.quantile(relative, [0.005, 0.995])
    inner = relative[(relative >= low) & (relative <= high)][:, None]
    for n_groups in range(_MOST, 1, -1):
        mixture = GaussianMixture(n_groups, n_init=3, random_state=0).fit(inner)
        mean, sd = mixture.means_[:, 0], np.sqrt(mixture.covariances_[:, 0, 0])
        order = np.argsort(-mean)
        mean, sd = mean[order], sd[order]
        apart = -np.diff(mean) / np.sqrt((sd[1:] ** 2 + sd[:-1] ** 2) / 2)
        if (apart >= _APART).all() and mixture.weights_.min() >= _LEAST_SHARE:
            rank = np.empty(n_groups, np.int64)
            rank[order] = np.arange(n_groups)
            return rank[mixture.predict(relative[:, None])]
    return np.zeros(len(relative), np.int64)


def _by_side(position: Floats, near: Ints) -> Ints:
    """0 or 1 (N,) by the side on which the nearest neighbours of an atom are; 0 if on all."""
    n = len(position)
    row, column = np.moveaxis(position[near[:, 1 : _SPOKES + 1]] - position[:, None], -1, 0)
    side = np.exp(3j * np.arctan2(-row, column)).mean(1)
    if np.abs(side).mean() < _ONE_SIDED:
        return np.zeros(n, np.int64)
    i = np.repeat(np.arange(n), _LINKED)
    j = near[:, 1 : _LINKED + 1].ravel()
    likeness = coo_array(((side[i] * side[j].conj()).real, (i, j)), shape=(n, n)).tocsr()
    return np.asarray(_signs(likeness + likeness.T) < 0, np.int64)


def _signs(likeness: csr_array) -> Floats:
    """1 or −1 (N,), equal for atoms that are alike and opposite for those that are not."""
    strength = np.sqrt(np.maximum(np.abs(likeness).sum(1), 1e-12))
    likeness = likeness.multiply(1 / strength[:, None]).multiply(1 / strength).tocsr()
    sign = np.ones(likeness.shape[0])
    _, grain = connected_components(likeness)
    for number in np.flatnonzero(np.bincount(grain) > _LINKED):
        rows = np.flatnonzero(grain == number)
        start = np.ones(len(rows)) + 1e-3 * np.arange(len(rows))  # the same every time
        _, vector = eigsh(likeness[rows][:, rows], k=1, which="LA", v0=start)
        sign[rows] = np.where(vector[:, 0] < 0, -1.0, 1.0)
    return sign
