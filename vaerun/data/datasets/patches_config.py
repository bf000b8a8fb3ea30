"""Keys that all data sets of patches share."""

from dataclasses import dataclass

from vaerun.config.schema import field
from vaerun.data.config import DataConfig

# F frames, N patches of C channels (times).

SPECIES = ("C", "Si")


@dataclass(frozen=True, kw_only=True, slots=True)
class FramesConfig(DataConfig):
    """What frames there are, and how patches are cut out of them."""

    path: str | None = field("file, folder or glob of your own frames", affects="files")
    key: str | None = field(
        "name of the data set in an HDF5 or npz file; null: found", affects="selection"
    )
    pixel_size_nm: float | None = field("nm a pixel; null: from the file", above=0)
    patch_px: int = field("side of the square patches, in pixels", min=8)
    centres: str = field(
        "what patches are centred on", choices=["atoms", "grid", "points", "edges"]
    )
    species: list[str] = field("atoms that patches are centred on", choices=list(SPECIES))
    points: str | None = field(
        "CSV or .npy file of the points, for data.centres=points", affects="selection"
    )
    step_px: float = field("from a patch to the next on a grid or along an edge", above=0)
    edge_level: float = field(
        "brightness, from 0 to 1, at which an edge runs, for data.centres=edges", min=0, max=1
    )
    edge_blur_px: float = field("sd of the blur before an edge is looked for, pixels", min=0)
    n_times: int = field("frames that a patch is followed through, as its channels", min=1)
    lag: int = field("frames from one of them to the next", min=1)
    split: str = field(
        "what is held back for validation: frames, or a region of each",
        choices=["auto", "frame", "region"],
    )
    val_share: float = field("share of the frames, or of each, held back", above=0, max=0.9)
