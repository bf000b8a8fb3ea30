"""Hashes of arrays that are the same on every computer."""

import hashlib
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt


def fingerprint(arrays: Iterable[npt.ArrayLike]) -> str:
    """The sha256 of type, shape and little-endian values of each array, the same on every host.

    Parameters
    ----------
    arrays
        Arrays, or tensors in main memory. For simulated images give the random factors and
        labels, not the pixels, whose last bit differs between processors.
    """
    digest = hashlib.sha256()
    for values in arrays:
        array = np.asarray(values)
        little = array.astype(array.dtype.newbyteorder("<"), copy=False)
        digest.update(f"{little.dtype.str}{little.shape}".encode())
        digest.update(little.tobytes())
    return digest.hexdigest()
