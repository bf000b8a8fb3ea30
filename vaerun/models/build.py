"""From a model's options and the images' shape to its network."""

from vaerun.data.image_set import DataShape
from vaerun.models.categories import registry
from vaerun.models.config import ModelConfig
from vaerun.models.invariant_vae import InvariantVAE
from vaerun.models.latents import LatentSpace
from vaerun.models.likelihoods import build as build_likelihood
from vaerun.models.networks import DECODERS
from vaerun.models.networks.decoder import DecoderShape
from vaerun.models.networks.encoder import Encoder
from vaerun.models.pose import POSES


def build(config: ModelConfig, shape: DataShape) -> InvariantVAE:
    """The network of a model for a data set.

    Raises
    ------
    UserError
        If the model asks for classes or factors that the data set does not know.
    """
    image = shape.image
    category = registry.build(config.category, shape, config.activation)
    search = POSES[config.pose.name](config.pose, config.invariances, image)
    latents = LatentSpace(
        content_dim=config.latent_dim,
        angle=search.angle,
        shift_sd=search.shift_sd,
        scale_sd=search.scale_sd,
    )
    encoder = Encoder(
        search.n_view_pixels(image),
        config.hidden,
        config.activation,
        category.n_encoder_inputs,
        category.n_numbers(len(search.bin_angle), latents.dim),
    )
    sizes = DecoderShape(config.latent_dim + category.n_told, config.hidden[::-1], image)
    return InvariantVAE(
        latents=latents,
        search=search,
        category=category,
        encoder=encoder,
        decoder=DECODERS[config.decoder.name](config.decoder, sizes),
        likelihood=build_likelihood(config.likelihood, config.likelihood_sd),
        shape=shape,
    )
