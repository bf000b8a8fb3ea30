"""The one bound that carries all models.

    ELBO(x) = Σ_h q(h|x) { E_q(ζ|x,h)[log p(x | ζ, h)] − KL_content − KL_pose } − KL(q(h|x) ‖ p(h))

over hypotheses h = (k, y) with a uniform prior. Restricting q to some of the hypotheses, and
renormalising, gives another q, so a bound computed on the likeliest few is still a bound.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from vaerun.models.invariant_vae import InvariantVAE
from vaerun.models.latents import DiagonalNormal
from vaerun.models.posterior import Posterior, take_hypotheses
from vaerun.utils import random

# B images, K bins, J classes, m hypotheses decoded, D latent dimensions, P pixels.


class ElboTerms(NamedTuple):
    """Parts of the negative bound for each image, nats, (B,); their sum is −ELBO.

    Attributes
    ----------
    reconstruction
        −E log p(x | ζ, h).
    kl_content
        KL of z.
    kl_pose
        KL of angle offset, shift and scale.
    kl_bin
        KL of the bin of rotation, given the class.
    kl_class
        KL of the class.
    """

    reconstruction: Tensor
    kl_content: Tensor
    kl_pose: Tensor
    kl_bin: Tensor
    kl_class: Tensor

    @property
    def loss(self) -> Tensor:
        """−ELBO, (B,)."""
        return torch.stack(self).sum(0)


def choose_hypotheses(log_q: Tensor, n_decode: int | None, *, explore: bool) -> Tensor:
    """Flat numbers (B, m) of the hypotheses to decode.

    Parameters
    ----------
    log_q
        (B, H).
    n_decode
        m; None or more than H means all.
    explore
        For training: all but one are drawn from q without replacement (the largest of log q
        plus Gumbel noise), the last evenly from the rest, so that a hypothesis that was dismissed
        too early gets another hearing. Otherwise the likeliest are taken.

    Notes
    -----
    Taking the likeliest while q is still nearly flat would train the decoder on whatever the
    encoder happens to prefer at first, and freeze classes in several orientations.
    """
    n_hypotheses = log_q.shape[1]
    if n_decode is None or n_decode >= n_hypotheses:
        return torch.arange(n_hypotheses, device=log_q.device).expand(len(log_q), -1)
    score = log_q.detach()
    if not explore:
        return score.topk(n_decode, dim=1).indices
    gumbel = -random.exponential(score).log()
    ranked = (score + gumbel).argsort(dim=1, descending=True)
    other = random.integers(n_decode - 1, n_hypotheses, (len(log_q), 1), log_q.device)
    return torch.cat([ranked[:, : n_decode - 1], ranked.gather(1, other)], dim=1)


def negative_elbo(
    network: InvariantVAE,
    x: Tensor,
    posterior: Posterior | None = None,
    *,
    n_decode: int | None = None,
    explore: bool = False,
    deterministic: bool = False,
) -> ElboTerms:
    """Terms of −ELBO for images (B, C, H, W).

    Parameters
    ----------
    network
        The model.
    x
        Images to account for.
    posterior
        What the encoder says of them; None: of these very images, with no condition. Where the
        class is known it is `Posterior.given` the class, and the bound is on log p(x | y).
    n_decode, explore
        See `choose_hypotheses`.
    deterministic
        Take the latents at their means and leave their KL out: an autoencoder.
    """
    posterior = network.infer(x) if posterior is None else posterior
    _, n_bins, n_classes = posterior.log_q.shape
    chosen = choose_hypotheses(posterior.log_q.flatten(1), n_decode, explore=explore)  # (B, m)
    log_q = posterior.log_q.flatten(1).gather(1, chosen).log_softmax(1)  # (B, m)
    latents = DiagonalNormal(*(take_hypotheses(t, chosen) for t in posterior.latents))
    drawn = latents.mean if deterministic else latents.sample()  # (B, m, D)
    y = posterior.y
    if y is not None:
        y = take_hypotheses(y.expand(len(x), n_bins, n_classes, -1), chosen).flatten(0, 1)
    log_lik = _log_likelihood(network, x, drawn, chosen // n_classes, y)  # (B, m)
    kl_bin, kl_class = _kl_hypotheses(log_q, chosen, n_bins, n_classes)
    q = log_q.exp()
    if posterior.kl_relaxed is not None:
        kl_class = (q * posterior.kl_relaxed.flatten(1).gather(1, chosen)).sum(1)
    of_each = torch.stack([-log_lik, *network.latents.kl(latents)])  # (3, B, m)
    reconstruction, kl_content, kl_pose = (q * of_each).sum(2).unbind()
    if deterministic:
        kl_content, kl_pose = torch.zeros_like(kl_content), torch.zeros_like(kl_pose)
    return ElboTerms(reconstruction, kl_content, kl_pose, kl_bin, kl_class)


def _log_likelihood(
    network: InvariantVAE, x: Tensor, drawn: Tensor, bin_number: Tensor, y: Tensor | None
) -> Tensor:
    """Log-density log p(x | ζ, h) of each decoded hypothesis, (B, m).

    Parameters
    ----------
    network, x
        As in `negative_elbo`.
    drawn
        (B, m, D).
    bin_number
        (B, m).
    y
        (B·m, n) what the decoder is told of the class.
    """
    n_images, m = bin_number.shape
    content, pose = network.pose(drawn.flatten(0, 1), bin_number.flatten())
    target = x.flatten(2)[:, None]  # (B, 1, C, P)
    subset = network.decoder.draw_subset(n_images, x.device) if network.training else None
    if subset is None:
        output = network.decode(content, pose, y).unflatten(0, (n_images, m))  # (B, m, C, P)
        return network.likelihood.log_prob(target, output)
    output = network.decode(content, pose, y, subset.for_each(m)).unflatten(0, (n_images, m))
    return network.likelihood.log_prob(subset.of(target), output) * subset.weight


def _kl_hypotheses(
    log_q: Tensor, chosen: Tensor, n_bins: int, n_classes: int
) -> tuple[Tensor, Tensor]:
    """KL of the bins given the class, and of the class, against uniform priors, (B,) each."""
    q = log_q.exp()
    both = math.log(n_bins * n_classes) + (q * log_q).sum(1)
    if n_classes == 1:
        return both, torch.zeros_like(both)
    grid = q.new_zeros(len(q), n_bins * n_classes).scatter(1, chosen, q)
    q_class = grid.view(-1, n_bins, n_classes).sum(1)  # (B, J)
    kl_class = math.log(n_classes) + (q_class * q_class.clamp_min(1e-30).log()).sum(1)
    return both - kl_class, kl_class


class ElboMeans:
    """Means of the terms over images, gathered without waiting for the device."""

    _NAMES = ElboTerms._fields

    def __init__(self) -> None:
        self._sum: Tensor | None = None
        self._n_images = 0

    def add(self, terms: ElboTerms) -> None:
        """Count a batch in."""
        # in doubles it makes no difference that counts which rank has counted what
        total = torch.stack(terms).detach().sum(1, dtype=torch.float64)
        self._sum = total if self._sum is None else self._sum.to(total) + total
        self._n_images += len(terms.reconstruction)

    def pop(self) -> dict[str, Tensor]:
        """Nats per image by name, ``loss`` the plain bound; begins anew."""
        if self._sum is None:
            return {}
        mean = self._sum / self._n_images
        means = dict(zip(self._NAMES, mean, strict=True)) | {"loss": mean.sum()}
        self._sum, self._n_images = None, 0
        return means

    def summed(self, over_ranks: Callable[[Tensor], Tensor]) -> "ElboMeans":
        """The same over all images of all ranks.

        Parameters
        ----------
        over_ranks
            Sums a tensor over them.
        """
        mine = torch.zeros(len(self._NAMES) + 1, dtype=torch.float64)
        if self._sum is not None:
            mine = torch.cat([self._sum, self._sum.new_tensor([self._n_images])])
        total = over_ranks(mine)
        every = ElboMeans()
        every._sum, every._n_images = total[:-1], int(total[-1])
        if not every._n_images:
            every._sum = None
        return every

    def state_dict(self) -> dict[str, Any]:
        """What was gathered so far."""
        return {"sum": self._sum, "n_images": self._n_images}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        total = state["sum"]
        self._sum = None if total is None else total[: len(self._NAMES)]  # once with their sum
        self._n_images = int(state["n_images"])
