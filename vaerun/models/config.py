"""What a model may be asked for, and which requests contradict each other."""

from dataclasses import dataclass
from typing import Any

from vaerun.config.schema import field
from vaerun.models.networks import DECODERS
from vaerun.models.networks.decoder import ACTIVATIONS
from vaerun.models.variants import ModelVariant
from vaerun.utils.errors import UserError


@dataclass(frozen=True, kw_only=True, slots=True)
class ClusteringConfig:
    """Options of the clustering before training, whose classes and angles are pseudo-labels."""

    templates: int = field("templates for each class; 0: no pseudo-labels", min=0, max=1000)
    repeats: int = field("times the templates are fitted, from different starts", min=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelConfig:
    """Options that all models share."""

    name: str = field("which model")
    latent_dim: int = field("content dimensions d", min=1, max=4096)
    hidden: list[int] = field(
        "widths of the hidden layers, encoder and decoder alike", min=1, max=65536
    )
    activation: str = field("between layers of the encoder", choices=sorted(ACTIVATIONS))
    invariances: list[str] = field(
        "what gets latents of its own: r rotation, t translation, s scale",
        choices=["r", "t", "s"],
    )
    likelihood: str = field("of a pixel", choices=["bernoulli", "gaussian"])
    likelihood_sd: float | None = field("width of the gaussian; null: learned", above=0.0)
    decoder: Any = field("options of the decoder")
    pose: Any = field("options of the pose search")
    category: Any = field("options of the class")
    clustering: ClusteringConfig = field("the clustering that gives pseudo-labels")
    restarts: int = field(
        "times training is begun, from different seeds; the best by the bound goes on", min=1
    )
    restart_epochs: int = field("epochs of each beginning before one is chosen", min=1)


def check(config: ModelConfig, family: ModelVariant) -> None:
    """Refuse a pose that nothing asks for or the decoder cannot give, and a class out of place.

    Raises
    ------
    UserError
        Naming the keys that contradict each other.
    """
    wanted = ",".join(config.invariances)
    if not config.hidden:
        raise UserError("model.hidden=[] leaves no layer", "give widths, as in [256,256]")
    if config.decoder.name == "spatial" and len(set(config.hidden)) > 1:
        raise UserError(
            f"model.hidden={config.hidden} is uneven, which model/decoder=spatial cannot be",
            "give equal widths, as in [256,256]",
        )
    if config.category.name not in family.categories:
        raise UserError(
            f"model/category={config.category.name} is not a way of model={family.name}",
            f"use model/category={' or '.join(family.categories)}",
        )
    if len(set(config.invariances)) < len(config.invariances):
        raise UserError(
            f"model.invariances=[{wanted}] names one twice", "name each of r, t, s at most once"
        )
    has_pose = config.pose.name != "none"
    if wanted and not has_pose:
        raise UserError(
            f"model/pose=none cannot give model.invariances=[{wanted}]",
            "set model.invariances=[], or model/pose=orbit, or use model=rvae",
        )
    if has_pose and not wanted:
        raise UserError(
            f"model.invariances=[] leaves model/pose={config.pose.name} nothing to look for",
            "name any of r, t, s, as in model.invariances=[r,t], or use model=vae",
        )
    if has_pose and not DECODERS[config.decoder.name].can_pose:
        able = " or ".join(f"model/decoder={n}" for n, d in DECODERS.items() if d.can_pose)
        raise UserError(f"model/decoder={config.decoder.name} cannot turn or shift", f"use {able}")
