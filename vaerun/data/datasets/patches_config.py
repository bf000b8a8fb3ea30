"""Keys that `data=graphene` and `data=patches` share."""

from dataclasses import dataclass

from vaerun.config.schema import field
from vaerun.data.config import DataConfig
from vaerun.data.io.axes import letter_faults
from vaerun.data.lazy.preprocessing import SCALES
from vaerun.microscopy.graphene import SPECIES
from vaerun.utils.errors import raise_all


@dataclass(frozen=True, kw_only=True, slots=True)
class PatchesConfig(DataConfig):
    """Keys of data sets of patches: which frames, and how patches are cut out of them."""

    path: str | None = field("file, folder or glob of your own frames", affects="files")
    key: str | None = field(
        "name of the data set in an HDF5 or npz file; null: the largest", affects="selection"
    )
    axes: str | None = field(
        "a letter for each axis of the arrays: Y rows, X columns, C channels, any other what "
        "counts frames, as in TZYX; null: as the file says, or by their shape",
        affects="selection",
    )
    take_channel: int | None = field(
        "number of the channel that frames are, counted from 0; null: frames have one",
        min=0,
        affects="selection",
    )
    pixel_size_nm: float | None = field(
        "nm a pixel; null: from the file or, for graphene, the lattice", above=0
    )
    resample_nm: float | None = field(
        "nm a pixel that frames of any pixel size are resampled to; null: as they are", above=0
    )
    unmeasured: str | list[float] = field(
        "numbers that stand for pixels that were never measured; auto: those that cannot be "
        "measured ones, and constant borders of noisy frames; none: NaN and infinity alone",
        choices=["auto", "none"],
    )
    scale: str = field(
        "how the brightness of frames is spread: none; log or sqrt bring out dark parts",
        choices=list(SCALES),
    )
    patch_px: int = field("side of the square patches, in pixels", min=8)
    centres: str = field(
        "what patches are centred on", choices=["atoms", "peaks", "grid", "points", "edges"]
    )
    species: list[str] = field("atoms that patches are centred on", choices=list(SPECIES))
    sublattices: list[int] | None = field(
        "for data.centres=peaks: sublattices that patches are centred on, 0 the brightest; null: "
        "all",
        min=0,
    )
    peak_spacing_nm: float | None = field(
        "for data.centres=peaks: distance of neighbouring atoms; null: estimated from the frames",
        above=0,
    )
    peak_threshold: float = field(
        "for data.centres=peaks: height of a peak over the typical one around it, at least",
        min=0,
        max=1,
    )
    peak_contrast: str = field(
        "for data.centres=peaks: whether atoms are bright or dark", choices=["bright", "dark"]
    )
    peak_order: float = field(
        "for data.centres=peaks: how much the surroundings of a peak are like those of others, at "
        "least; 0 keeps all, also particles that are on no lattice",
        min=0,
        max=1,
    )
    vacuum_level: float | None = field(
        "for data.centres=peaks: brightness, from 0 to 1, up to which a blurred frame counts as "
        "vacuum, without atoms; null: noise alone decides",
        min=0,
        max=1,
    )
    normalise: str = field(
        "what becomes 0 and 1: the darkest and brightest of each frame, or of each patch by its "
        "own mean and sd",
        choices=["frame", "patch"],
    )
    points: str | None = field(
        "CSV or .npy file of the points, for data.centres=points", affects="selection"
    )
    step_px: float = field("pixels from a patch to the next on a grid or along an edge", above=0)
    edge_level: float = field(
        "brightness, from 0 to 1, at which an edge runs, for data.centres=edges", min=0, max=1
    )
    edge_blur_px: float = field("sd of the blur before edges are detected, pixels", min=0)
    n_times: int = field("frames that a patch is followed through, as its channels", min=1)
    lag: int = field("frames from one channel of a patch to the next", min=1)
    split: str = field(
        "what is held back for validation: frames, or a region of each",
        choices=["auto", "frame", "region"],
    )
    val_share: float = field("share of the frames, or of each, held back", above=0, max=0.9)

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of a patch."""
        return self.patch_px, self.patch_px

    def __post_init__(self) -> None:
        raise_all(list(letter_faults(self.axes)))
