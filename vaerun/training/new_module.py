"""The network and Lightning module of a run: new, from a finished run, or from a checkpoint."""

from pathlib import Path

import pytorch_lightning as pl

from vaerun import models
from vaerun.data.corruption import corruption
from vaerun.data.image_set import DataShape, Splits
from vaerun.models.invariant_vae import InvariantVAE
from vaerun.models.label_errors import class_weights
from vaerun.models.lightning_module import AdamConfig, VAELightningModule
from vaerun.models.likelihoods import GaussianLikelihood
from vaerun.runs.checkpoint import read_checkpoint
from vaerun.runs.config import RunConfig
from vaerun.runs.run import load
from vaerun.training.context import TrainingContext
from vaerun.training.starting_point import shape_of, take_over
from vaerun.utils.errors import UserError


def new_network(
    config: RunConfig, splits: Splits, seed: int, shape: DataShape | None = None
) -> InvariantVAE:
    """An untrained network; raises a `UserError` if its classes do not match the data set's.

    ``shape`` is that of the splits, or of the images of a network whose weights it will have.
    """
    pl.seed_everything(seed, verbose=False)
    _check_factors(config, splits)
    network = models.InvariantVAE(config.model, shape or splits.shape)
    if isinstance(network.likelihood, GaussianLikelihood):
        network.likelihood.start(splits.pixels.sd)
    n_classes = splits.shape.n_classes
    if network.learns_classes and network.n_classes != n_classes:
        raise UserError(
            f"model.category.n_classes={network.n_classes}, but the labels are of {n_classes}",
            "set model.category.n_classes=null",
        )
    return network


def _check_factors(config: RunConfig, splits: Splits) -> None:
    """Raise a `UserError` if a factor that the model is conditioned on tells nothing."""
    usable = splits.shape.ranges
    for name in getattr(config.model.category, "condition", ()):
        values = splits.train.factors.get(name)
        if values is None or name in usable:
            continue
        here = f"model.category.condition=[{name}]: {name}"
        n_missing = int((~values.isfinite()).sum())
        if n_missing:
            what = f"{here} is missing in {n_missing:,} of {len(values):,} training images"
            raise UserError(what, "give it for each image, or leave those images out")
        what = f"{here} is the same, {float(values[0]):g}, in all {len(values):,} training images"
        raise UserError(what, "condition on what varies, such as class, or use model=rvae")


def new_module(context: TrainingContext, seed: int) -> VAELightningModule:
    """The module before its first step, its network new or that of ``model.start_from``."""
    config, splits = context.config, context.splits
    if config.model.start_from is not None:
        start = load(config.model.start_from).network
        network = new_network(config, splits, seed, shape_of(splits, start.shape))
        take_over(network, start)
        return _in_module(context, network, seed)
    network = new_network(config, splits, seed)
    _fit_locator(context, network)
    if isinstance(network.likelihood, GaussianLikelihood):
        network.input_scale.fit(splits.train.images)
    if network.brightness is not None:
        network.brightness.fit(splits.train.images, planes=bool(config.data.fills_field))
    return _in_module(context, network, seed)


def resumed_module(context: TrainingContext, checkpoint: Path) -> VAELightningModule:
    """The module that the state of a checkpoint will be loaded into."""
    state = read_checkpoint(checkpoint)
    seed, shape = int(state["seed"]), DataShape(**state["shape"])
    network = new_network(context.config, context.splits, seed, shape_of(context.splits, shape))
    return _in_module(context, network, seed)


def _in_module(context: TrainingContext, network: InvariantVAE, seed: int) -> VAELightningModule:
    config, splits = context.config, context.splits
    trainer, labelled = config.trainer, splits.labelled
    if trainer.compile:  # the networks alone: compiled, the module could not log
        network.encoder.compile()
        network.decoder.compile()
    return VAELightningModule(
        network,
        config.objective,
        AdamConfig(learning_rate=trainer.learning_rate, schedule=trainer.schedule),
        seed,
        corruption(config.data.corrupt, config.data.corruption),
        None if labelled is None else class_weights(labelled.label, splits.shape.n_classes),
    )


def _fit_locator(context: TrainingContext, network: InvariantVAE) -> None:
    """Let a locator, if there is one, learn from the training images, and print what it does."""
    locator = network.search.locator
    if locator is None:
        return
    has_objects = locator.fit(context.splits.train.images)
    if context.ranks.is_first:
        done = [("centred", locator.centred), ("brought to one size", locator.sized)]
        what = " and ".join(name for name, wanted in done if wanted)
        context.console.print(
            f"objects are {what} before the encoder sees them"
            if has_objects
            else "images are encoded as they are: most do not show one object on its own"
        )
