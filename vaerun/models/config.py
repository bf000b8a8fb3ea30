"""Options of a model, and which of them contradict each other."""

from dataclasses import dataclass
from typing import Any

from vaerun.config.schema import field
from vaerun.models.categories.registry import CATEGORIES
from vaerun.models.networks import DECODERS
from vaerun.models.networks.decoder import ACTIVATIONS
from vaerun.models.pose import POSES
from vaerun.models.variants import MODELS, ModelVariant
from vaerun.utils.errors import UserError


@dataclass(frozen=True, kw_only=True, slots=True)
class ClusteringConfig:
    """Options of the clustering before training, whose classes and angles are pseudo-labels."""

    templates: int | str = field(
        "templates for each class; 0: no pseudo-labels; auto: as data.fills_field",
        min=0,
        max=1000,
        choices=["auto"],
    )
    repeats: int = field("times the templates are fitted, from different starts", min=1)
    layout: bool = field(
        "whether z starts from a layout of the templates in a plane, where kinds that run into "
        "one another are apart; of a model that infers no class"
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelConfig:
    """Options that all models share."""

    name: str = field("which model", choices=list(MODELS))
    latent_dim: int = field("content dimensions d", min=1, max=4096)
    hidden: list[int] = field(
        "widths of the hidden layers, encoder and decoder alike", min=1, max=65536
    )
    activation: str = field("between layers of the encoder", choices=sorted(ACTIVATIONS))
    invariances: list[str] = field(
        "what is kept out of z: r rotation, t translation, s scale, i intensity (gain and offset)",
        choices=["r", "t", "s", "i"],
    )
    likelihood: str = field(
        "distribution of a pixel; auto: bernoulli where images are nearly black and white, "
        "gaussian where they are grey",
        choices=["auto", "bernoulli", "gaussian"],
    )
    likelihood_sd: float | None = field("sd of the gaussian; null: learned", above=0.0)
    decoder: Any = field(
        "options of the decoder", variants={name: part.Config for name, part in DECODERS.items()}
    )
    pose: Any = field(
        "options of the pose", variants={name: part.Config for name, part in POSES.items()}
    )
    category: Any = field(
        "options of the class", variants={name: part.Config for name, part in CATEGORIES.items()}
    )
    clustering: ClusteringConfig = field("the clustering that gives pseudo-labels")
    start_from: str | None = field(
        "run folder whose weights training begins from, of the same model; null: random ones"
    )
    restarts: int = field(
        "starts of training, from different seeds, of which the one with the best bound goes on",
        min=1,
    )
    restart_epochs: int = field("epochs of each restart before one is chosen", min=1)


Rule = tuple[object, str, str]  # true if broken, what is wrong, what helps


def check(config: ModelConfig, variant: ModelVariant) -> None:
    """Raise an error if options of a model contradict each other.

    Raises
    ------
    UserError
        Names the keys that contradict each other.
    """
    for broken, what, hint in [*_rules(config, variant), *_pose_rules(config)]:
        if broken:
            raise UserError(what, hint)


def _rules(config: ModelConfig, variant: ModelVariant) -> list[Rule]:
    """What must not be of layers, category, clustering and start."""
    return [
        (not config.hidden, "model.hidden=[] leaves no layer", "give widths, as in [256,256]"),
        (
            config.decoder.name == "spatial" and len(set(config.hidden)) > 1,
            f"model.hidden={config.hidden} is uneven, which model/decoder=spatial cannot be",
            "give equal widths, as in [256,256]",
        ),
        (
            config.category.name not in variant.categories,
            f"model/category={config.category.name} is not a category of model={variant.name}",
            f"use model/category={' or '.join(variant.categories)}",
        ),
        (
            config.clustering.layout and config.category.name != "none",
            f"model.clustering.layout=true is for models without classes, not {variant.name}",
            "leave it out, or use model=rvae",
        ),
        (
            config.clustering.layout and not config.clustering.templates,
            "model.clustering.layout=true has no templates to lay out",
            "give their number, as in model.clustering.templates=400",
        ),
        (
            config.start_from is not None and config.restarts > 1,
            f"model.restarts={config.restarts} is of no use to model.start_from="
            f"{config.start_from}, which leaves nothing to chance",
            "leave one of them out",
        ),
    ]


def _pose_rules(config: ModelConfig) -> list[Rule]:
    """What must not be of the invariances and their pose."""
    wanted = ",".join(config.invariances)
    of_pose = [name for name in config.invariances if name != "i"]
    has_pose, decoder = config.pose.name != "none", config.decoder.name
    able = " or ".join(f"model/decoder={name}" for name, d in DECODERS.items() if d.can_pose)
    return [
        (
            len(set(config.invariances)) < len(config.invariances),
            f"model.invariances=[{wanted}] names one twice",
            "name each of r, t, s, i at most once",
        ),
        (
            of_pose and not has_pose,
            f"model/pose=none cannot give model.invariances=[{wanted}]",
            "name none but i, or set model/pose=orbit, or use model=rvae",
        ),
        (
            has_pose and not of_pose,
            f"model.invariances=[{wanted}] leaves model/pose={config.pose.name} nothing to infer",
            "name any of r, t, s, as in model.invariances=[r,t], or use model=vae",
        ),
        (
            MODELS[config.name].predicts and (decoder != "mlp" or "i" in config.invariances),
            f"model={config.name} predicts what has neither pose nor brightness of the image",
            "use model/decoder=mlp, and leave i out of model.invariances",
        ),
        (
            "i" in config.invariances and config.likelihood == "bernoulli",
            f"model.likelihood=bernoulli has no gain and offset for model.invariances=[{wanted}]",
            "set model.likelihood=gaussian, or leave out i",
        ),
        (
            has_pose and not DECODERS[decoder].can_pose and not MODELS[config.name].predicts,
            f"model/decoder={decoder} cannot turn or shift",
            f"use {able}",
        ),
    ]
