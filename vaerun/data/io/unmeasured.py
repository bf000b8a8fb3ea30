"""Pixels of HDF5 data sets that were never measured, which are read as NaN.

A virtual data set may have gaps, chunks may never have been written, and a value such as
``_FillValue`` of netCDF may stand for what is missing. HDF5 gives plain zeros for the former two.
"""

import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from vaerun.data.io.lazy_array import Array, listed
from vaerun.utils.errors import UserError

FILL_NAMES = ("_FillValue", "missing_value")

Ints = npt.NDArray[np.int64]
Read = Callable[[Any], Array]


def reader(dataset: h5py.Dataset, file: Path) -> tuple[Read, np.dtype[Any], list[str]]:
    """Function that reads parts of a data set, the type of what it returns, and notes on gaps.

    Raises
    ------
    UserError
        If a file that holds a part of the data set is missing.
    """
    check_sources(dataset, file)
    boxes = _measured_boxes(dataset)
    fills = [
        np.asarray(dataset.attrs[name]).reshape(-1)[0]
        for name in FILL_NAMES
        if name in dataset.attrs and dataset.dtype.kind in "iuf"
    ]
    if boxes is None and not fills:
        return dataset.__getitem__, dataset.dtype, []
    dtype = np.result_type(dataset.dtype, np.float32)

    def read(index: Any) -> Array:
        part: Array = dataset[index].astype(dtype)
        for fill in fills:
            part[part == fill] = np.nan
        if boxes is not None:
            part[~_covered(boxes, dataset.shape, index)] = np.nan
        return part

    notes = []
    if boxes is not None:
        share = 1 - sum(int(np.prod(high - low)) for low, high in zip(*boxes, strict=True)) / max(
            math.prod(dataset.shape), 1
        )
        notes.append(
            f"{file.name}: {share:.1%} of {dataset.name.lstrip('/')} was never written, and "
            "counts as not measured"
        )
    return read, dtype, notes


def check_sources(dataset: h5py.Dataset, file: Path) -> None:
    """Raise a `UserError` that names the files of a data set which are missing."""
    if dataset.is_virtual:
        names = [source.file_name for source in dataset.virtual_sources()]
        missing = sorted({name for name in names if name != "." and not _exists(name, file)})
        kind = "joins parts of other files"
    else:
        names = [os.fsdecode(name) for name, *_ in dataset.external or ()]
        missing = sorted({name for name in names if not Path(name).exists()})
        kind = "keeps its numbers in other files"
    if missing:
        what = f"{file} {kind}, of which {listed(missing)} is not there"
        raise UserError(what, f"put {missing[0]} back beside {file.name}" if dataset.is_virtual
                        else f"run in the folder of {missing[0]}, or put it here")  # fmt: skip
    if dataset.is_virtual:
        for source in dataset.virtual_sources():
            _check_source(source, file)


def _check_source(source: Any, file: Path) -> None:
    """Raise a `UserError` if a file has not all that a virtual data set takes from it."""
    name, part = source.file_name, source.dset_name
    if name == "." or "%" in name + part:  # itself, or numbered files
        return
    with h5py.File(file.parent / name) as opened:  # an absolute name stays as it is
        found = opened.get(part)
        if not isinstance(found, h5py.Dataset):
            what = f"{file} joins parts of other files, but {name} has no data set {part}"
            raise UserError(what, f"put the {name} back that {file.name} was made with")
        shape, space = found.shape or (), source.src_space
    if space.get_select_type() == h5py.h5s.SEL_ALL:  # of whatever shape the part is
        is_short = source.vspace.get_select_npoints() > math.prod(shape)
    else:
        last = [end if end < h5py.h5s.UNLIMITED else 0 for end in space.get_select_bounds()[1]]
        is_short = any(end >= side for end, side in zip(last, shape, strict=False))
    if is_short:
        what = f"{file} takes more numbers from {part} in {name} than the {shape} that it has"
        raise UserError(what, f"put the whole {name} back beside {file.name}")


def sources(dataset: h5py.Dataset, file: Path) -> tuple[Path, ...]:
    """Other files that hold the numbers of a data set."""
    own = Path(dataset.file.filename)
    names = [] if own.exists() and own.samefile(file) else [str(own)]
    if dataset.is_virtual:
        names += [one.file_name for one in dataset.virtual_sources() if one.file_name != "."]
    return tuple((file.parent / name).resolve() for name in dict.fromkeys(names))


def _exists(name: str, file: Path) -> bool:
    if "%" in name:  # a pattern of numbered files
        stem = name.split("%", 1)[0]
        folder = file.parent / Path(stem).parent
        return any(folder.glob(f"{Path(stem).name}*"))
    return Path(name).exists() if Path(name).is_absolute() else (file.parent / name).exists()


def _measured_boxes(dataset: h5py.Dataset) -> tuple[Ints, Ints] | None:
    """First and last corners (n, axes) of what was written; None if that is everything."""
    shape = dataset.shape or ()
    if dataset.is_virtual:
        spaces = [source.vspace for source in dataset.virtual_sources()]
        if sum(space.get_select_npoints() for space in spaces) >= math.prod(shape):
            return None
        bounds = [space.get_select_bounds() for space in spaces]
        low = np.array([first for first, _ in bounds]).reshape(-1, len(shape))
        return low, np.array([last for _, last in bounds]).reshape(-1, len(shape)) + 1
    if dataset.chunks is None or not math.prod(shape):
        return None
    n = math.prod(-(-side // chunk) for side, chunk in zip(shape, dataset.chunks, strict=True))
    n_written = dataset.id.get_num_chunks()
    if n_written >= n:
        return None
    corners = [dataset.id.get_chunk_info(i).chunk_offset for i in range(n_written)]
    low = np.array(corners, np.int64).reshape(-1, len(shape))
    return low, np.minimum(low + dataset.chunks, shape)


def _covered(boxes: tuple[Ints, Ints], shape: Sequence[int], index: Any) -> npt.NDArray[np.bool_]:
    """Which pixels of a part of the data set lie in one of the boxes."""
    slices = () if index is ... else index if isinstance(index, tuple) else (index,)
    slices = (*slices, *[slice(None)] * (len(shape) - len(slices)))
    ends = [one.indices(side)[:2] for one, side in zip(slices, shape, strict=True)]
    first, last = np.array(ends).T
    covered = np.zeros(np.maximum(last - first, 0), bool)
    low, high = np.maximum(boxes[0], first) - first, np.minimum(boxes[1], last) - first
    for i in np.flatnonzero((low < high).all(1)):
        covered[tuple(map(slice, low[i], high[i]))] = True
    return covered
