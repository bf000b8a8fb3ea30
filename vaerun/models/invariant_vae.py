"""The network that all models share: q over hypotheses and latents, and the posed decoder.

A hypothesis h = (k, y) is a bin of rotation and a class. For each the encoder gives a score,
whose softmax over h is q(h | x), and Gaussians over the continuous latents ζ.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vaerun.data.image_set import DataShape
from vaerun.geometry import Pose, apply, rotation, wrap
from vaerun.models.categories.base import Category
from vaerun.models.latents import LatentSpace
from vaerun.models.likelihoods import BernoulliLikelihood, GaussianLikelihood
from vaerun.models.networks.decoder import Decoder
from vaerun.models.networks.encoder import Encoder
from vaerun.models.networks.pixel_subset import PixelSubset
from vaerun.models.pose import PoseModel
from vaerun.models.posterior import Posterior, take_hypotheses

# B images, K bins, J classes (1 when there are none), D latent dimensions, N = any number, n
# numbers that tell the decoder of the class.

_HELD, _MOST_AT_ONCE = 1.2e8, 250  # numbers; images


class InvariantVAE(nn.Module):
    """Encoder, pose search, decoder and likelihood, and the two verbs of every model.

    Parameters
    ----------
    latents
        The continuous latents.
    search
        Bins of rotation, and what the encoder sees of an image.
    category
        Where the class comes from.
    encoder
        From copies to the numbers that `category` reads.
    decoder
        From content, class and pose to the likelihood's parameter.
    likelihood
        log p(x | decoder output).
    shape
        What it knows of its data set.
    """

    def __init__(
        self,
        *,
        latents: LatentSpace,
        search: PoseModel,
        category: Category,
        encoder: Encoder,
        decoder: Decoder,
        likelihood: BernoulliLikelihood | GaussianLikelihood,
        shape: DataShape,
    ) -> None:
        super().__init__()
        self.latents = latents
        self.search = search
        self.category = category
        self.encoder = encoder
        self.decoder = decoder
        self.likelihood = likelihood
        self.shape = shape

    @property
    def n_at_once(self) -> int:
        """Images that go through without gradients in some 500 MB, all hypotheses decoded."""
        n_hypotheses = len(self.search.bin_angle) * max(self.n_classes, 1)
        n_held = n_hypotheses * math.prod(self.shape.image) * self.decoder.n_per_pixel
        return min(max(int(_HELD) // n_held, 1), _MOST_AT_ONCE)

    @property
    def n_classes(self) -> int:
        """J classes that it infers, 0 if none."""
        return self.category.n_classes

    def infer(self, x: Tensor, condition: Tensor | None = None) -> Posterior:
        """q(h, ζ | x) of images (B, C, H, W), under a condition (B, n) if the model wants one."""
        views = self.search.views(x)
        numbers = self.encoder(views, self.category.encoder_input(condition))
        return self.category.posterior(x, numbers.float(), condition, self.latents)

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
        self,
        content: Tensor,
        pose: Pose,
        y: Tensor | None = None,
        subset: PixelSubset | None = None,
    ) -> Tensor:
        """Likelihood parameters (N, C, P) of content (N, d), N poses and classes (N, n)."""
        inputs = content if y is None else torch.cat([content, y], dim=-1)
        output: Tensor = self.decoder(inputs, pose, subset)
        return output

    def generate(self, content: Tensor, pose: Pose, y: Tensor | None = None) -> Tensor:
        """Expected images (N, C, H, W)."""
        expected = self.likelihood.mean(self.decode(content, pose, y))
        return expected.unflatten(2, self.shape.image[1:])


class MostLikelyEncoding(NamedTuple):
    """The likeliest hypothesis of each image: its likeliest class, and the likeliest bin then.

    Attributes
    ----------
    z_mean, z_sd
        (B, d).
    pose
        Angle in [−π, π), shift in grid units.
    angle_sd
        (B,) radians, within the bin.
    class_probability
        (B, J), J = 0 for a model that infers no class.
    y
        (B, n) what the decoder is told of the class, None without.
    """

    z_mean: Tensor
    z_sd: Tensor
    pose: Pose
    angle_sd: Tensor
    class_probability: Tensor
    y: Tensor | None


def encode(
    network: InvariantVAE, x: Tensor, condition: Tensor | None = None
) -> MostLikelyEncoding:
    """Posterior means of images (B, C, H, W) under their likeliest hypothesis."""
    posterior = network.infer(x, condition)
    log_class = posterior.log_class
    probability = x.new_zeros(x.shape[0], 0) if log_class is None else log_class.exp()
    likeliest = None if log_class is None else log_class.argmax(1)
    if likeliest is not None and posterior.log_q.shape[2] > 1:
        posterior = posterior.given(likeliest)
    best = posterior.log_q.flatten(1).argmax(1)  # (B,)
    mean, sd = (take_hypotheses(t, best[:, None])[:, 0] for t in posterior.latents)  # (B, D)
    z_mean, pose = network.pose(mean, best)
    sds = network.latents.values(sd)
    return MostLikelyEncoding(
        z_mean,
        sds.content,
        Pose(wrap(pose.angle), pose.shift, pose.scale),
        sds.angle,
        probability,
        condition if likeliest is None else F.one_hot(likeliest, network.n_classes).float(),
    )


def count_parameters(network: InvariantVAE) -> int:
    """Trainable parameters."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)
