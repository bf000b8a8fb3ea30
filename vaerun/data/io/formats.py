"""Files of any known format: how to open one, and which ones a file, folder or glob names."""

import itertools
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from vaerun.data.io.czi import open_czi
from vaerun.data.io.emd import open_emd
from vaerun.data.io.faults import explained
from vaerun.data.io.gwyddion import open_gsf, open_gwy
from vaerun.data.io.hdf5 import open_hdf5
from vaerun.data.io.hyperspy import open_hspy, open_zspy
from vaerun.data.io.igor import open_ibw
from vaerun.data.io.lazy_array import Array, ArraySelector, LazyArray
from vaerun.data.io.matlab import open_matlab
from vaerun.data.io.mrc import open_mrc
from vaerun.data.io.netcdf import open_netcdf
from vaerun.data.io.numpy_files import open_npy, open_npz
from vaerun.data.io.pictures import PICTURES, open_picture
from vaerun.data.io.rosettasciio import PLUGINS, open_with_rosettasciio
from vaerun.data.io.scifireaders import READERS, open_with_scifireaders
from vaerun.data.io.tiff import open_tiff
from vaerun.data.io.zarr_files import MARKS, open_zarr
from vaerun.utils.errors import UserError
from vaerun.utils.paths import exists, expanded, fixed_folder, is_pattern, matching_paths, missing

T = TypeVar("T")
Open = Callable[[Path, ArraySelector], LazyArray]

ZARR = (".zarr", ".zarr.zip")
HDF5 = (".h5", ".hdf5", ".hdf", ".he5", ".nxs", ".nx5", ".cxi", ".nc", ".nc4")

# What is read without further packages, but for `.zspy`.
_PLAIN: Mapping[str, Open] = {
    ".npy": open_npy,
    ".npz": open_npz,
    **dict.fromkeys(HDF5, open_hdf5),
    ".nc": open_netcdf,
    ".mat": open_matlab,
    ".hspy": open_hspy,
    ".zspy": open_zspy,
    ".emd": open_emd,
    ".gsf": open_gsf,
    **dict.fromkeys(PICTURES, open_picture),
    **dict.fromkeys((".tif", ".tiff", ".btf", ".tf8"), open_tiff),
}
FORMATS: Mapping[str, Open] = {
    **_PLAIN,
    **dict.fromkeys(PLUGINS, open_with_rosettasciio),
    **dict.fromkeys(READERS, open_with_scifireaders),
    **dict.fromkeys((".mrc", ".mrcs"), open_mrc),
    **dict.fromkeys(ZARR, open_zarr),
    ".gwy": open_gwy,
    ".ibw": open_ibw,
    ".czi": open_czi,
}
_PACKED = (".gz", ".bz2", ".xz", ".zst", ".zip", ".tar", ".tgz", ".7z", ".rar")
_MOST_LOOKED_AT = 10_000  # entries, where a folder holds no file itself
_FOLDERS = (".zspy", ".zarr")  # formats of which a folder may be one file


def open_array(file: Path, selector: ArraySelector) -> LazyArray:
    """The selected array of a file.

    Raises
    ------
    Unreadable
        If the file is broken; when it is opened, or when a part of it is read.
    UserError
        If it holds no image, or several, or takes a package that is not installed.
    """
    stored = readable(file, lambda: FORMATS[ending(file)](file, selector))

    def read(part: Any) -> Array:
        return readable(file, lambda: stored.read(part))

    return replace(stored, read=read)


def readable(file: Path, do: Callable[[], T]) -> T:
    """The result of ``do``; any error in it is raised as a `UserError` that says what it means."""
    try:
        return do()
    except UserError:
        raise
    except Exception as error:  # noqa: BLE001  parsers raise anything on broken files
        raise explained(file, error) from None


def ending(file: Path) -> str:
    """The ending of a name in lower case, also of two parts where that is a format."""
    both = "".join(file.suffixes[-2:]).lower()
    return both if both in FORMATS else file.suffix.lower()


def is_one_file(path: Path) -> bool:
    """Whether a path is a file, or a folder that one of the formats means as a file."""
    return path.is_file() or (ending(path) in _FOLDERS and path.is_dir())


def find_files(path: str, *, below: bool = False, also: Sequence[str] = ()) -> list[Path]:
    """All files of a known format that a path names, in natural order.

    Parameters
    ----------
    path
        File, folder or glob; ``~`` is the home folder.
    below
        Whether a folder without such files means the files of the folders in it.
    also
        Endings of further formats, with a point.

    Raises
    ------
    UserError
        If there are none, or nothing is there.
    """
    given = expanded(path)
    hint = "give a file, a folder, or a pattern in quotes such as 'frames/*.tif'"
    if not given.exists() and not is_pattern(given):
        raise missing(f"data.path={path} is not there", given, hint)
    if not exists(folder := fixed_folder(given)):
        raise missing(f"data.path={path}: its folder is not there", folder, hint)
    if is_one_file(given):
        if ending(given) not in (*FORMATS, *also):
            what = f"data.path={path} is of no known format"
            if ending(given) in _PACKED:
                raise UserError(what, f"unpack it, and give what was in {given.name}")
            raise UserError(what, f"give {known_formats(also)}")
        return [given]
    if exists(given) and not given.is_dir():
        raise UserError(f"data.path={path} is neither a file nor a folder", hint)
    if any(exists(given / mark) for mark in MARKS):
        what = f"data.path={path} is a folder of zarr, which its name does not say"
        raise UserError(what, f"mv '{given}' '{given.name}.zarr'")
    candidates = _candidates(given)
    files = _readable(candidates, also)
    if below and not files:
        folders = [
            one
            for one in candidates
            if one.is_dir() and one.name[0] != "." and not is_one_file(one)
        ]
        files = [file for folder in folders for file in _readable(_candidates(folder))]
    if not files:
        kind = "holds no file" if given.is_dir() else "matches no file"
        what = f"data.path={path} {kind} of a known format"
        if given.is_dir() and _has_deeper(given):
            raise UserError(what, f"name those deeper in it by 'data.path={path}/**/*.tif'")
        raise UserError(what, f"give {known_formats(also)}")
    return sorted(files, key=natural_order)


def _has_deeper(folder: Path) -> bool:
    """Whether files of a known format are among the first entries anywhere in a folder."""
    entries = (Path(here, name) for here, _, names in os.walk(folder) for name in names)
    return any(ending(entry) in FORMATS for entry in itertools.islice(entries, _MOST_LOOKED_AT))


def known_formats(also: Sequence[str] = ()) -> str:
    """The known formats, as a hint in messages, and further endings."""
    *first, last = (*also, *_PLAIN)
    return f"a file, folder or glob of {', '.join(first)} or {last} files"


def natural_order(name: Path | str) -> list[str | int]:
    """Key to sort names by the numbers in them: frame_2 before frame_10."""
    parts = re.split(r"(\d+)", str(name))  # text and digits alternate
    return [int(part) if i % 2 else part for i, part in enumerate(parts)]


def _readable(candidates: list[Path], also: Sequence[str] = ()) -> list[Path]:
    return [
        file
        for file in candidates
        if ending(file) in (*FORMATS, *also) and file.name[0] != "." and is_one_file(file)
    ]


def _candidates(given: Path) -> list[Path]:
    """The entries of a folder, or the matches of a glob."""
    try:
        return list(given.iterdir()) if given.is_dir() else matching_paths(given)
    except OSError:  # no permission
        return []
