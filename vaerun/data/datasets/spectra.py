"""The user's own curves: spectra, loops or other signals, of single points or of maps.

`vaerun model=rvae data=spectra data.path=map.h5`
"""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vaerun.data.curve_axis import CurveAxis
from vaerun.data.datasets.annotations import Classes, encode_classes, parse_factor
from vaerun.data.datasets.curve_preparation import FEWEST_POINTS, PreparedCurves, resampled
from vaerun.data.datasets.spectra_config import SpectraConfig
from vaerun.data.image_set import AllImages, DataShape, ImageSet, Splits
from vaerun.data.io.curve_files import CurveFile, read_curves, same_axes
from vaerun.data.io.curve_tables import TEXT
from vaerun.data.io.formats import find_files
from vaerun.data.io.lazy_array import Array
from vaerun.data.io.tables import Table, names_beside, read_beside, read_table
from vaerun.data.patch_location import PatchLocation
from vaerun.microscopy.frame import Frame
from vaerun.utils.digest import fingerprint
from vaerun.utils.errors import UserError, closest

# N curves of C channels and L points.

_FEWEST = 10  # curves that anything can be learned from
_STREAM = 5  # of the choice of labelled curves

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class _Read:
    """Curves of all files as they will be learned, in the order of the files."""

    prepared: PreparedCurves
    classes: Classes
    factors: dict[str, Tensor]
    place: PatchLocation | None
    frames: Sequence[Frame]
    origin: Tensor  # digest of the files' values

    def select(self, rows: npt.NDArray[np.int64]) -> ImageSet:
        """Curves at some positions (n,)."""
        some = torch.from_numpy(rows)
        values, measured = self.prepared.values[rows], self.prepared.measured
        return ImageSet(
            images=torch.from_numpy(values)[:, :, None],
            label=self.classes.label[some],
            index=some,
            factors={name: factor[some] for name, factor in self.factors.items()},
            measured=None if measured is None else torch.from_numpy(measured[rows])[:, :, None],
            place=None if self.place is None else self.place.select(rows),
        )


def load(config: SpectraConfig, seed: int) -> Splits:
    """Training and validation curves, split at random; ``index`` counts through all files.

    Raises
    ------
    UserError
        If there are too few curves, or files that differ in points or axis.
    """
    read = _read(config)
    n = len(read.prepared.values)
    order = np.random.default_rng(seed).permutation(n)
    n_val = min(max(round(config.val_share * n), 1), n - 1)
    parts = {"train": order[n_val:], "val": order[:n_val]}
    for name, rows in parts.items():
        size = getattr(config, f"{name}_size")
        if size is not None and size > len(rows):
            what = f"data.{name}_size={size} is more than the {len(rows)} curves there are"
            raise UserError(what, f"set it to {len(rows)} or less, or to null for all")
        parts[name] = np.sort(rows[:size])
    log.info(f"{len(parts['train']):,} curves to train on, {len(parts['val']):,} to validate")
    return Splits(
        train=read.select(parts["train"]),
        val=read.select(parts["val"]),
        classes=read.classes.names,
        symmetry=[1] * len(read.classes.names),
        frames=read.frames,
        window=read.prepared.window,
        linear=config.normalise == "set",
        axis=read.prepared.axis,
        origin=read.origin,
    )


def load_labelled(config: SpectraConfig, seed: int, splits: Splits) -> ImageSet:
    """Random share of the training curves of each class, at least one."""
    label = splits.train.label.numpy()
    if not (label >= 0).any():
        what = f"none of the training curves of data.path={config.path} has a label"
        raise UserError(what, "name a column or data set by data.label, or use model=rvae")
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(_STREAM,)))
    rows = [
        rng.choice(of_class, math.ceil(config.labelled_share * len(of_class)), replace=False)
        for j in np.unique(label[label >= 0])
        if len(of_class := np.flatnonzero(label == j))
    ]
    return splits.train.select(torch.from_numpy(np.sort(np.concatenate(rows))))


