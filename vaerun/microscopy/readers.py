"""Micrographs from the user's files: numpy, HDF5 and TIFF, and through SciFiReaders dm3, dm4, emd.

Nothing is unpickled: a file that holds Python objects could run any code when read.
"""

import importlib
import math
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import numpy.typing as npt

from vaerun.errors import UserError
from vaerun.faults import nearest, show
from vaerun.microscopy.calibration import imagej_pixel_nm, length_nm, ome_pixel_nm
from vaerun.microscopy.frames import Frame
from vaerun.microscopy.metadata import pixel_nm

Array = npt.NDArray[Any]

# F frames, H rows, W columns.

_MIN_SIDE = 16  # pixels; anything narrower is a table or a colour axis


class _Content(NamedTuple):
    """What a file holds: frames in any of the shapes that `stack` takes, and their pixel size."""

    images: Array
    pixel_nm: float | None


def read(path: str, key: str | None = None, pixel_size_nm: float | None = None) -> list[Frame]:
    """The frames of a file, or of all readable files of a folder or glob in natural order.

    Parameters
    ----------
    path
        File, folder (not those below it) or glob; ``~`` is the home folder.
    key
        Which data set of HDF5, npz and SciFiReaders' files; None for the largest.
    pixel_size_nm
        Side of a pixel in nm; None for what the files say, see `metadata.pixel_nm`. TIFF files
        are believed where they are OME's or ImageJ's and name a unit, since others give a
        resolution for printers.

    Returns
    -------
    list[Frame]
        Named after the file and, in stacks, by ``_0``, ``_1`` and so on.

    Raises
    ------
    UserError
        If there are no files, or one of them is corrupt or holds no images.
    """
    files = enumerate(_files(path))
    return [frame for i, file in files for frame in _frames(file, key, pixel_size_nm, i)]


def stack(array: Array, where: str) -> npt.NDArray[np.float32]:
    """Frames as (F, H, W) float32; colours become grey, and NaN and ±inf their frame's median.

    Parameters
    ----------
    array
        (H, W), (F, H, W), (H, W, 3) or (F, H, W, 3) in colour, (…, 4) with a transparency that is
        dropped; axes of length 1 anywhere.
    where
        What to call it in messages.
    """
    if array.dtype.kind not in "biuf":
        kind = "complex numbers" if array.dtype.kind == "c" else f"{array.dtype} values"
        raise UserError(f"{where} holds {kind}", "give real intensities, such as the modulus")
    images = array
    if array.ndim > 2 and array.shape[-1] in (3, 4):
        images = array[..., :3].mean(axis=-1, dtype=np.float32)
    images = images.squeeze()
    images = images[None] if images.ndim == 2 else images
    if images.ndim != 3 or not len(images) or min(images.shape[1:]) < _MIN_SIDE:
        what = f"{where} holds an array of shape {array.shape}"
        mend = (
            f"give (rows, columns) or (frames, rows, columns), {_MIN_SIDE} pixels or more a side"
        )
        raise UserError(what, mend)
    with np.errstate(over="ignore"):  # too large for float32: inf, as good as missing
        images = images.astype(np.float32)
    finite = np.isfinite(images)
    for image, good in zip(images, finite, strict=True):
        if not good.any():
            raise UserError(f"{where} holds a frame without a finite pixel", "leave it out")
        if not good.all():
            image[~good] = np.median(image[good])
    return images


def _files(path: str) -> list[Path]:
    given = Path(path).expanduser()
    if given.is_file():
        if given.suffix.lower() not in _READERS:
            raise UserError(f"data.path={path} is of no known format", f"give {_known_formats()}")
        return [given]
    files = [
        file
        for file in _candidates(given)
        if file.suffix.lower() in _READERS and file.name[0] != "." and file.is_file()
    ]
    if not files:
        kind = "holds no file" if given.is_dir() else "matches no file"
        raise UserError(f"data.path={path} {kind} of a known format", f"give {_known_formats()}")
    return sorted(files, key=_natural)


def _candidates(given: Path) -> list[Path]:
    """What lies in a folder, or matches a glob."""
    try:
        if given.is_dir():
            return list(given.iterdir())
        return list(Path(given.anchor).glob(str(given.relative_to(given.anchor))))
    except (OSError, ValueError):  # not ours to look into, or no pattern
        return []


def _known_formats() -> str:
    *first, last = sorted(_READERS)
    return f"a file, folder or glob of {', '.join(first)} or {last} files"


def _natural(path: Path) -> list[str | int]:
    """For sorting: frame_2 before frame_10."""
    parts = re.split(r"(\d+)", str(path))  # text and digits take turns
    return [int(part) if i % 2 else part for i, part in enumerate(parts)]


def _frames(
    file: Path, key: str | None, pixel_size_nm: float | None, movie: int
) -> Iterator[Frame]:
    try:
        content = _READERS[file.suffix.lower()](file, key)
    except UserError:
        raise
    except Exception as error:  # noqa: BLE001  the parsers fall over broken files in any way
        what = f"{file} cannot be read ({type(error).__name__}: {show(error)})"
        raise UserError(what, "leave it out, or put a good copy there") from None
    images = stack(content.images, str(file))
    for i, image in enumerate(images):
        name = f"{file.stem}_{i}" if len(images) > 1 else file.stem
        size = pixel_size_nm or content.pixel_nm
        yield Frame(image=image, pixel_nm=size, name=name, movie=movie)


