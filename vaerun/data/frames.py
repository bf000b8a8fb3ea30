"""Patches of your own frames, whatever they show: on a grid, on points, along edges."""

import torch

from vaerun.data.framing import FramesConfig
from vaerun.data.scenes import Scene, split_patches
from vaerun.data.sets import ImageSet, Splits
from vaerun.microscopy import readers
from vaerun.microscopy.frame import brightness
from vaerun.utils.errors import UserError

PatchesConfig = FramesConfig


def load(config: PatchesConfig, seed: int) -> Splits:
    """Patches of the frames in ``data.path``, each frame from 0 (dark) to 1 (bright)."""
    if config.path is None:
        raise UserError("data.path is not given", "name your frames, as in data.path=frames.h5")
    if config.centres == "atoms":
        raise UserError(
            "data.centres=atoms needs atoms, which only data=graphene looks for",
            "use data.centres=grid, points or edges",
        )
    frames = readers.read(config.path, config.key, config.pixel_size_nm)
    shown = [torch.from_numpy(brightness(frame.image)) for frame in frames]
    return split_patches(Scene(frames=frames, shown=shown), config, seed)


def load_labelled(config: PatchesConfig, seed: int, splits: Splits) -> ImageSet:
    """Refused: nothing is known of what these patches show."""
    del seed, splits
    raise UserError(
        f"data={config.name} has no labels to learn from", "use model=rvae, or model=jrvae"
    )
