"""Reader of zarr's folders and zip files of any kind: plain ones, xarray's and OME-Zarr.

Arrays are read in parts. Axes are those that the file names: by the dimensions of an array, by
xarray's attribute, or by the metadata of OME-Zarr, which also has the sizes of pixels.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from vaerun.data.io.hdf5 import letters_of
from vaerun.data.io.lazy_array import (
    NUMERIC,
    ArraySelector,
    LazyArray,
    image_width,
    listed,
    select_array,
    single_values,
    stacked,
)
from vaerun.data.io.numbered_arrays import find_stacks, stack_shape
from vaerun.data.io.pixel_size import PixelSize, pixel_size
from vaerun.utils.errors import UserError

MARKS = ("zarr.json", ".zgroup", ".zarray")  # of which a folder of zarr holds one


class _Scale(NamedTuple):
    """What OME-Zarr says of one of its arrays: letters of the axes, and the size of a pixel."""

    letters: str | None
    size: PixelSize


def open_zarr(file: Path, selector: ArraySelector) -> LazyArray:
    """The selected array of a folder or zip file, or numbered ones of one shape as a stack.

    Of a pyramid the array of the highest resolution is read.
    """
    root = open_root(file)
    arrays, coarse, scales = _contents(root)
    arrays = {name: one for name, one in arrays.items() if one.dtype.kind in NUMERIC}
    shapes = {name: tuple(one.shape) for name, one in arrays.items()}
    if selector.key is not None:
        return _stored(arrays, select_array(shapes, file, selector), scales, file)
    shapes = {name: shape for name, shape in shapes.items() if name not in coarse}
    stacks = find_stacks(shapes, {name: arrays[name].dtype for name in shapes}, selector)
    parts = {name for names in stacks.values() for name in names}
    together = {name: shape for name, shape in shapes.items() if name not in parts}
    together |= {name: stack_shape(names, shapes) for name, names in stacks.items()}
    chosen = select_array(together, file, selector)
    names = stacks.get(chosen, [chosen])
    read = [_stored(arrays, name, scales, file) for name in names]
    notes = _notes(file, names, arrays, coarse)
    if len(read) > 1:
        return stacked(read, [f"{file.name}: {chosen} are one stack of {len(read)} parts", *notes])
    return replace(read[0], notes=(*notes, *read[0].notes))


def open_root(file: Path) -> Any:
    """The outermost group or array of a folder or zip file."""
    try:
        import zarr  # an extra, and slow to import
    except ImportError:
        what = f"{file} takes zarr, which is not installed"
        raise UserError(what, "pip install 'vaerun[formats]'") from None
    store = zarr.storage.ZipStore(file, mode="r") if file.is_file() else str(file)
    return zarr.open(store, mode="r")


def read_in_parts(data: Any, file: Path, **facts: Any) -> LazyArray:
    """An array of zarr; a note says which of its chunks are not there."""
    notes = tuple(_unwritten(data, file))
    return LazyArray(
        shape=tuple(data.shape), dtype=data.dtype, read=data.__getitem__, notes=notes, **facts
    )


def _unwritten(data: Any, file: Path) -> Iterator[str]:
    """A note on chunks that are not there: never written, or of nothing but the fill value."""
    n = data.nchunks - data.nchunks_initialized
    if n:
        yield (
            f"{file.name}: {n:,} of {data.nchunks:,} chunks are not there, and are read as "
            f"{data.fill_value} (data.unmeasured=[{data.fill_value}] leaves such pixels out)"
        )


def all_arrays(file: Path) -> dict[str, Any]:
    """All arrays of a folder or zip file, numbers or text, none of them read yet."""
    return _contents(open_root(file))[0]


def _contents(root: Any) -> tuple[dict[str, Any], set[str], dict[str, _Scale]]:
    """Arrays by their names, which of them are coarse copies, and OME's scales."""
    if not hasattr(root, "group_keys"):
        return {"data": root}, set(), {}
    arrays: dict[str, Any] = {}
    coarse: set[str] = set()
    scales: dict[str, _Scale] = {}
    waiting = [("", root)]
    while waiting:
        prefix, group = waiting.pop()
        for name, item in group.members():
            full = f"{prefix}{name}"
            if hasattr(item, "group_keys"):
                waiting.append((f"{full}/", item))
            else:
                arrays[full] = item
        for path, is_finest, scale in _scales(group.attrs.asdict()):
            scales[f"{prefix}{path}"] = scale
            coarse |= set() if is_finest else {f"{prefix}{path}"}
    return dict(sorted(arrays.items())), coarse, scales


def _scales(facts: Mapping[str, Any]) -> Iterator[tuple[str, bool, _Scale]]:
    """Arrays that OME-Zarr's metadata of a group name, whether they are the finest, and scales."""
    inner = facts.get("ome", facts)  # since version 0.5
    pyramids = inner.get("multiscales", []) if isinstance(inner, Mapping) else []
    for pyramid in pyramids if isinstance(pyramids, Sequence) else []:
        axes = [one if isinstance(one, Mapping) else {"name": one} for one in pyramid["axes"]]
        letters = letters_of([str(axis.get("name")) for axis in axes])
        for i, data in enumerate(pyramid["datasets"]):
            steps = [one.get("scale") for one in data.get("coordinateTransformations", [])]
            scale = next((one for one in steps if one is not None and len(one) == len(axes)), None)
            size = PixelSize()
            if letters is not None and scale is not None:
                row, column = (letters.index(letter) for letter in "YX")
                units = axes[row].get("unit"), axes[column].get("unit")
                size = PixelSize.of(scale[row], scale[column], *units)
            yield str(data["path"]), i == 0, _Scale(letters, size)


def _stored(
    arrays: Mapping[str, Any], name: str, scales: Mapping[str, _Scale], file: Path
) -> LazyArray:
    data = arrays[name]
    facts = data.attrs.asdict()
    letters, size = scales.get(name, (None, PixelSize()))
    names = getattr(data.metadata, "dimension_names", None) or facts.get("_ARRAY_DIMENSIONS")
    if letters is None and names and len(names) == len(data.shape):
        letters = letters_of([str(one) for one in names])
    if size.nm is None:
        size = pixel_size(single_values(facts), image_width(tuple(data.shape)))
    return read_in_parts(data, file, axes=letters, pixel_nm=size.nm, aspect=size.aspect)


def _notes(
    file: Path, names: Sequence[str], arrays: Mapping[str, Any], coarse: set[str]
) -> list[str]:
    """What is left out: copies of lower resolution, and arrays of the same sides."""
    notes = []
    if coarse:
        notes.append(f"{file.name}: {len(coarse)} copies of lower resolution are left out")
    sides = arrays[names[0]].shape[-2:]
    others = [
        name
        for name, one in arrays.items()
        if name not in names and name not in coarse and one.shape[-2:] == sides
    ]
    if others:
        notes.append(
            f"{file.name}: {names[0]} is read, {len(others)} other array(s) of the same sides "
            f"left out ({listed(others)}): data.key={others[0]} names another"
        )
    return notes
