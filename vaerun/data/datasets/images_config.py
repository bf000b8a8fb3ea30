"""Config keys of `data=images`."""

from dataclasses import dataclass

from vaerun.config.schema import field
from vaerun.data.config import DataConfig
from vaerun.data.io.axes import letter_faults
from vaerun.data.lazy.preprocessing import SCALES, Preprocessing, Size
from vaerun.utils.errors import UserError, format_value, raise_all


@dataclass(frozen=True, kw_only=True, slots=True)
class ImagesConfig(DataConfig):
    """Paths, annotations and preprocessing of the user's own images."""

    path: str | None = field(
        "file, folder or glob of your own images; a folder of folders: their names are classes",
        affects="files",
    )
    key: str | None = field(
        "name of the images' data set in HDF5 and npz files; null: detected", affects="selection"
    )
    axes: str | None = field(
        "a letter for each axis of the arrays: Y rows, X columns, C channels, any other what "
        "counts images, as in TZYX; null: as the file says, or by their shape",
        affects="selection",
    )
    label: str | None = field(
        "column of the table, or data set beside the images, of the class; or folder",
        affects="selection",
    )
    table: str | None = field(
        "CSV or other text with a row for each image, in their order or named in a column",
        affects="files",
    )
    factors: list[str] = field(
        "columns or data sets of true values; an angle is in radians", affects="selection"
    )
    resample_nm: float | None = field(
        "nm a pixel that images of any known pixel size are resampled to, before all else; null: "
        "as they are",
        above=0,
    )
    size: int | list[int] | None = field("resample to this side, or [rows,columns]", min=8)
    crop_px: int | list[int] | None = field("cut the middle out, this side or [r,c]", min=8)
    pad_px: int | list[int] | None = field("surround up to this side or [r,c]", min=8)
    grey: bool = field("whether to average colours, or other channels")
    normalise: str = field(
        "what becomes 0 and 1: the darkest and brightest of the set, or of each image; auto: of "
        "the set, unless the numbers are from 0 to 1 or of 8 bits already",
        choices=["auto", "none", "image", "set"],
    )
    unmeasured: str | list[float] = field(
        "numbers that stand for pixels that were never measured; auto: those that cannot be "
        "measured ones, and constant borders of noisy images; none: NaN and infinity alone",
        choices=["auto", "none"],
    )
    clip_percent: float = field(
        "percent of the pixels at either end that become 0, and 1", min=0, below=50
    )
    scale: str = field(
        "how brightness is spread: none; log or sqrt bring out the dark parts of images whose "
        "bright ones are many times brighter, such as diffraction patterns",
        choices=list(SCALES),
    )
    mask: str = field(
        "what becomes black: none, or all beyond a circle", choices=["none", "circle"]
    )
    val_share: float = field("share of the images held back for validation", above=0, max=0.9)
    skip_unreadable: bool = field(
        "whether to leave out files that cannot be read", affects="files"
    )
    memory_gb: float | None = field(
        "GB of images, of four bytes a number, that may be in memory; more are streamed from a "
        "file that is written to data.root once; null: no limit",
        above=0,
        affects="training",
    )
    labelled_share: float = field(
        "share of the training images of each class with a label, for models that learn them",
        above=0,
        max=1,
    )

    def __post_init__(self) -> None:
        faults = list(letter_faults(self.axes))
        for name in ("size", "crop_px", "pad_px"):
            sides = getattr(self, name)
            if isinstance(sides, list) and len(sides) != 2:
                what = f"data.{name}={format_value(sides)} is not two sides"
                faults.append(UserError(what, f"give rows and columns, as in data.{name}=[48,64]"))
        if "class" in self.factors:
            what = f"data.factors={format_value(self.factors)} holds class, which is no number"
            faults.append(UserError(what, "name it by data.label"))
        raise_all(faults)

    @property
    def preprocessing(self) -> Preprocessing:
        """Preprocessing of every image."""
        return Preprocessing(
            grey=self.grey,
            resample_nm=self.resample_nm,
            crop=_size(self.crop_px),
            pad=_size(self.pad_px),
            size=_size(self.size),
            normalise=self.normalise,
            clip_percent=self.clip_percent,
            scale=self.scale,
            mask=self.mask == "circle",
        )


def _size(sides: int | list[int] | None) -> Size | None:
    if sides is None:
        return None
    return (sides, sides) if isinstance(sides, int) else (sides[0], sides[1])
