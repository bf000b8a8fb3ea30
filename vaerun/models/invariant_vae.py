"""The network of every model: q over hypotheses and latents, and a decoder with a pose.

A hypothesis h = (k, y) is a rotation bin and a class. For each the encoder gives a score, whose
softmax over h is q(h | x), and Gaussians over the continuous latents ζ.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vaerun.data.image_set import DataShape
from vaerun.geometry import Pose, apply, rotation, wrap
from vaerun.models import likelihoods
from vaerun.models.brightness import Brightness
from vaerun.models.categories.registry import CATEGORIES
from vaerun.models.config import ModelConfig
from vaerun.models.latents import LatentSpace
from vaerun.models.networks import DECODERS
from vaerun.models.networks.decoder import DecoderShape
from vaerun.models.networks.encoder import Encoder
from vaerun.models.networks.input_scale import InputScale
from vaerun.models.networks.orbit import Orbit
from vaerun.models.networks.pixel_subset import PixelSubset
from vaerun.models.networks.resolution import averaged, seen_shape
from vaerun.models.object_locator import centre_and_size
from vaerun.models.pose import POSES, PoseModel
from vaerun.models.posterior import Posterior, take_hypotheses
from vaerun.models.variants import MODELS

# B images, K bins, J classes (1 without), D latents, d content dimensions, n numbers of a class
# code, N images or hypotheses.

# numbers held at once without gradients, some 500 MB; images at once
_MOST_NUMBERS, _MOST_IMAGES = 1.2e8, 250
_FARTHEST, _MOST_LOG_SCALE = 4.0, 3.0  # of a pose; grid units


class InvariantVAE(nn.Module):
    """Encoder, pose model, category, decoder and likelihood of a model for a data set.

    Parameters
    ----------
    config
        Checked options of the model.
    shape
        Image shape, classes and factor ranges of the data set.

    Raises
    ------
    UserError
        If the model asks for classes or factors that the data set does not have.
    """

    def __init__(self, config: ModelConfig, shape: DataShape) -> None:
        super().__init__()
        image = shape.image
        self.variant = MODELS[config.name]
        self.shape = shape
        self.search: PoseModel = POSES[config.pose.name](config.pose, config.invariances, image)
        predicts = self.variant.predicts  # what has no pose
        self.latents = LatentSpace(
            content_dim=config.latent_dim,
            angle=None if predicts else self.search.angle,
            shift_sd=None if predicts else self.search.shift_sd,
            scale_sd=None if predicts else self.search.scale_sd,
            n_shifts=self.search.n_shifts,
        )
        self.category = CATEGORIES[config.category.name](config.category, shape, config.activation)
        self.encoder = Encoder(
            self.search.n_view_pixels(seen_shape(image, self.search.seen_px)),
            config.hidden,
            config.activation,
            self.category.n_encoder_condition,
            self.category.n_numbers(len(self.search.bin_angle), self.latents.dim),
        )
        n_content = config.latent_dim + self.category.n_condition
        self.decoder = DECODERS[config.decoder.name](
            config.decoder, DecoderShape(n_content, config.hidden[::-1], self.drawn)
        )
        self.likelihood = likelihoods.build(config.likelihood, config.likelihood_sd)
        self.input_scale = InputScale()
        self.brightness = Brightness(image[1:]) if "i" in config.invariances else None

    @property
    def drawn(self) -> tuple[int, int, int]:
        """(C, H, W) of what the decoder draws: an image, or what is predicted of it."""
        return self.shape.target or self.shape.image

    @property
    def n_at_once(self) -> int:
        """Images that fit into some 500 MB without gradients, all hypotheses decoded."""
        n_hypotheses = len(self.search.bin_angle) * max(self.n_classes, 1)
        n_held = n_hypotheses * math.prod(self.drawn) * self.decoder.n_per_pixel
        return min(max(int(_MOST_NUMBERS) // n_held, 1), _MOST_IMAGES)

    @property
    def learns_classes(self) -> bool:
        """Whether the classes that are inferred are learned from labels."""
        return self.variant.learns_labels and self.n_classes > 0

    @property
    def n_classes(self) -> int:
        """J classes that are inferred, 0 if none."""
        return self.category.n_classes

    def infer(
        self, x: Tensor, condition: Tensor | None = None, orbit: Orbit | None = None
    ) -> Posterior:
        """q(h, ζ | x) of images (B, C, H, W), and a condition (B, n), if any.

        An orbit takes the place of the model's own.

        Where the pose model has a locator, the encoder sees the object centred and at its usual
        size. Its posterior of shift and scale is that of the located object, so the bound holds
        whatever the locator finds. Grey images it sees with mean 0 and sd 1, or, where gain and
        offset are nuisances, each of one brightness and contrast. Large images it sees in fewer
        pixels.
        """
        locator = self.search.locator
        at = None if locator is None or locator.constants is None else locator(x)
        x = averaged(x, self.search.seen_px)
        x = self.input_scale(x) if self.brightness is None else self.brightness.seen(x)
        if at is None:
            return self._posterior(x, condition, orbit)
        posterior = self._posterior(centre_and_size(x, at), condition, orbit)
        in_copies = apply(rotation(-self.search.bin_angle), at.centre[:, None])  # (B, K, 2)
        latents = self.latents.moved(
            posterior.latents, in_copies[:, :, None], at.size[:, None, None]
        )
        return posterior._replace(latents=latents)

    def _posterior(self, x: Tensor, condition: Tensor | None, orbit: Orbit | None) -> Posterior:
        """q(h, ζ | x) of images that the encoder sees as they are."""
        views = self.search.views(x) if orbit is None else orbit(x)
        numbers = self.encoder(views, self.category.encoder_input(condition))
        return self.category.posterior(x, numbers.float(), condition, self.latents)

    def pose(self, standardised: Tensor, bin_number: Tensor) -> tuple[Tensor, Pose]:
        """Content (N, d) and pose in the image, of latents (N, D) of rotation bins (N,).

        The encoder saw the image turned back by φ_k: the angle is φ_k plus the offset, and the
        shift turns by φ_k. It saw a curve shifted back, by what is added to its shift. Nothing of
        an object is seen beyond four half sides, or where it is e³ times smaller or larger, so
        latents further out count as these: improbable hypotheses, which next to nothing holds
        back, would overflow.
        """
        content, offset, shift, log_scale = self.latents.values(standardised)
        bin_angle = self.search.bin_angle[bin_number]
        shift = apply(rotation(bin_angle), shift.clamp(-_FARTHEST, _FARTHEST))
        scale = log_scale.clamp(-_MOST_LOG_SCALE, _MOST_LOG_SCALE).exp()
        return content, Pose(bin_angle + offset, shift + self.search.bin_shift[bin_number], scale)

    def decode(
        self,
        content: Tensor,
        pose: Pose,
        class_code: Tensor | None = None,
        subset: PixelSubset | None = None,
    ) -> Tensor:
        """Likelihood parameters (N, C, P) of content (N, d), N poses and class codes (N, n)."""
        inputs = content if class_code is None else torch.cat([content, class_code], dim=-1)
        output: Tensor = self.decoder(inputs, pose, subset)
        return output

    def log_likelihood(
        self,
        x: Tensor,
        output: Tensor,
        subset: PixelSubset | None = None,
        measured: Tensor | None = None,
    ) -> Tensor:
        """Log p(x | output) (B, m) of images (B, 1, C, p) under outputs (B, m, C, p).

        The p pixels are those of a subset, or all; of these only those count that were
        ``measured`` (B, 1, C, p), None: all.
        """
        if self.brightness is None:
            weight = 1.0 if subset is None else subset.weight
            return self.likelihood.log_prob(x, output, measured) * weight
        assert isinstance(self.likelihood, likelihoods.GaussianLikelihood)
        return self.brightness.log_prob(x, output, self.likelihood.variance, subset, measured)

    def generate(self, content: Tensor, pose: Pose, class_code: Tensor | None = None) -> Tensor:
        """Expected images (N, C, H, W) of content (N, d), N poses and class codes (N, n)."""
        expected = self.likelihood.mean(self.decode(content, pose, class_code))
        return expected.unflatten(2, self.drawn[1:])


class MostLikelyEncoding(NamedTuple):
    """Latents of each image under its likeliest class and, given that, its likeliest rotation bin.

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
    class_code
        (B, n) class or condition for the decoder, None without.
    """

    z_mean: Tensor
    z_sd: Tensor
    pose: Pose
    angle_sd: Tensor
    class_probability: Tensor
    class_code: Tensor | None

    def by_name(self, pixel: float) -> dict[str, Tensor]:
        """Latents named as in `latents.h5`, the shift in pixels of ``pixel`` grid units."""
        return {
            "z_mean": self.z_mean,
            "z_sd": self.z_sd,
            "angle": self.pose.angle,
            "angle_sd": self.angle_sd,
            "shift": self.pose.shift / pixel,
            "scale": self.pose.scale,
            "class_probability": self.class_probability,
        }


def encode(
    network: InvariantVAE, x: Tensor, condition: Tensor | None = None
) -> MostLikelyEncoding:
    """Posterior means of images (B, C, H, W) under their likeliest hypothesis."""
    posterior = network.infer(x, condition)
    log_class = posterior.log_class
    probability = x.new_zeros(x.shape[0], 0) if log_class is None else log_class.exp()
    likeliest = None if log_class is None else log_class.argmax(1)
    if likeliest is not None and posterior.log_q.shape[2] > 1:
        posterior = posterior.on_class(likeliest)
    best = posterior.log_q.flatten(1).argmax(1)  # (B,)
    mean, sd = (take_hypotheses(t, best[:, None])[:, 0] for t in posterior.latents)  # (B, D)
    z_mean, pose = network.pose(mean, best)
    if network.variant.predicts:  # the likeliest bin is of no object in one orientation
        zero = torch.zeros_like(pose.angle)
        pose = Pose(zero, torch.zeros_like(pose.shift), zero + 1)
    sds = network.latents.values(sd)
    return MostLikelyEncoding(
        z_mean,
        sds.content,
        Pose(wrap(pose.angle), pose.shift, pose.scale),
        sds.angle,
        probability,
        condition if likeliest is None else F.one_hot(likeliest, network.n_classes).float(),
    )


def restore(
    network: InvariantVAE,
    target: Tensor,
    encoded: MostLikelyEncoding,
    measured: Tensor | None = None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Expected images (B, C, H, W) at the posterior means, and their ``gain`` and ``offset`` (B,).

    Gain and offset are those in the middle of the images ``target`` (B, C, H, W), where they were
    ``measured`` (B, C, H, W), against their drawings; 1 and 0 in a model that does not infer them.
    """
    drawing = network.generate(encoded.z_mean, encoded.pose, encoded.class_code).float()
    if network.brightness is None:
        one = torch.ones_like(drawing[:, 0, 0, 0])
        return drawing, {"gain": one, "offset": torch.zeros_like(one)}
    assert isinstance(network.likelihood, likelihoods.GaussianLikelihood)
    x, flat = target.float().flatten(2)[:, None], drawing.flatten(2)[:, None]
    known = None if measured is None else measured.flatten(2)[:, None]
    found, _ = network.brightness.solve(x, flat, network.likelihood.variance, measured=known)
    expected = network.brightness.expected(flat, found)[:, 0].view_as(drawing)
    return expected, {name: values[:, 0, 0] for name, values in found._asdict().items()}


def count_parameters(network: InvariantVAE) -> int:
    """Number of trainable parameters."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)
