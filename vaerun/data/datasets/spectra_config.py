"""Config keys of `data=spectra`."""

from dataclasses import dataclass
from typing import ClassVar

from vaerun.config.schema import field
from vaerun.data.config import DataConfig
from vaerun.data.datasets.curve_preparation import BASELINES, NORMALISATIONS, CurvePreparation
from vaerun.utils.errors import UserError, format_value, raise_all

LETTERS = "NYXCL"


@dataclass(frozen=True, kw_only=True, slots=True)
class SpectraConfig(DataConfig):
    """Paths, axis and preparation of the user's own curves."""

    of_curves: ClassVar[bool] = True

    path: str | None = field(
        "file, folder or glob of your own curves: arrays, or tables of text", affects="files"
    )
    key: str | None = field(
        "name of the curves' data set in HDF5 and npz files; null: detected", affects="selection"
    )
    axes: str | None = field(
        "a letter for each axis of the arrays: L points of a curve, C channels, Y rows and X "
        "columns of a map, N what else counts curves, as in YXL; null: as the file says, or by "
        "their shape",
        affects="selection",
    )
    axis_key: str | None = field(
        "data set beside the curves that has the values of their points; null: detected"
    )
    axis: list[float] | None = field(
        "values of the first and last point; null: as the file says, else numbers from 0"
    )
    axis_name: str | None = field("name of the axis, for figures; null: as the file says")
    axis_unit: str | None = field("unit of the axis; null: as the file says")
    label: str | None = field(
        "column of the table, or data set beside the curves, of the class", affects="selection"
    )
    table: str | None = field("CSV or other text with a row for each curve", affects="files")
    factors: list[str] = field("columns or data sets of true values", affects="selection")
    bad_channels: list[int] = field(
        "points, counted from 0 in the file, that do not count, such as dead ones; those that are "
        "no number never do",
        min=0,
    )
    crop: list[float] | None = field("keep the points between these two values of the axis")
    bin: int = field("neighbouring points that become one, their mean", min=1)
    baseline: str = field(
        "what is taken off: none; linear, through both ends; snip or asls (asymmetric least "
        "squares), of pybaselines",
        choices=list(BASELINES),
    )
    baseline_points: int = field("half of the widest line for snip, in points", min=1)
    baseline_stiffness: float = field("stiffness λ of asls", above=0)
    derivative: int = field("of which order curves are learned; 0: themselves", min=0, max=3)
    derivative_points: int = field(
        "neighbouring points, an odd number, that a derivative follows from", min=5
    )
    normalise: str = field(
        "what becomes 0 and 1: the least and greatest value of the set, or of each curve (curve); "
        "or all curves have one area first (area), or one mean and sd (snv)",
        choices=list(NORMALISATIONS),
    )
    val_share: float = field("share of the curves held back for validation", above=0, max=0.9)
    labelled_share: float = field(
        "share of the training curves of each class with a label, for models that learn them",
        above=0,
        max=1,
    )

    def __post_init__(self) -> None:
        faults = []
        for name, example in (("axis", "[200,900]"), ("crop", "[250,800]")):
            ends = getattr(self, name)
            if ends is not None and (len(ends) != 2 or ends[0] == ends[1]):
                what = f"data.{name}={format_value(ends)} is not two different values"
                faults.append(UserError(what, f"give both ends, as in data.{name}={example}"))
        if self.axes is not None and (
            set(self.axes) - set(LETTERS)
            or self.axes.count("L") != 1
            or any(self.axes.count(letter) > 1 for letter in "YXC")
            or ("Y" in self.axes) != ("X" in self.axes)
        ):
            what = f"data.axes={self.axes} does not name the axes of curves"
            faults.append(UserError(what, "give one L, and Y with X, C or N, as in YXL or NCL"))
        if self.derivative_points % 2 == 0:
            what = f"data.derivative_points={self.derivative_points} is even"
            faults.append(UserError(what, f"give {self.derivative_points + 1}"))
        raise_all(faults)

    @property
    def preparation(self) -> CurvePreparation:
        """Preparation of every curve."""
        return CurvePreparation(
            crop=None if self.crop is None else (min(self.crop), max(self.crop)),
            bin=self.bin,
            baseline=self.baseline,
            baseline_points=self.baseline_points,
            baseline_stiffness=self.baseline_stiffness,
            derivative=self.derivative,
            derivative_points=self.derivative_points,
            normalise=self.normalise,
        )
