"""What every set of patches can be asked for, and which patches are held back for validation."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vaerun.config.schema import option
from vaerun.data.config import DataConfig
from vaerun.utils.errors import UserError

# F frames, N patches of C channels (times).

SPECIES = ("C", "Si")
_BLOCKS = 4  # stretches of a movie that validation frames are taken from
_FEWEST_FRAMES = 5  # to hold some back for validation; below it a part of each frame is

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, slots=True)
class FramesConfig(DataConfig):
    """What frames there are, and how patches are cut out of them."""

    path: str | None = option("file, folder or glob of your own frames")
    key: str | None = option("name of the data set in an HDF5 or npz file; null: found")
    pixel_size_nm: float | None = option("nm a pixel; null: from the file", above=0)
    patch_px: int = option("side of the square patches, in pixels", min=8)
    centres: str = option(
        "what patches are centred on", choices=["atoms", "grid", "points", "edges"]
    )
    species: list[str] = option("atoms that patches are centred on", choices=list(SPECIES))
    points: str | None = option("CSV or .npy file of the points, for data.centres=points")
    step_px: float = option("from a patch to the next on a grid or along an edge", above=0)
    edge_level: float = option(
        "brightness, from 0 to 1, at which an edge runs, for data.centres=edges", min=0, max=1
    )
    edge_blur_px: float = option("sd of the blur before an edge is looked for, pixels", min=0)
    n_times: int = option("frames that a patch is followed through, as its channels", min=1)
    lag: int = option("frames from one of them to the next", min=1)
    split: str = option(
        "what is held back for validation: frames, or a region of each",
        choices=["auto", "frame", "region"],
    )
    val_share: float = option("share of the frames, or of each, held back", above=0, max=0.9)


def sides(
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
        held = held_frames(n_frames, config.val_share, lapse)
    else:
        return _by_region(frame, column, width, config)
    of_val = held[frame]
    return np.asarray(~of_val.any(1)), np.asarray(of_val.all(1))


def held_frames(n_frames: int, share: float, lapse: int = 1) -> Bools:
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
