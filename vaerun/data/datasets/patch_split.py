"""What every set of patches can be asked for, and which patches are held back for validation."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from vaerun.data.datasets.patches_config import FramesConfig
from vaerun.utils.errors import UserError

_BLOCKS = 4  # stretches of a movie that validation frames are taken from
_FEWEST_FRAMES = 5  # to hold some back for validation; below it a part of each frame is

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def split_patches(
    frame: Ints,
    column: Floats,
    width: Sequence[int],
    config: FramesConfig,
    held_back: Sequence[int] | None,
) -> tuple[Bools, Bools]:
    """Which patches are for training and which for validation; those between are for neither.

    Parameters
    ----------
    frame
        (N, C) frames that each shows.
    column
        (N,) of its centre, pixels.
    width
        Of each frame, pixels.
    config
        What to hold back.
    held_back
        Frames that are for validation alone; None: as the config says.
    """
    n_frames = len(width)
    lapse = (config.n_times - 1) * config.lag + 1
    if held_back is not None:
        held = np.isin(np.arange(n_frames), held_back)
    elif config.split == "frame" or (
        config.split == "auto" and n_frames >= max(_FEWEST_FRAMES, 2 * lapse)
    ):
        if n_frames < 2:
            raise UserError(
                "data.split=frame needs two frames or more, here is one", "use data.split=region"
            )
        held = held_out_frames(n_frames, config.val_share, lapse)
    else:
        return _by_region(frame, column, width, config)
    of_val = held[frame]
    return np.asarray(~of_val.any(1)), np.asarray(of_val.all(1))


def held_out_frames(n_frames: int, share: float, lapse: int = 1) -> Bools:
    """Some stretches of the movie, evenly spread, (F,).

    What is followed through several frames needs a stretch no shorter than that (``lapse``): then
    it is the end of the movie.
    """
    n_held = min(max(round(share * n_frames), lapse), n_frames - 1)
    held = np.zeros(n_frames, bool)
    if lapse > 1:
        held[-n_held:] = True
        return held
    n_blocks = min(_BLOCKS, n_held)
    blocks = np.array_split(np.arange(n_frames), n_blocks)
    for block, some in zip(blocks, np.array_split(np.arange(n_held), n_blocks), strict=True):
        first = block[0] + (len(block) - len(some)) // 2
        held[first : first + len(some)] = True
    return held


def _by_region(
    frame: Ints, column: Floats, width: Sequence[int], config: FramesConfig
) -> tuple[Bools, Bools]:
    """The right part of each frame is held back; what would reach across is for neither."""
    border = (1 - config.val_share) * np.array(width)[frame[:, 0]]
    half = config.patch_px / 2
    return column + half <= border, column - half >= border