def load_all(
    config: SpectraConfig, like: DataShape | None = None, classes: Sequence[str] | None = None
) -> AllImages:
    """All curves in the order of their files, brought to 0 to 1 as those of a run."""
    read = _read(config, None if like is None else like.window, classes)
    return AllImages(
        images=read.select(np.arange(len(read.prepared.values))),
        frames=read.frames,
        window=read.prepared.window,
        linear=config.normalise == "set",
        axis=read.prepared.axis,
    )


def _read(
    config: SpectraConfig,
    window: tuple[float, float] | None = None,
    classes: Sequence[str] | None = None,
) -> _Read:
    """Read and prepare all curves of a config; ``classes`` are names of a run's, in order."""
    if config.path is None:
        hint = "name your curves, as in data.path=spectra.csv or data.path=map.h5"
        raise UserError("data.path is not given", hint)
    files = find_files(config.path, also=TEXT)
    parts = [read_curves(f, config.key, config.axes, config.axis_key) for f in files]
    same_axes(parts)
    values = np.concatenate([part.values for part in parts])
    if len(values) < _FEWEST:
        what = f"data.path={config.path} holds {len(values)} curves: too few to learn from"
        raise UserError(what, f"give {_FEWEST} or more")
    if values.shape[2] < FEWEST_POINTS:
        what = f"curves of data.path={config.path} have {values.shape[2]} points"
        raise UserError(what, f"give {FEWEST_POINTS} or more; data.axes=LN has them along columns")
    measured = _measured(config, values)
    values, known, axis = _on_axis(config, parts[0], values, measured)
    prepared = config.preparation(values, known, axis, window)
    _say(config, prepared, len(files), known)
    place, frames = _places(parts, values)
    names = _names(config)
    table = None if config.table is None else read_table(config.table, names)
    given = None if config.label is None else _annotation(config.label, "label", parts, table)
    unknown = Classes(torch.full((len(values),), -1), [], {})
    return _Read(
        prepared=prepared,
        classes=unknown if given is None else encode_classes(given, f"data.label={config.label}",
                                                             classes),
        factors={name: _factor(name, parts, table) for name in config.factors},
        place=place,
        frames=frames,
        origin=_digest(values),
    )  # fmt: skip


def _names(config: SpectraConfig) -> list[str]:
    return [name for name in (config.label, *config.factors) if name is not None]


def _digest(values: npt.NDArray[np.float32]) -> Tensor:
    return torch.frombuffer(bytearray.fromhex(fingerprint([values])), dtype=torch.uint8)


def _measured(config: SpectraConfig, values: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """Which points (N, C, L) count: numbers, and none of the bad channels."""
    measured = np.isfinite(values)
    n = values.shape[2]
    if beyond := [channel for channel in config.bad_channels if channel >= n]:
        what = f"data.bad_channels names {beyond[0]}, but curves have points 0 to {n - 1}"
        raise UserError(what, "count them from 0, as they are in the file")
    measured[..., config.bad_channels] = False
    dead = ~measured.any(axis=(1, 2))
    if dead.any():
        n_dead = int(dead.sum())
        log.warning(f"{n_dead:,} curves have no point that counts: they are flat, and unmeasured")
    if not measured.any():
        what = f"no point of the curves of data.path={config.path} is a number that counts"
        raise UserError(what, "give others, or fewer data.bad_channels")
    return measured


def _on_axis(
    config: SpectraConfig,
    first: CurveFile,
    values: npt.NDArray[np.float32],
    measured: npt.NDArray[np.bool_],
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_], CurveAxis]:
    """Curves on an even axis, that of the config or of the first file."""
    n = values.shape[2]
    axis = first.axis
    name = axis.name if config.axis_name is None else config.axis_name
    unit = axis.unit if config.axis_unit is None else config.axis_unit
    axis = replace(axis, name=name, unit=unit)
    at = np.arange(n, dtype=np.float64) if first.at is None else first.at
    if config.axis is not None:
        at = np.linspace(config.axis[0], config.axis[1], n)
    elif first.at is None:
        log.info("the axis is not known, so points count from 0: data.axis=[FIRST,LAST] gives it")
    values, measured, axis, changed = resampled(values, measured, at, axis)
    if changed:
        log.info(f"points lie unevenly along the axis: curves are resampled to steps of "
                 f"{abs(axis.step):.4g} {axis.unit}".rstrip())  # fmt: skip
    return values, measured, axis


