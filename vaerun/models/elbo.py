"""The evidence lower bound (ELBO) of every model.

    ELBO(x) = Σ_h q(h|x) { E_q(ζ|x,h)[log p(x | ζ, h)] − KL_content − KL_pose } − KL(q(h|x) ‖ p(h))

over hypotheses h = (k, y) with the prior p(h) = λ_y / K, uniform over rotation bins, as eq. 4 and
5 of the review where there is one hypothesis. Restricting q to some hypotheses and renormalising
gives another q, so a bound on the likeliest few is still a bound.
"""

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torchmetrics import Metric

from vaerun.geometry import Pose
from vaerun.models.categories.base import Category
from vaerun.models.invariant_vae import InvariantVAE
from vaerun.models.latents import DiagonalNormal
from vaerun.models.posterior import Posterior, take_hypotheses
from vaerun.utils import random
from vaerun.utils.distributed import BatchShare

_UNLIKELY, _LEAST_SHARE = 0.01, 0.1  # see `_decoded_share`
_STREAM = 1  # of random numbers in validation, after that of training

# B images, K bins, J classes, m hypotheses decoded, n numbers of a class code, D latents,
# P pixels.


class ElboTerms(NamedTuple):
    """Terms of −ELBO for each image, nats, (B,) each; −ELBO is the sum of the first five.

    Attributes
    ----------
    reconstruction
        −E log p(x | ζ, h).
    kl_content
        KL of z.
    kl_pose
        KL of angle offset, shift and scale.
    kl_bin
        KL of the rotation bin, given the class.
    kl_class
        KL of the class.
    class_prior
        −E_q log(J·λ_y), the part of `kl_class` that is due to a prior p(y) = λ_y that is not
        uniform; the rest is ln J less the entropy of the class. 0 for a uniform prior.
    """

    reconstruction: Tensor
    kl_content: Tensor
    kl_pose: Tensor
    kl_bin: Tensor
    kl_class: Tensor
    class_prior: Tensor

    @property
    def summands(self) -> dict[str, Tensor]:
        """The terms whose sum is −ELBO, by name."""
        return {name: getattr(self, name) for name in SUMMANDS}

    @property
    def loss(self) -> Tensor:
        """−ELBO, (B,)."""
        return torch.stack(list(self.summands.values())).sum(0)


SUMMANDS = tuple(name for name in ElboTerms._fields if name != "class_prior")


