"""Which curves have the same line at another place, by correlation over shifts.

No model is involved. Curves are averaged to some 64 points, less their median and of length 1, so
that neither offset nor gain counts; beyond either end there is nothing.
"""

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from vaerun.evaluation.checks.pair_match import PairMatch

_POINTS = 64  # curves are averaged down to about these
_SMOOTH = 3  # points of a running mean, against noise

# n curves of L points, A shifts.


class ShiftMatch(PairMatch):
    """Correlations (n, n, A) of curve i, moved to each of A places, with curve j.

    Of A = 2·P shifts of curves of P averaged points the second half are to lower columns.
    """

    def shift(
        self, i: npt.NDArray[np.int64], j: npt.NDArray[np.int64], n_points: int
    ) -> npt.NDArray[np.int64]:
        """Points (m,) of a curve of ``n_points`` by which curve i is to be moved to be like j."""
        n_shifts = self.correlation.shape[2]
        best = self.correlation[i, j].argmax(1)
        signed = np.where(best < n_shifts // 2, best, best - n_shifts)
        return np.rint(signed * (2 * n_points / n_shifts)).astype(np.int64)


@torch.no_grad()
def match_shifts(curves: Tensor) -> ShiftMatch:
    """Correlate every two curves (n, C, 1, L) at all shifts."""
    length = curves.shape[-1]
    small = curves.float().cpu().flatten(2)  # (n, C, L)
    if length > _POINTS:
        small = F.adaptive_avg_pool1d(small, _POINTS)
    reach = _SMOOTH // 2
    small = F.avg_pool1d(F.pad(small, (reach, reach), mode="replicate"), _SMOOTH, 1)
    small = small - small.median(2, keepdim=True).values  # what is beside a line, usually
    small = small / small.flatten(1).norm(dim=1)[:, None, None].clamp_min(1e-9)
    n_shifts = 2 * small.shape[2]  # padded: what leaves at one end does not enter at the other
    spectrum = torch.fft.rfft(small, n=n_shifts, dim=2)
    product = torch.einsum("icf,jcf->ijf", spectrum.conj(), spectrum)
    return ShiftMatch(correlation=torch.fft.irfft(product, n=n_shifts, dim=2).numpy())
