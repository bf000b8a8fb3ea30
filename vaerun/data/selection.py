"""Which images of a data set a run uses: those that ``data.keep`` and ``data.drop`` leave.

    data.keep=selection.csv                                a file that a report's selection saves
    data.from_run=outputs/rvae/images/version_0 data.keep='error<0.02 and z1>0'

Images go by their ``index``, which counts all images of the data set before any is left out and
stays with an image through any number of runs. `Splits.source` identifies what it counts.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vaerun.data.config import DataConfig
from vaerun.data.image_set import ImageSet, Splits
from vaerun.data.io.tables import Table, read_table
from vaerun.data.latent_columns import LatentTable, read_latent_table
from vaerun.data.lazy.file_images import FileImages
from vaerun.data.patch_location import PatchLocation
from vaerun.data.query import matching, names_file
from vaerun.microscopy.frame import Frame, in_file
from vaerun.utils.digest import fingerprint
from vaerun.utils.errors import UserError, format_value

_FEWEST = {"training": 2, "validation": 1}  # images that a run can do with
_WITHIN_PX = 1.0  # of the centre of a patch: what a report shows is rounded
SHORT = 12  # digits of a fingerprint in a table
_PLACE = (("frame", "row", "column"), ("frame", "centre_1", "centre_2"))  # of a report, a CSV

Ints = npt.NDArray[np.int64]

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class _Chosen:
    """Numbers (n,) of images that a key names, and how messages call them."""

    index: Ints
    here: str  # key and value
    is_sure: bool  # whether they are known to be of these data, all of which may not be used
    place: npt.NDArray[np.float64] | None = None  # (n, 3) frame, row and column in file pixels


def is_selected(config: DataConfig) -> bool:
    """Whether a config asks for a part of its images."""
    return any(getattr(config, name) is not None for name in ("keep", "drop", "from_run"))


def source_of_splits(splits: Splits, config: DataConfig) -> str:
    """Hash of what ``index`` counts: files and how they are read, frames, or what was drawn."""
    if splits.origin is not None:
        return _source([splits.origin], config)
    if splits.frames:
        return _source([frame.image for frame in splits.frames], config)
    parts: list[Tensor] = []
    for images in (splits.train, splits.val):
        order = images.index.argsort()
        parts += [v[order] for v in (images.index, images.label, *images.factors.values())]
    return _source(parts, config)


def source_of_images(images: ImageSet, config: DataConfig) -> str:
    """The same hash for images that are read from files; empty for others."""
    lazy = images.images
    return _source([lazy.source.digest()], config) if isinstance(lazy, FileImages) else ""


def _source(arrays: Sequence[npt.ArrayLike], config: DataConfig) -> str:
    names = ("kind", "key", "axes", "take_channel", "skip_unreadable")
    read = json.dumps({name: getattr(config, name, None) for name in names}, sort_keys=True)
    return fingerprint([np.frombuffer(read.encode(), np.uint8), *arrays])


def select_splits(splits: Splits, config: DataConfig) -> Splits:
    """The splits less the images that the config leaves out; says how many are kept.

    Training images stay training images, and validation images validation images.

    Raises
    ------
    UserError
        If a file or query is wrong or of other images, or leaves nothing to train or validate on.
    """
    parts = {name: part for name in ("train", "val", "rest") if (part := getattr(splits, name))}
    index = _selected(list(parts.values()), splits.frames, splits.source, config)
    kept = {name: _among(part, index) for name, part in parts.items()}
    for kind, name in (("training", "train"), ("validation", "val")):
        if len(kept[name]) < _FEWEST[kind]:
            n = len(kept[name])
            what = f"{_typed(config)} leaves {n} of {len(parts[name]):,} {kind} images"
            raise UserError(what, f"choose at least {_FEWEST[kind]} of them")
    n_all, n = sum(map(len, parts.values())), sum(map(len, kept.values()))
    log.info(f"{_typed(config)} keeps {n:,} of {n_all:,} images: {len(kept['train']):,} to train "
             f"on, {len(kept['val']):,} to validate")  # fmt: skip
    rest = kept.get("rest")
    record = {name: getattr(config, name) for name in ("from_run", "keep", "drop")}
    record |= {"images": n_all, "kept": n, "train": len(kept["train"]), "val": len(kept["val"])}
    return replace(
        splits,
        train=kept["train"],
        val=kept["val"],
        rest=rest if rest is not None and len(rest) else None,
        selection=record,
    )


def select_images(images: ImageSet, config: DataConfig) -> ImageSet:
    """The images of files less those that the config leaves out."""
    kept = _among(images, _selected([images], (), source_of_images(images, config), config))
    if not len(kept):
        raise UserError(f"{_typed(config)} leaves none of {len(images):,} images", "keep some")
    log.info(f"{_typed(config)} keeps {len(kept):,} of {len(images):,} images")
    return kept


def _among(images: ImageSet, index: Ints) -> ImageSet:
    rows = np.flatnonzero(np.isin(images.index.numpy(), index))
    return images.select(torch.from_numpy(rows))


def _typed(config: DataConfig) -> str:
    """The keys that select images, as typed."""
    values = {name: getattr(config, name) for name in ("from_run", "keep", "drop")}
    return " ".join(f"data.{k}={format_value(v)}" for k, v in values.items() if v is not None)


def _selected(
    parts: Sequence[ImageSet], frames: Sequence[Frame], source: str, config: DataConfig
) -> Ints:
    """Numbers of the images that are used."""
    there = np.concatenate([part.index.numpy() for part in parts])
    index = np.unique(there)
    table = None
    if config.from_run is not None:
        table = read_latent_table(config.from_run, "data.from_run")
        _check_source(table.source, source, f"data.from_run={config.from_run}", config)
        index = np.intersect1d(index, table.index)
        if n := len(np.setdiff1d(table.index, there)):
            log.info(f"{n:,} images of {table.path} are not among those of data={config.name}")
    for name, combine in (("keep", np.intersect1d), ("drop", np.setdiff1d)):
        text = getattr(config, name)
        if text is None:
            continue
        chosen = _chosen(f"data.{name}", text, table, source, config)
        chosen = _those_there(chosen, there, config)
        _check_place(chosen, parts, frames)
        index = combine(index, chosen.index)
    return index


def _chosen(
    key: str, text: str, table: LatentTable | None, source: str, config: DataConfig
) -> _Chosen:
    """The images that a file or a query names."""
    here = f"{key}={format_value(text)}"
    if names_file(text):
        return _of_file(text, here, source, config)
    if table is None:
        what = f"{here} compares columns of a run, and none is named"
        raise UserError(what, "add data.from_run=outputs/rvae/images/version_0, say")
    mask = matching(text, table.columns, key, str(table.path))
    return _Chosen(index=np.unique(table.index[mask]), here=here, is_sure=True)


def _of_file(path: str, here: str, source: str, config: DataConfig) -> _Chosen:
    """The images in the column ``index`` of a table, whose column ``source`` is checked."""
    table = read_table(path, ["index"], key=here)
    if "index" not in table.columns:
        listed = ", ".join(filter(None, table.columns))
        what = f"{here} has no column index (it has {format_value(listed)})"
        raise UserError(what, "give the file that a report's selection saves")
    used = np.flatnonzero(~table.is_blank)
    index = np.array(table.numbers("index"), np.float64)[used]  # NaN where it is no number
    wrong = np.flatnonzero(~(np.isfinite(index) & (index == np.round(index))))
    if len(wrong):
        row = used[wrong[0]]
        cell = table.cells("index")[row] or "missing"
        what = f"{here}, line {table.lines[row]}: index {cell} is not the number of an image"
        raise UserError(what, "give whole numbers from 0")
    stated = np.unique(table.columns["source"][used]) if "source" in table.columns else [""]
    for one in stated:
        _check_source(str(one).removeprefix("sha256:"), source, here, config)
    return _Chosen(
        index=index.astype(np.int64),
        here=here,
        is_sure=all(stated),
        place=_places(table, used),
    )


def _places(table: Table, used: npt.NDArray[np.intp]) -> npt.NDArray[np.float64] | None:
    """Frame, row and column (n, 3) of patches; None where the table has no such columns."""
    for names in _PLACE:
        if set(names) <= table.columns.keys():
            return np.array([table.numbers(name) for name in names], np.float64).T[used]
    return None


def _check_source(stated: str, source: str, here: str, config: DataConfig) -> None:
    """Raise a `UserError` if numbers of images are of another data set."""
    if not stated:
        log.info(f"{here} does not say of which images it is: index is taken as it stands")
        return
    if not source.startswith(stated) or len(stated) < SHORT:
        what = f"{here} is of other images ({stated[:SHORT]}) than data={config.name} "
        hint = "give the files, sizes, seed and settings of data that its run had"
        raise UserError(f"{what}({source[:SHORT]})", hint)


def _those_there(chosen: _Chosen, there: Ints, config: DataConfig) -> _Chosen:
    """The images that are among those of the config; the others are counted.

    Raises a `UserError` for others in a table that does not say of which data it is.
    """
    unknown = np.setdiff1d(chosen.index, there)
    if not len(unknown):
        return chosen
    n = len(unknown)
    others = f" and {n - 1:,} others are" if n > 1 else " is"
    what = f"{chosen.here}: index {unknown[0]}{others} not among the {len(there):,} images of "
    what += f"data={config.name}, which are numbered from {there.min()} to {there.max()}"
    if not chosen.is_sure:
        raise UserError(what, "give data.train_size, val_size and others as that run had them")
    log.info(f"{what}: left out by data.train_size or val_size, or labelled images drawn apart")
    used = np.isin(chosen.index, there)
    place = None if chosen.place is None else chosen.place[used]
    return replace(chosen, index=chosen.index[used], place=place)


def _check_place(chosen: _Chosen, parts: Sequence[ImageSet], frames: Sequence[Frame]) -> None:
    """Raise a `UserError` if a patch is elsewhere than its file says."""
    if chosen.place is None or not frames:
        return
    places = [part.place for part in parts if part.place is not None]
    if len(places) < len(parts):
        return
    place, index = PatchLocation.concatenate(places), np.concatenate([p.index for p in parts])
    order = np.argsort(index)
    rows = order[np.searchsorted(index, chosen.index, sorter=order)]
    centre = in_file(place.centre, place.frame, frames)
    actual = np.column_stack([place.frame, centre])[rows]
    apart = np.abs(actual - chosen.place)
    wrong = np.flatnonzero((apart[:, 0] > 0) | (apart[:, 1:] > _WITHIN_PX).any(1))
    if len(wrong):
        first = wrong[0]
        (frame, row, column), (f, r, c) = chosen.place[first], actual[first]
        what = f"{chosen.here}: patch {chosen.index[first]} is at ({row:.1f}, {column:.1f}) of "
        what += f"frame {frame:.0f}, here at ({r:.1f}, {c:.1f}) of frame {f:.0f}"
        raise UserError(what, "cut patches with the settings of data that its run had")
