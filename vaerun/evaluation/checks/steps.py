"""How far neighbours usually are from each other, against which a gap shows."""

import numpy as np
import numpy.typing as npt
from scipy.sparse.csgraph import minimum_spanning_tree


def links_and_long_step(
    distance: npt.NDArray[np.floating],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float64], float]:
    """The shortest links that reach all of n points, and a long step among them.

    Parameters
    ----------
    distance
        (n, n), above zero off the diagonal.

    Returns
    -------
    tuple
        Both ends (n − 1,) of each link and its length (n − 1,); the length that 95 % of them are
        shorter than.
    """
    tree = minimum_spanning_tree(distance).tocoo()
    return (
        tree.row.astype(np.int64),
        tree.col.astype(np.int64),
        tree.data,
        float(np.quantile(tree.data, 0.95)),
    )
