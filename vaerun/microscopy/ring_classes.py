"""The class of an atom by the rings around it.

Classes are those of the paper (its Figure 10: the sizes of the rings that hold the central atom).
"""

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from vaerun.microscopy.bonding import MOST_BONDS
from vaerun.utils.errors import UserError, raise_all, show

Ints = npt.NDArray[np.int64]

# N atoms.

PAPER_CLASSES = ("few", "6-6", "5-6", "6-6-7", "6-6-6", "5-6-7", "5-6-6")
SMALLEST, LARGEST = 3, 12  # atoms in a ring


def classify(ring_sizes: Ints, names: Sequence[str]) -> Ints:
    """The class of each atom by its place in ``names``, (N,) int64, −1 for none of them.

    Parameters
    ----------
    ring_sizes
        (N, 4) as from `rings.ring_sizes`.
    names
        ``few``: fewer than two rings; ``5-6-6`` and the like: exactly these rings, in any order;
        ``other``: whatever no other name covers. A `UserError` as `check_classes` raises it.

    Examples
    --------
    >>> classify(np.array([[5, 6, 6, 0], [6, 0, 0, 0], [6, 6, 8, 0]]), PAPER_CLASSES).tolist()
    [6, 0, -1]
    """
    check_classes(names)
    found = np.full(len(ring_sizes), -1)
    for number, name in enumerate(names):
        if name == "few":
            found[ring_sizes[:, 1] == 0] = number
        elif name != "other":
            found[(ring_sizes == _row(name)).all(axis=1)] = number
    if "other" in names:
        found[found < 0] = list(names).index("other")
    return found


def check_classes(names: Sequence[str]) -> None:
    """Raise a `UserError` that lists the names of no class, or of one that was named before."""
    faults: list[UserError] = []
    before: dict[object, str] = {}
    for name in names:
        what = f"data.ring_classes={show(name)} is"
        meaning = name if name in ("few", "other") else _row(name)
        if meaning is None:
            sizes = f"two to four ring sizes from {SMALLEST} to {LARGEST} such as 5-6-6"
            faults.append(UserError(f"{what} not a class", f"give few, other or {sizes}"))
        elif meaning in before:
            what = f"{what} the same class as {before[meaning]}"
            faults.append(UserError(what, "leave one of them out"))
        before.setdefault(meaning, name)
    raise_all(faults)


def _row(name: str) -> tuple[int, ...] | None:
    """The row of `rings.ring_sizes` that a name such as 5-6-6 stands for, if it does."""
    if not re.fullmatch(r"\d{1,2}(-\d{1,2}){1,3}", name, re.ASCII):
        return None
    sizes = sorted(map(int, name.split("-")))
    if sizes[0] < SMALLEST or sizes[-1] > LARGEST:
        return None
    return (*sizes, *[0] * (MOST_BONDS - len(sizes)))
