"""How well every two images match in some pose, without the model's poses."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

# n images, A poses that are tried.


@dataclass(frozen=True, kw_only=True)
class PairMatch:
    """Correlations of all pairs of images in all poses.

    Attributes
    ----------
    correlation
        (n, n, A) of image i in each of A poses with image j, −1 to 1.
    """

    correlation: Floats

    @property
    def best(self) -> Floats:
        """Correlation (n, n) in the best pose; −1 on the diagonal."""
        best = self.correlation.max(2)
        np.fill_diagonal(best, -1)
        return best

    def neighbours(self, k: int) -> npt.NDArray[np.int64]:
        """The k images (n, k) that match each image best, the best first."""
        best = self.best
        some = np.argpartition(-best, k, axis=1)[:, :k]
        order = np.argsort(-np.take_along_axis(best, some, 1), axis=1)
        return np.take_along_axis(some, order, 1)
