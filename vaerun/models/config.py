"""What a model may be asked for, and which requests contradict each other."""

from dataclasses import dataclass
from typing import Any

from vaerun.config.schema import option
from vaerun.models.networks import DECODERS
from vaerun.models.networks.decoder import ACTIVATIONS
from vaerun.models.variants import Family
from vaerun.utils.errors import UserError


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelConfig:
    """Options that all models share."""

    name: str = option("which model")
    latent_dim: int = option("content dimensions d", min=1, max=4096)
    hidden: list[int] = option(
        "widths of the hidden layers, encoder and decoder alike", min=1, max=65536
    )
    activation: str = option("between layers of the encoder", choices=sorted(ACTIVATIONS))
    invariances: list[str] = option(
        "what gets latents of its own: r rotation, t translation, s scale",
        choices=["r", "t", "s"],
    )
    likelihood: str = option("of a pixel", choices=["bernoulli", "gaussian"])
    likelihood_sd: float | None = option("width of the gaussian; null: learned", above=0.0)
    decoder: Any = option("options of the decoder")
    pose: Any = option("options of the pose search")
    category: Any = option("options of the class")
    templates: int = option(
        "templates a class that look for classes and uprights before training; 0: begin blind",
        min=0,
        max=1000,
    )
    atlases: int = option("times they are learned, from different starts", min=1)
    restarts: int = option(
        "times training is begun, from different seeds; the best by the bound goes on", min=1
    )
    restart_epochs: int = option("epochs of each beginning before one is chosen", min=1)


def check(config: ModelConfig, family: Family) -> None:
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
