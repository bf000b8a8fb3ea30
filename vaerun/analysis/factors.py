"""What true factors say: some are yes or no, and some are unknown (NaN) for some images."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]

# N images.


def varies(values: Floats) -> bool:
    """Whether a factor (N,) takes more than one value where it is known."""
    known = values[np.isfinite(values)]
    return bool(len(known) and np.ptp(known) > 1e-6)


def is_flag(values: Floats) -> bool:
    """Whether a factor (N,) is 0 or 1 wherever it is known: no quantity, but a yes or no."""
    known = values[np.isfinite(values)]
    return bool(len(known) and np.isin(known, (0, 1)).all())
