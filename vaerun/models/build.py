"""From a model's options and the images' shape to its network."""

from vaerun.latents import Latents
from vaerun.likelihoods import build as build_likelihood
from vaerun.models.config import ModelConfig
from vaerun.models.network import Network
from vaerun.models.poses import POSES
from vaerun.nets import DECODERS
from vaerun.nets.decoder import DecoderShape
from vaerun.nets.mlp import Encoder


def build(config: ModelConfig, image: tuple[int, int, int], n_classes: int = 0) -> Network:
    """The network of a model for images (C, H, W), with J = ``n_classes`` values of y."""
    search = POSES[config.pose.name](config.pose, config.invariances, image)
    latents = Latents(
        content_dim=config.latent_dim,
        angle=search.angle,
        shift_sd=search.shift_sd,
        scale_sd=search.scale_sd,
    )
    n_hypotheses = len(search.bin_angle) * max(n_classes, 1)
    encoder = Encoder(
        search.n_view_pixels(image),
        config.hidden,
        config.activation,
        n_classes,
        (n_hypotheses > 1) + 2 * latents.dim,
    )
    shape = DecoderShape(config.latent_dim + n_classes, config.hidden[::-1], image)
    return Network(
        latents=latents,
        search=search,
        encoder=encoder,
        decoder=DECODERS[config.decoder.name](config.decoder, shape),
        likelihood=build_likelihood(config.likelihood, config.likelihood_sd),
        image=image,
        n_classes=n_classes,
    )