def _choose(shapes: Mapping[str, tuple[int, ...]], file: Path, key: str | None) -> str:
    """The name of the data set that is meant, or of the largest one with room for an image."""
    if key is not None:
        if key.strip("/") in shapes:
            return key.strip("/")
        mend = f"did you mean data.key={nearest(key, shapes)}" if shapes else "give another file"
        raise UserError(f"data.key={key} is no array of numbers in {file}", mend)
    sizes = {
        name: math.prod(shape)
        for name, shape in shapes.items()
        if sum(side >= _MIN_SIDE for side in shape) >= 2
    }
    largest = [name for name, size in sizes.items() if size == max(sizes.values())]
    if not largest:
        raise UserError(f"{file} holds no image", f"give {_known_formats()} with images")
    if len(largest) > 1:
        what = f"{file} holds several images of the same size: {', '.join(largest)}"
        raise UserError(what, f"choose one by data.key={largest[0]}")
    return largest[0]


def _refuse_key(file: Path, key: str | None) -> None:
    if key is not None:
        what = f"data.key={key} has no meaning for {file}, which holds a single array"
        raise UserError(what, "leave it out")


def _numpy(file: Path, key: str | None) -> _Content:
    try:
        loaded = np.load(file, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            _refuse_key(file, key)
            return _Content(loaded, None)
        with loaded:
            arrays = {name: loaded[name] for name in loaded.files}
    except ValueError as error:
        if "pickle" not in str(error):
            raise
        what = f"{file} cannot be read: it is broken, or holds Python objects, which may run code"
        raise UserError(what, "save plain arrays of numbers in it") from None
    numeric = {name: a.shape for name, a in arrays.items() if a.dtype.kind in "biufc"}
    images = arrays[_choose(numeric, file, key)]
    return _Content(images, pixel_nm(_single(arrays), _width(images)))


def _hdf5(file: Path, key: str | None) -> _Content:
    with h5py.File(file) as opened:
        shapes: dict[str, tuple[int, ...]] = {}

        def note(name: str, item: object) -> None:
            if isinstance(item, h5py.Dataset) and item.dtype.kind in "biufc":
                shapes[name] = item.shape or ()

        opened.visititems(note)
        dataset = opened[_choose(shapes, file, key)]
        images = dataset[()]
        said = (pixel_nm(facts, _width(images)) for facts in _hdf5_facts(dataset))
        return _Content(images, next((size for size in said if size), None))


def _hdf5_facts(dataset: h5py.Dataset) -> Iterator[Mapping[str, Any]]:
    """What is written at the data set, and then at the groups that it is in, innermost first."""
    yield _single(dataset.attrs)
    group = dataset
    while group.name != "/":
        group = group.parent
        scalars = {name: item[()] for name, item in group.items() if _is_scalar(item)}
        yield _single(scalars | dict(group.attrs))


def _width(images: Array) -> int:
    """Columns of the frames, of which axes of length 1 are none."""
    return max((1, *images.squeeze().shape[-1:]))


def _is_scalar(item: object) -> bool:
    return isinstance(item, h5py.Dataset) and item.shape == ()


def _single(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the facts that are a single value, also where it stands in an array."""
    items = {key: np.asarray(value) for key, value in facts.items()}
    return {key: array.item() for key, array in items.items() if array.size == 1}


def _tiff(file: Path, key: str | None) -> _Content:
    import tifffile  # slow to import

    _refuse_key(file, key)
    with tifffile.TiffFile(file) as opened:
        series = max(opened.series, key=lambda one: one.size)
        images = series.asarray()
        if "S" in series.axes:  # colours, which may come before rows and columns
            images = np.moveaxis(images, series.axes.index("S"), -1)
        resolution = opened.pages.first.tags.valueof("XResolution")
        size = ome_pixel_nm(opened.ome_metadata)
        return _Content(images, size or imagej_pixel_nm(opened.imagej_metadata, resolution))


def _scifi(reader: str, file: Path, key: str | None, columns_first: bool) -> _Content:
    """What one of SciFiReaders' readers makes of a file: a dict of sidpy data sets, by channel."""
    try:
        module = importlib.import_module("SciFiReaders")
    except ImportError:
        mend = "pip install 'vaerun[formats]'"
        raise UserError(f"{file} takes SciFiReaders, which is not installed", mend) from None
    datasets = {
        name: dataset
        for name, dataset in getattr(module, reader)(str(file)).read().items()
        if dataset.data_type.name in ("IMAGE", "IMAGE_STACK")
    }
    dataset = datasets[_choose({name: d.shape for name, d in datasets.items()}, file, key)]
    axes = [getattr(dataset, f"dim_{i}") for i in range(dataset.ndim)]
    sides = [i for i, axis in enumerate(axes) if axis.dimension_type.name == "SPATIAL"]
    sides = sides if len(sides) == 2 else [0, 1]  # not calibrated: frames are the last axis
    images = np.moveaxis(np.asarray(dataset), sides, (-1, -2) if columns_first else (-2, -1))
    step = axes[sides[0]]
    return _Content(images, length_nm(step[1] - step[0], step.units))


_READERS: Mapping[str, Callable[[Path, str | None], _Content]] = {
    ".npy": _numpy,
    ".npz": _numpy,
    ".h5": _hdf5,
    ".hdf5": _hdf5,
    ".tif": _tiff,
    ".tiff": _tiff,
    ".dm3": partial(_scifi, "DMReader", columns_first=True),
    ".dm4": partial(_scifi, "DMReader", columns_first=True),
    ".emd": partial(_scifi, "EMDReader", columns_first=False),
    ".ndata": partial(_scifi, "NionReader", columns_first=True),
}