def _say(
    config: SpectraConfig,
    prepared: PreparedCurves,
    n_files: int,
    measured: npt.NDArray[np.bool_],
) -> None:
    n, channels, length = prepared.values.shape
    at = prepared.axis.values(length)
    parts = [f"{n:,} curves of {length} points" + f" in {channels} channels" * (channels > 1)
             + f" from {n_files} files" * (n_files > 1),
             f"{prepared.axis.label} {at[0]:.6g} to {at[-1]:.6g}"]  # fmt: skip
    if config.baseline != "none":
        parts.append(f"less a {config.baseline} baseline")
    if config.derivative:
        parts.append(f"derivative {config.derivative} of each")
    if prepared.window is not None:
        parts.append(f"{prepared.window[0]:.4g} became 0, {prepared.window[1]:.4g} became 1")
    if not measured.all():
        share = 100 * float((~measured).mean())
        parts.append(f"{share:.2g} % of the points do not count")
    log.info("; ".join(parts))


def _places(
    parts: Sequence[CurveFile], values: npt.NDArray[np.float32]
) -> tuple[PatchLocation | None, list[Frame]]:
    """Place of each curve on its map, and maps of the mean of the curves; None without maps."""
    if any(part.map_shape is None for part in parts):
        return None, []
    frames: list[Frame] = []
    numbers, centres, first = [], [], 0
    for part in parts:
        assert part.map_shape is not None
        rows, columns = part.map_shape
        for i in range(len(part.values) // (rows * columns)):
            mean = np.nan_to_num(values[first : first + rows * columns]).mean((1, 2))
            name = part.file.stem + (f" {i}" if len(part.values) > rows * columns else "")
            numbers.append(np.full(rows * columns, len(frames)))
            frames.append(Frame(image=mean.reshape(rows, columns), pixel_nm=None, name=name))
            centres.append(np.indices((rows, columns)).reshape(2, -1).T.astype(np.float32))
            first += rows * columns
    number = np.concatenate(numbers)
    unknown = np.full(len(number), -1)
    place = PatchLocation(
        frame=number, centre=np.concatenate(centres), species=unknown, ring_class=unknown
    )
    return place, frames


def _annotation(name: str, key: str, parts: Sequence[CurveFile], table: Table | None) -> Array:
    """Values (N,), numbers or text, of a column of the table or a data set beside the curves."""
    n = sum(len(part.values) for part in parts)
    if table is not None and name in table.columns:
        if len(table) != n:
            what = f"{table.key} has {len(table):,} rows for {n:,} curves"
            raise UserError(what, "give one for each, in their order")
        return table.columns[name]
    found = []
    for part in parts:
        shape = {len(part.values)} | ({part.map_shape} if part.map_shape else set())
        beside = _beside(part.file, len(part.values), part.map_shape)
        if name.strip("/") not in beside:
            known = sorted({*(table.columns if table else ()), *beside})
            what = f"data.{key}={name} is neither a column of data.table nor a data set of one "
            what += f"value for each curve ({' or '.join(map(str, shape))})"
            hint = f"did you mean {closest(name, known)}" if known else "name one by data.table="
            raise UserError(what, hint)
        found.append(read_beside(part.file, name.strip("/")))
    return np.concatenate(found)


def _beside(file: Path, n: int, map_shape: tuple[int, int] | None) -> list[str]:
    """Names of the data sets with a value for each curve of a file."""
    if file.suffix.lower() in TEXT:
        return []
    return names_beside(file, n) + (names_beside(file, *map_shape) if map_shape else [])


def _factor(name: str, parts: Sequence[CurveFile], table: Table | None) -> Tensor:
    cells = _annotation(name, "factors", parts, table)
    if table is not None and name in table.columns:
        return parse_factor(table.numbers(name), name, cells)
    return parse_factor(cells, name, cells)
