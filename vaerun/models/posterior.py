"""q(h, ζ | x) over hypotheses h = (k, y), a bin of rotation and a class, and latents ζ of each."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from vaerun.models.latents import DiagonalNormal

_NEVER = -1e4  # log-probability: finite, so that 0·log 0 is 0

# B images, K bins, J classes tried (1 without), n numbers that stand for a class, D latents.


class Posterior(NamedTuple):
    """What the encoder says of B images.

    Attributes
    ----------
    log_q
        (B, K, J) log q(h | x); its exponential sums to 1 over K·J.
    latents
        (B, K, J, D) q(ζ | x, h), in units of the prior sd.
    y
        (B or 1, K or 1, J, n) what the decoder is told of each class tried; None without.
    log_class
        (B, J') log q(y | x) of a model that infers the class, else None.
    kl_relaxed
        (B, K, 1) KL of a class that is relaxed rather than tried, else None.
    """

    log_q: Tensor
    latents: DiagonalNormal
    y: Tensor | None = None
    log_class: Tensor | None = None
    kl_relaxed: Tensor | None = None

    def rows(self, chosen: Tensor) -> "Posterior":
        """Of some of the images: positions or a mask."""
        everyone = self.y is None or len(self.y) == 1
        return Posterior(
            self.log_q[chosen],
            DiagonalNormal(*(t[chosen] for t in self.latents)),
            self.y if everyone or self.y is None else self.y[chosen],
            None if self.log_class is None else self.log_class[chosen],
            None if self.kl_relaxed is None else self.kl_relaxed[chosen],
        )

    def given(self, label: Tensor) -> "Posterior":
        """q(k, ζ | x, y) of images whose class (B,) is known; says nothing of other classes."""
        assert self.y is not None
        if self.kl_relaxed is not None and self.log_class is not None:  # bins and ζ know no class
            known = F.one_hot(label, self.log_class.shape[1]).to(self.y.dtype)
            return self._replace(y=known[:, None, None], kl_relaxed=None)
        n_bins = self.log_q.shape[1]
        column = label.view(-1, 1, 1).expand(-1, n_bins, 1)  # (B, K, 1)
        latents = (
            t.gather(2, column[..., None].expand(-1, -1, -1, t.shape[-1])) for t in self.latents
        )
        told = self.y[0, 0][label][:, None, None]  # (B, 1, 1, n)
        return Posterior(
            self.log_q.gather(2, column).log_softmax(1),
            DiagonalNormal(*latents),
            told,
            self.log_class,
        )

    def at_bin(self, bin_number: Tensor) -> "Posterior":
        """With the bin of rotation (B,) taken for known, where it is not −1."""
        bins = torch.arange(self.log_q.shape[1], device=self.log_q.device)
        other = (bin_number[:, None] >= 0) & (bins != bin_number[:, None])  # (B, K)
        ruled_out = self.log_q.masked_fill(other[:, :, None], _NEVER)
        log_q = ruled_out.flatten(1).log_softmax(1).view_as(ruled_out)
        return self._replace(log_q=log_q)


def take_hypotheses(per_hypothesis: Tensor, chosen: Tensor) -> Tensor:
    """Rows of (B, K, J, D) at the flat hypothesis numbers ``chosen`` (B, m), as (B, m, D)."""
    flat = per_hypothesis.flatten(1, 2)
    return flat.gather(1, chosen[:, :, None].expand(-1, -1, flat.shape[-1]))
