"""Some of many, where all would take too long and tell no more."""

import numpy as np
import numpy.typing as npt


def evenly(n: int, most: int) -> npt.NDArray[np.int64]:
    """At most so many positions of n, spread evenly; all of them if they are no more.

    Examples
    --------
    >>> evenly(3, 5), evenly(9, 3)
    (array([0, 1, 2]), array([0, 4, 8]))
    """
    return np.arange(n) if n <= most else np.linspace(0, n - 1, most).astype(np.int64)
