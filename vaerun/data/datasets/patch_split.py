"""Which patches are for validation: those of some frames, or of a region of each frame."""

import logging
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from vaerun.data.datasets.patches_config import PatchesConfig
from vaerun.utils.errors import UserError

_BLOCKS = 4  # stretches of a movie, each with a block of validation frames
_FEWEST_FRAMES = 5  # with fewer, split=auto holds back a region of each frame

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

log = logging.getLogger(__name__)


def split_patches(
    frame: Ints,
    column: Floats,
    width: Sequence[int],
    config: PatchesConfig,
    held_back: Sequence[int] | None,
) -> tuple[Bools, Bools]:
    """Which patches are for training, (N,), and which for validation, (N,).

    Patches that overlap both parts are in neither.

    Parameters
    ----------
    frame
        (N, C) numbers of the frames that each patch shows.
    column
        (N,) columns of the centres, pixels.
    width
        Width of each frame, pixels.
    config
        Its ``split``, ``val_share``, ``n_times``, ``lag`` and ``patch_px`` count.
    held_back
        Numbers of the frames for validation; None: as the config determines.
    """
    n_frames = len(width)
    lapse = (config.n_times - 1) * config.lag + 1
    if held_back is not None:
        held = np.isin(np.arange(n_frames), held_back)
    elif config.split == "frame" or (
        config.split == "auto" and n_frames >= max(_FEWEST_FRAMES, 2 * lapse)
    ):
        if n_frames < 2:
            what = "data.split=frame needs two frames or more, here is one"
            raise UserError(what, "use data.split=region")
        held = held_out_frames(n_frames, config.val_share, lapse)
    else:  # the right part of each frame is for validation
        border = (1 - config.val_share) * np.array(width)[frame[:, 0]]
        half = config.patch_px / 2
        if not (column - half >= border).any():  # centres that keep away from that border
            border = np.full(len(column), np.quantile(column, 1 - config.val_share) - half)
            log.info(f"no patch lies in the right part: those from column {border[0]:.0f} on are "
                     "for validation")  # fmt: skip
        return column + half <= border, column - half >= border
    of_val = held[frame]
    return np.asarray(~of_val.any(1)), np.asarray(of_val.all(1))


def held_out_frames(n_frames: int, share: float, lapse: int = 1) -> Bools:
    """Which frames are for validation, (F,): evenly distributed blocks, or the end of the movie.

    The end, where patches extend over several frames: ``lapse`` is from their first to the last.
    """
    n_held = min(max(round(share * n_frames), lapse), n_frames - 1)
    held = np.zeros(n_frames, bool)
    if lapse > 1:
        held[-n_held:] = True
        return held
    n_blocks = min(_BLOCKS, n_held)
    blocks = np.array_split(np.arange(n_frames), n_blocks)
    for block, part in zip(blocks, np.array_split(np.arange(n_held), n_blocks), strict=True):
        first = block[0] + (len(block) - len(part)) // 2
        held[first : first + len(part)] = True
    return held