def choose_hypotheses(log_q: Tensor, n_decode: int | None, *, explore: bool) -> Tensor:
    """Flat numbers (B, m) of the hypotheses that are decoded.

    Parameters
    ----------
    log_q
        (B, H) log q(h | x).
    n_decode
        m; None or more than H means all.
    explore
        True in training: all but one are drawn from q without replacement (the largest of log q
        plus Gumbel noise), the last evenly from the rest, so that the decoder also learns
        hypotheses that q gave up early. False takes the m likeliest.

    Notes
    -----
    Taking the likeliest while q is still nearly flat would train the decoder on an arbitrary
    preference of the encoder, and freeze classes in several orientations.
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
    measured: Tensor | None = None,
    n_decode: int | None = None,
    explore: bool = False,
    deterministic: bool = False,
) -> ElboTerms:
    """Terms of −ELBO for images (B, C, H, W).

    Parameters
    ----------
    posterior
        q(h, ζ | x), of corrupted images where the model is to restore them; None infers it from
        ``x`` without a condition. With `Posterior.on_class` the bound is on log p(x | y).
    measured
        (B, C, H, W), which pixels were measured: the bound is on the log-density of these alone.
        None: all were.
    n_decode, explore
        See `choose_hypotheses`.
    deterministic
        Whether latents are taken at their means and have no KL, as in an autoencoder.
    """
    posterior = network.infer(x) if posterior is None else posterior
    _, n_bins, n_classes = posterior.log_q.shape
    chosen = choose_hypotheses(posterior.log_q.flatten(1), n_decode, explore=explore)  # (B, m)
    log_q = posterior.log_q.flatten(1).gather(1, chosen).log_softmax(1)  # (B, m)
    latents = DiagonalNormal(*(take_hypotheses(t, chosen) for t in posterior.latents))
    drawn = latents.mean if deterministic else latents.sample()  # (B, m, D)
    code = posterior.class_code
    if code is not None:
        code = take_hypotheses(code.expand(len(x), n_bins, n_classes, -1), chosen).flatten(0, 1)
    bin_number = chosen // n_classes
    q = log_q.exp()
    share = _decoded_share(q.detach()) if explore else torch.ones_like(q)
    kept = random.uniform(share.shape, share.device) < share if explore else share.bool()
    log_lik = _log_likelihood(network, x, drawn, bin_number, code, measured, kept)  # (B, m)
    reconstruction = -_expectation(log_lik, q, kept / share)
    kl_bin, kl_class, class_prior = _kl_hypotheses(log_q, chosen, posterior, network.category)
    kl_content, kl_pose = ((q * of_each).sum(1) for of_each in network.latents.kl(latents))
    if deterministic:
        kl_content, kl_pose = torch.zeros_like(kl_content), torch.zeros_like(kl_pose)
    return ElboTerms(reconstruction, kl_content, kl_pose, kl_bin, kl_class, class_prior)


def _decoded_share(q: Tensor) -> Tensor:
    """Probability (B, m) that a hypothesis of probability q (B, m) is decoded in training.

    Improbable ones seldom: a sure encoder would otherwise leave the decoder with work on
    hypotheses of no weight. On a GPU all are, since it would have to wait for their number.
    """
    if q.device.type != "cpu" or q.shape[1] == 1:
        return torch.ones_like(q)
    likeliest = q == q.amax(1, keepdim=True)
    return torch.where(likeliest, 1.0, (q / _UNLIKELY).clamp(_LEAST_SHARE, 1.0))


def _expectation(log_lik: Tensor, q: Tensor, weight: Tensor) -> Tensor:
    """Unbiased estimate (B,) of Σ_h q_h ℓ_h (B, m) from the hypotheses that were decoded.

    They have the reciprocal of their probability as weight, the others 0. As differences from the
    likeliest hypothesis, which always is, improbable ones add little noise.
    """
    best = log_lik.gather(1, q.argmax(1, keepdim=True))
    return best[:, 0] + (q * weight * (log_lik - best)).sum(1)


@torch.no_grad()
def validation_terms(
    network: InvariantVAE,
    x: Tensor,
    target: Tensor,
    condition: Tensor | None,
    measured: Tensor | None = None,
    *,
    seed: int,
    number: int,
    share: BatchShare | None = None,
) -> ElboTerms:
    """Terms of −ELBO by which a network is judged, after each epoch and in `metrics.json`.

    q is restricted to the `n_decode` likeliest hypotheses of each image, as many as a training
    step decodes.

    Parameters
    ----------
    x, target
        (B, C, H, W) input of the encoder, and the images to be reconstructed.
    condition
        (B, n) condition of a conditional model, else None.
    measured
        (B, C, H, W), which pixels of the target were measured; None: all.
    seed, number
        The noise is a function of these, the seed of the training and the number of the batch.
    share
        Which images of the batch these are, where several ranks share it.
    """
    random.seed(seed, _STREAM, number, share)
    return negative_elbo(
        network,
        target,
        network.infer(x, condition),
        measured=measured,
        n_decode=network.search.n_decode,
        deterministic=network.variant.deterministic,
    )


def _log_likelihood(
    network: InvariantVAE,
    x: Tensor,
    drawn: Tensor,
    bin_number: Tensor,
    class_code: Tensor | None,
    measured: Tensor | None,
    kept: Tensor,
) -> Tensor:
    """Log p(x | ζ, h) (B, m) of latents (B, m, D), rotation bins (B, m), class codes (B·m, n).

    Only hypotheses that are ``kept`` (B, m) are decoded; the others have 0.
    """
    n_images, m = bin_number.shape
    content, pose = network.pose(drawn.flatten(0, 1), bin_number.flatten())
    target = x.flatten(2)[:, None]  # (B, 1, C, P)
    known = None if measured is None else measured.flatten(2)[:, None]
    subset = network.decoder.draw_subset(n_images, x.device) if network.training else None
    repeated = None
    if subset is not None:
        target, repeated = subset.select(target), subset.repeat(m)
        known = None if known is None else subset.select(known)
    if x.device.type != "cpu" or bool(kept.all()):
        output = network.decode(content, pose, class_code, repeated).unflatten(0, (n_images, m))
        return network.log_likelihood(target, output, subset, known)  # output is (B, m, C, p)
    row = kept.flatten().nonzero()[:, 0]  # (R,)
    image = row // m
    repeated = None if repeated is None else repeated.of(row)
    code = None if class_code is None else class_code[row]
    pose = Pose(*(values[row] for values in pose))
    output = network.decode(content[row], pose, code, repeated)[:, None]  # (R, 1, C, p)
    known = None if known is None else known[image]
    log_lik = network.log_likelihood(target[image], output, repeated, known)[:, 0]
    return log_lik.new_zeros(n_images * m).index_put((row,), log_lik).view(n_images, m)


def _kl_hypotheses(
    log_q: Tensor, chosen: Tensor, posterior: Posterior, category: Category
) -> tuple[Tensor, Tensor, Tensor]:
    """KL of the bin given the class, of the class, and the prior's part of it, nats, (B,) each."""
    _, n_bins, n_classes = posterior.log_q.shape
    q = log_q.exp()
    kl_bin = math.log(n_bins * n_classes) + (q * log_q).sum(1)
    if posterior.log_relaxed is not None:
        log_y = take_hypotheses(posterior.log_relaxed, chosen)  # (B, m, J)
        kl_class = (q * (math.log(log_y.shape[2]) + (log_y.exp() * log_y).sum(2))).sum(1)
        q_class = (q[..., None] * log_y.exp()).sum(1)
    elif n_classes > 1:
        grid = q.new_zeros(len(q), n_bins * n_classes).scatter(1, chosen, q)
        q_class = grid.view(-1, n_bins, n_classes).sum(1)  # (B, J)
        kl_class = math.log(n_classes) + (q_class * q_class.clamp_min(1e-30).log()).sum(1)
        kl_bin = kl_bin - kl_class
    else:
        return kl_bin, torch.zeros_like(kl_bin), torch.zeros_like(kl_bin)
    class_prior = category.prior_cost(q_class)
    return kl_bin, kl_class + class_prior, class_prior


class ElboMeans(Metric):
    """Means of the terms over images; in doubles, so that the order of ranks makes no difference.

    `compute` returns nats per image by name, ``loss`` being −ELBO, over the images of all ranks.
    """

    total: Tensor
    n_images: Tensor

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        zeros = torch.zeros(len(SUMMANDS), dtype=torch.float64)
        self.add_state("total", zeros, dist_reduce_fx="sum")
        self.add_state("n_images", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, terms: ElboTerms) -> None:
        """Add the images of a batch."""
        values = torch.stack(list(terms.summands.values()))
        self.total = self.total + values.detach().sum(1, dtype=torch.float64)
        self.n_images = self.n_images + len(terms.reconstruction)

    def compute(self) -> dict[str, Tensor]:
        """Nats per image by name."""
        mean = self.total / self.n_images
        return dict(zip(SUMMANDS, mean, strict=True)) | {"loss": mean.sum()}
