"""The network that all models share: q over hypotheses and latents, and the posed decoder.

A hypothesis h = (k, y) is a bin of rotation and a class. For each the encoder gives a score,
whose softmax over h is q(h | x), and Gaussians over the continuous latents ζ.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from vaerun.geometry import Pose, apply, rotation, wrap
from vaerun.latents import Gaussian, Latents
from vaerun.likelihoods import Bernoulli
from vaerun.likelihoods import Gaussian as GaussianLikelihood
from vaerun.models.poses import PoseSearch
from vaerun.nets.decoder import Decoder
from vaerun.nets.mlp import Encoder

# B images, K bins, J classes (1 when there are none), D latent dimensions, N = any number.


class Posterior(NamedTuple):
    """q(h, ζ | x).

    Attributes
    ----------
    log_q
        (B, K, J) log q(h | x); its exponential sums to 1 over K·J.
    latents
        (B, K, J, D) q(ζ | x, h), in units of the prior sd.
    """

    log_q: Tensor
    latents: Gaussian


class Network(nn.Module):
    """Encoder, pose search, decoder and likelihood, and the two verbs of every model.

    Parameters
    ----------
    latents
        The continuous latents.
    search
        Bins of rotation, and what the encoder sees of an image.
    encoder
        From copies to (1 +) 2·D numbers a hypothesis; the first, the score, is only there when
        there is more than one hypothesis.
    decoder
        From content, class and pose to the likelihood's parameter.
    likelihood
        log p(x | decoder output).
    image
        (C, H, W).
    n_classes
        J, 0 without a class latent.
    """

    def __init__(
        self,
        *,
        latents: Latents,
        search: PoseSearch,
        encoder: Encoder,
        decoder: Decoder,
        likelihood: Bernoulli | GaussianLikelihood,
        image: tuple[int, int, int],
        n_classes: int,
    ) -> None:
        super().__init__()
        self.latents = latents
        self.search = search
        self.encoder = encoder
        self.decoder = decoder
        self.likelihood = likelihood
        self.image = image
        self.n_classes = n_classes

    def infer(self, x: Tensor) -> Posterior:
        """q(h, ζ | x) of images (B, C, H, W)."""
        views = self.search.views(x)
        every_class = torch.eye(self.n_classes, device=x.device) if self.n_classes else None
        numbers = self.encoder(views, every_class).float()  # (B, K, J, [1 +] 2·D)
        n_hypotheses = numbers.shape[1] * numbers.shape[2]
        if n_hypotheses == 1:
            log_q = numbers.new_zeros(len(x), 1, 1)
        else:
            log_q = numbers[..., 0].flatten(1).log_softmax(-1).view(numbers.shape[:3])
            numbers = numbers[..., 1:]
        return Posterior(log_q, self.latents.posterior(numbers))

    def pose(self, standardised: Tensor, bin_number: Tensor) -> tuple[Tensor, Pose]:
        """Content (N, d) and pose in the image, of latents (N, D) found in copies (N,).

        The encoder saw the image turned back by φ_k, so the offset adds to φ_k and the shift
        turns with it.
        """
        content, offset, shift, log_scale = self.latents.values(standardised)
        bin_angle = self.search.bin_angle[bin_number]
        turned = apply(rotation(bin_angle), shift)
        return content, Pose(bin_angle + offset, turned, log_scale.exp())

    def decode(
        self, content: Tensor, pose: Pose, y: Tensor | None = None, pixels: Tensor | None = None
    ) -> Tensor:
        """Likelihood parameters (N, C, P) of content (N, d), N poses and classes (N, J)."""
        inputs = content if y is None else torch.cat([content, y], dim=-1)
        if pixels is None:
            return self.decoder(inputs, pose)
        return self.decoder(inputs, pose, pixels)

    def generate(self, content: Tensor, pose: Pose, y: Tensor | None = None) -> Tensor:
        """Expected images (N, C, H, W)."""
        return self.likelihood.mean(self.decode(content, pose, y)).unflatten(2, self.image[1:])


class Encoded(NamedTuple):
    """The likeliest hypothesis of each image.

    Attributes
    ----------
    z_mean, z_sd
        (B, d).
    pose
        Angle in [−π, π), shift in grid units.
    angle_sd
        (B,) radians, within the bin.
    class_probability
        (B, J), J = 0 without classes.
    """

    z_mean: Tensor
    z_sd: Tensor
    pose: Pose
    angle_sd: Tensor
    class_probability: Tensor


def encode(network: Network, x: Tensor) -> Encoded:
    """Posterior means of images (B, C, H, W) under their likeliest hypothesis."""
    posterior = network.infer(x)
    n_classes = posterior.log_q.shape[2]
    best = posterior.log_q.flatten(1).argmax(1)  # (B,)
    mean, sd = (take_hypotheses(t, best[:, None])[:, 0] for t in posterior.latents)  # (B, D)
    z_mean, pose = network.pose(mean, best // n_classes)
    sds = network.latents.values(sd)
    probability = posterior.log_q.logsumexp(1).exp()
    return Encoded(
        z_mean,
        sds.content,
        Pose(wrap(pose.angle), pose.shift, pose.scale),
        sds.angle,
        probability if network.n_classes else probability[:, :0],
    )


def take_hypotheses(per_hypothesis: Tensor, chosen: Tensor) -> Tensor:
    """Rows of (B, K, J, D) at the flat hypothesis numbers ``chosen`` (B, m), as (B, m, D)."""
    flat = per_hypothesis.flatten(1, 2)
    return flat.gather(1, chosen[:, :, None].expand(-1, -1, flat.shape[-1]))
