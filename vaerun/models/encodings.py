"""Encodings of a data set: arrays in memory, `latents.h5` on disk."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import numpy.typing as npt

from vaerun.data.patch_location import PatchLocation
from vaerun.utils.arrays import evenly
from vaerun.utils.errors import UserError
from vaerun.utils.files import atomic_path
from vaerun.utils.text import as_text

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

TRAIN, VALIDATION, NEITHER = 0, 1, 2


@dataclass(frozen=True, kw_only=True)
class Encodings:
    """Latents, labels and factors of N images of all splits.

    Attributes
    ----------
    z_mean, z_sd
        (N, d) content.
    angle, angle_sd
        (N,) radians, angle in [−π, π); zero where the model has no angle.
    shift
        (N, 2) row and column, pixels; zero where the model has no shift. Of curves, whose row is
        zero, `latents.h5` has the column alone (N, 1), in units of their axis.
    scale
        (N,) factor; one where the model has no scale.
    gain, offset
        (N,) in intensities of the files if they are known, else of images from 0 to 1; one and
        zero where the model does not infer them.
    class_probability, predicted
        (N, J) and (N,), for models with a class latent; J = 0 and −1 otherwise.
    target_mean, target_sd
        (N,) in the unit of the target that a model infers; NaN otherwise.
    error
        (N,) mean squared difference per pixel between an image and its reconstruction.
    label
        (N,) −1 where unknown.
    index
        (N,) number of each image among all of its source; of images that were selected from a run
        that in the source of the first run.
    split
        (N,) uint8, 0 train, 1 validation, 2 neither: between the two in a frame, or left out.
    factors
        True values by name, (N,) each.
    place
        Frame and position of patches of frames; else None.
    """

    z_mean: Floats
    z_sd: Floats
    angle: Floats
    angle_sd: Floats
    shift: Floats
    scale: Floats
    gain: Floats
    offset: Floats
    class_probability: Floats
    predicted: Ints
    target_mean: Floats
    target_sd: Floats
    error: Floats
    label: Ints
    index: Ints
    split: npt.NDArray[np.uint8]
    factors: dict[str, Floats] = field(default_factory=dict)
    place: PatchLocation | None = None

    def __len__(self) -> int:
        return len(self.z_mean)

    def __post_init__(self) -> None:
        n = len(self.z_mean)
        lengths = {name: len(values) for name, values in self._arrays().items()}
        assert all(length == n for length in lengths.values()), lengths

    def select(self, mask: npt.NDArray[Any]) -> "Encodings":
        """Encodings of some images, by a boolean mask (N,) or positions."""
        own = {name: values[mask] for name, values in self._own_arrays().items()}
        factors = {name: values[mask] for name, values in self.factors.items()}
        place = None if self.place is None else self.place.select(mask)
        return Encodings(**own, factors=factors, place=place)

    def thinned(self, most: int) -> "Encodings":
        """At most ``most`` of the encodings, at even distances."""
        return self if len(self) <= most else self.select(evenly(len(self), most))

    def in_intensities(self, window: npt.NDArray[np.floating]) -> "Encodings":
        """Gain and offset for the intensities (1 or N, 2) that became 0 and 1.

        Unchanged for a model that does not infer them.
        """
        if not self.has_gain:
            return self
        low, width = window[:, 0], window[:, 1] - window[:, 0]
        gain, offset = (width * self.gain), low + width * self.offset
        return replace(self, gain=gain.astype(np.float32), offset=offset.astype(np.float32))

    @classmethod
    def concatenate(cls, parts: Sequence["Encodings"]) -> "Encodings":
        """Encodings of several sets, one after the other, all with the same factors."""
        own = {
            name: np.concatenate([getattr(part, name) for part in parts]) for name in _own_names()
        }
        factors = {
            name: np.concatenate([part.factors[name] for part in parts])
            for name in parts[0].factors
        }
        places = [part.place for part in parts if part.place is not None]
        assert len(places) in (0, len(parts)), "only some sets are patches of frames"
        return cls(
            **own, factors=factors, place=PatchLocation.concatenate(places) if places else None
        )

    @property
    def has_gain(self) -> bool:
        """Whether gain and offset were inferred."""
        return bool(np.any(self.gain != 1) or np.any(self.offset != 0))

    @property
    def has_target(self) -> bool:
        """Whether a target was inferred."""
        return bool(np.isfinite(self.target_mean).any())

    @property
    def has_ring_labels(self) -> bool:
        """Whether labels are the ring classes of the atoms found in graphene, and no truth."""
        rings = None if self.place is None else self.place.ring_class
        return rings is not None and bool((rings >= 0).any()) and np.array_equal(rings, self.label)

    @property
    def train(self) -> "Encodings":
        """Encodings of the training images."""
        return self.select(self.split == TRAIN)

    @property
    def val(self) -> "Encodings":
        """Encodings of the validation images."""
        return self.select(self.split == VALIDATION)

    def to_dataframe(self) -> "pd.DataFrame":
        """A table of pandas with a row for each image, ``index`` as its index.

        Columns of an array with several are numbered from 1: ``z_mean_1``, ``z_mean_2``.

        Raises
        ------
        UserError
            If pandas is not installed.

        Examples
        --------
        >>> run.latents.to_dataframe().groupby("label").mean()  # doctest: +SKIP
        """
        try:
            import pandas as pd
        except ModuleNotFoundError as error:
            hint = "pip install 'vaerun[notebook]'"
            raise UserError("pandas is not installed", hint) from error
        return pd.DataFrame(self.columns()).set_index("index")

    def columns(self) -> dict[str, npt.NDArray[Any]]:
        """Arrays (N,) by the name of their column in a table, ``index`` first.

        A factor is ``true_<name>``, as in a query, since an encoding may have the same name.
        """
        columns: dict[str, npt.NDArray[Any]] = {"index": self.index}
        for name, values in self._arrays().items():
            short = name.replace("factors/", "true_")
            if values.ndim == 1:
                columns[short] = values
            else:
                columns |= {f"{short}_{i + 1}": values[:, i] for i in range(values.shape[1])}
        return columns

    def _own_arrays(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _own_names()}

    def _arrays(self) -> dict[str, Any]:
        """All arrays under their names in `latents.h5`, where m/s would be a group: it is m_s."""
        factors = {
            f"factors/{name.replace('/', '_')}": values for name, values in self.factors.items()
        }
        place = {} if self.place is None else self.place.to_arrays()
        return self._own_arrays() | factors | place


def _own_names() -> list[str]:
    """Names of the arrays that all encodings have."""
    return [f.name for f in fields(Encodings) if f.name not in ("factors", "place")]


TYPES: dict[str, type[np.generic]] = {
    "predicted": np.int64,
    "label": np.int64,
    "index": np.int64,
    "split": np.uint8,
    "frame": np.int64,
    "species": np.int64,
    "ring_class": np.int64,
    "track": np.int64,
}
OF_CLASS_LATENTS = ("class_probability", "predicted")
OF_GAIN = ("gain", "offset")
OF_TARGET = ("target_mean", "target_sd")


def write_latents(path: Path, encodings: Encodings, attributes: Mapping[str, Any]) -> None:
    """Write `latents.h5` completely or not at all.

    Parameters
    ----------
    path
        The file; an existing one is replaced.
    encodings
        ``class_probability`` and ``predicted`` are left out where the model has no class latent,
        ``gain`` and ``offset``, ``target_mean`` and ``target_sd`` where it does not infer them.
    attributes
        Text and numbers about the run: ``vaerun_version``, ``model``, ``data``, ``config`` (YAML),
        ``pixel_size_nm``, ``source_fingerprint``, and lists of names, ``classes`` and
        ``predicted_classes``. Those that are None are left out.
    """
    has_classes = encodings.class_probability.shape[1] > 0 or bool(
        np.any(encodings.predicted >= 0)
    )
    absent = {
        *(() if has_classes else OF_CLASS_LATENTS),
        *(() if encodings.has_gain else OF_GAIN),
        *(() if encodings.has_target else OF_TARGET),
    }
    with atomic_path(path) as unfinished, h5py.File(unfinished, "w") as file:
        for name, values in encodings._arrays().items():
            if name not in absent:
                file.create_dataset(name, data=values.astype(TYPES.get(name, np.float32)))
        for name, value in attributes.items():
            if value is not None:
                file.attrs[name] = _attribute(value)


def _attribute(value: Any) -> Any:
    """A text, a list of texts or a number, as HDF5 takes it."""
    if isinstance(value, list):
        return [as_text(item) for item in value]
    return as_text(value) if isinstance(value, str) else value


def write_csv(path: Path, encodings: Encodings) -> None:
    """Write encodings as a table, a row per image, completely or not at all.

    Columns are those of `Encodings.columns`.
    """
    columns = encodings.columns()
    with (
        atomic_path(path) as unfinished,
        unfinished.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        texts = (values.astype(str).tolist() for values in columns.values())
        writer.writerows(zip(*texts, strict=True))


def read_latents(path: Path) -> Encodings:
    """Encodings in a `latents.h5`."""
    if not path.is_file():
        raise UserError(f"{path} is not there", "name a run folder whose run has finished")
    try:
        with h5py.File(path, "r") as file:
            stored = {name: file[name][()] for name in file if name != "factors"}
            factors = {name: file["factors"][name][()] for name in file.get("factors", {})}
    except OSError as error:
        raise UserError(f"{path} is not a readable HDF5 file", "encode the run again") from error
    missing = sorted(set(_own_names()) - stored.keys() - {*OF_CLASS_LATENTS, *OF_GAIN, *OF_TARGET})
    if missing:
        raise UserError(f"{path} lacks {', '.join(missing)}", "encode the run again")
    n = len(stored["z_mean"])
    stored.setdefault("class_probability", np.zeros((n, 0), np.float32))
    stored.setdefault("predicted", np.full(n, -1, np.int64))
    stored.setdefault("gain", np.ones(n, np.float32))
    stored.setdefault("offset", np.zeros(n, np.float32))
    for name in OF_TARGET:
        stored.setdefault(name, np.full(n, np.nan, np.float32))
    own = {name: stored[name] for name in _own_names()}
    place = {f.name: stored[f.name] for f in fields(PatchLocation) if f.name in stored}
    is_placed = {"frame", "centre"} <= place.keys()
    return Encodings(
        **own, factors=factors, place=PatchLocation.from_arrays(place) if is_placed else None
    )
