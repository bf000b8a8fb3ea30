"""q(h, ζ | x) over hypotheses h = (k, y), a rotation bin and a class, and over latents ζ."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from vaerun.models.latents import DiagonalNormal

_NEVER = -1e4  # log-probability: finite, so that 0·log 0 is 0

# B images, K rotation bins, J classes (1 without), n numbers of a class code, D latents.


class Posterior(NamedTuple):
    """Approximate posterior of B images.

    Attributes
    ----------
    log_q
        (B, K, J) log q(h | x); its exponential sums to 1 over K·J.
    latents
        (B, K, J, D) q(ζ | x, h), in units of the prior sd.
    class_code
        (B or 1, K or 1, J, n) decoder input for each class: one-hot, relaxed or a condition; None
        for a model without.
    log_class
        (B, J') log q(y | x) of a model that infers the class, else None.
    log_relaxed
        (B, K, 1, J) log q(y | x, k) of a relaxed class; None for a class that is enumerated.
    """

    log_q: Tensor
    latents: DiagonalNormal
    class_code: Tensor | None = None
    log_class: Tensor | None = None
    log_relaxed: Tensor | None = None

    def select(self, chosen: Tensor) -> "Posterior":
        """Posterior of some of the images, by positions or by a boolean mask (B,)."""
        code = self.class_code
        return Posterior(
            self.log_q[chosen],
            DiagonalNormal(*(t[chosen] for t in self.latents)),
            code if code is None or len(code) == 1 else code[chosen],
            None if self.log_class is None else self.log_class[chosen],
            None if self.log_relaxed is None else self.log_relaxed[chosen],
        )

    def on_class(self, label: Tensor) -> "Posterior":
        """q(k, ζ | x, y) for images of class ``label`` (B,); `log_class` stays q(y | x)."""
        assert self.class_code is not None
        if self.log_relaxed is not None and self.log_class is not None:
            # bins and latents do not depend on a relaxed class
            code = F.one_hot(label, self.log_class.shape[1]).to(self.class_code.dtype)
            return self._replace(class_code=code[:, None, None], log_relaxed=None)
        n_bins = self.log_q.shape[1]
        column = label.view(-1, 1, 1).expand(-1, n_bins, 1)  # (B, K, 1)
        latents = (
            t.gather(2, column[..., None].expand(-1, -1, -1, t.shape[-1])) for t in self.latents
        )
        return Posterior(
            self.log_q.gather(2, column).log_softmax(1),
            DiagonalNormal(*latents),
            self.class_code[0, 0][label][:, None, None],  # (B, 1, 1, n)
            self.log_class,
        )

    def on_rotation_bin(self, bin_number: Tensor) -> "Posterior":
        """Posterior conditioned on a rotation bin (B,); unchanged where it is −1."""
        bins = torch.arange(self.log_q.shape[1], device=self.log_q.device)
        other = (bin_number[:, None] >= 0) & (bins != bin_number[:, None])  # (B, K)
        ruled_out = self.log_q.masked_fill(other[:, :, None], _NEVER)
        log_q = ruled_out.flatten(1).log_softmax(1).view_as(ruled_out)
        return self._replace(log_q=log_q)


def take_hypotheses(per_hypothesis: Tensor, chosen: Tensor) -> Tensor:
    """Rows of (B, K, J, D) at the flat hypothesis numbers ``chosen`` (B, m), as (B, m, D)."""
    flat = per_hypothesis.flatten(1, 2)
    return flat.gather(1, chosen[:, :, None].expand(-1, -1, flat.shape[-1]))
