"""The user's frames, as patches of them are cut from: from 0 to 1, of one pixel size."""

import logging

import numpy as np
import numpy.typing as npt
import torch

from vaerun.data.copies import equal_frames
from vaerun.data.datasets.patches_config import PatchesConfig
from vaerun.data.io import fill_values, read_frames
from vaerun.data.lazy.preprocessing import spread
from vaerun.microscopy.frame import SAME_SIZE, Frame, brightness, shown_range
from vaerun.microscopy.rescale import at_pixel
from vaerun.utils.errors import UserError

log = logging.getLogger(__name__)


def own_frames(config: PatchesConfig) -> list[Frame]:
    """The user's frames, each scaled to [0, 1], and resampled to one pixel size on request.

    For ``data.centres=peaks`` nothing is clipped or spread: the brightest atoms keep their shape.
    """
    if config.path is None:
        raise UserError("data.path is not given", "name your frames, as in data.path=frames.h5")
    frames = []
    finds_peaks = config.centres == "peaks"
    raw_frames = read_frames.read_raw(
        config.path,
        config.key,
        config.pixel_size_nm,
        axes=config.axes,
        channel=config.take_channel,
        fills=fill_values.given(config.unmeasured),
    )
    for raw in raw_frames:
        scaled = brightness(raw.image, clip=not finds_peaks)
        frame = Frame(
            image=scaled if finds_peaks else spread_out(scaled, config),
            window=shown_range(raw.image),
            pixel_nm=raw.pixel_nm,
            name=raw.name,
            movie=raw.movie,
            measured=raw.measured,
        )
        frames.append(frame if config.resample_nm is None else at_pixel(frame, config.resample_nm))
    log.info(read_frames.describe(frames))
    if copies := equal_frames([frame.image for frame in frames]):
        log.warning(copies)
    sizes = [frame.pixel_nm for frame in frames if frame.pixel_nm is not None]
    if sizes and max(sizes) > SAME_SIZE * min(sizes):
        log.warning(
            f"pixels of these frames are {min(sizes):.3g} to {max(sizes):.3g} nm, so that the "
            "same object differs in size: data.resample_nm="
            f"{max(sizes):.3g} resamples all to one size"
        )
    return frames


def spread_out(image: npt.NDArray[np.float32], config: PatchesConfig) -> npt.NDArray[np.float32]:
    """An image (H, W) from 0 to 1 under ``data.scale``."""
    return spread(torch.from_numpy(image), config.scale).numpy()
