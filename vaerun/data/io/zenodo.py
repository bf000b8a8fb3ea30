"""The public movie of the paper: silicon in graphene under the beam (Zenodo record 4885132).

Numbers out of a pickled .npy file, and nothing else: what would execute is refused.

A pickle names functions to call while it is read. Here a name is looked up in a short list of
what rebuilds arrays and plain containers; any other ends the reading before it is called.
"""

import hashlib
import json
import logging
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy

from vaerun.data.io.pixel_size import pixel_nm
from vaerun.microscopy.frame import Frame
from vaerun.utils.errors import UserError
from vaerun.utils.files import atomic_path, write_text

# numpy moved these functions between versions; either name means the one of this version
_NUMPY = {
    "_reconstruct": np.empty(0).__reduce__()[0],
    "scalar": np.float64(0).__reduce__()[0],
    "ndarray": np.ndarray,
    "dtype": np.dtype,
    "_frombuffer": np.empty(1).__reduce_ex__(5)[0],
}
_NUMPY_HOMES = ("numpy", "numpy.core.multiarray", "numpy._core.multiarray",
                "numpy.core.numeric", "numpy._core.numeric")  # fmt: skip
_BUILTINS = {"dict": dict, "list": list, "tuple": tuple, "set": set, "str": str, "bytes": bytes,
             "int": int, "float": float, "bool": bool}  # fmt: skip


def _latin1(text: str, codec: str) -> bytes:
    """What old pickles write bytes as; other codecs might do more than that."""
    if codec != "latin1":
        raise pickle.UnpicklingError(f"it names the codec {codec}")
    return text.encode("latin1")


class _Unpickler(pickle.Unpickler):
    """Knows arrays and plain containers alone."""

    def find_class(self, module: str, name: str) -> Any:
        """What a name of the pickle stands for, if it is harmless."""
        if module in _NUMPY_HOMES and name in _NUMPY:
            return _NUMPY[name]
        if (module, name) == ("_codecs", "encode"):
            return _latin1
        if module in ("builtins", "__builtin__") and name in _BUILTINS:
            return _BUILTINS[name]
        raise pickle.UnpicklingError(f"it names {module}.{name}")


def load_arrays(path: Path) -> Any:
    """The object in a pickled .npy file, made of arrays and plain containers.

    Raises
    ------
    UserError
        If it holds anything else, or is broken. Nothing of it is executed.
    """
    try:
        with path.open("rb") as file:
            _skip_header(file)
            held = _Unpickler(file).load()
    except (pickle.UnpicklingError, ValueError, EOFError, AttributeError, TypeError,
            IndexError, KeyError, UnicodeDecodeError, ImportError) as error:  # fmt: skip
        raise UserError(
            f"{path} is refused: {error}", "delete it, and get it again from where you trust it"
        ) from None
    return held.item() if isinstance(held, np.ndarray) and held.shape == () else held


def _skip_header(file: BinaryIO) -> None:
    """Up to where the pickle begins."""
    version = npy.read_magic(file)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    read(file)


NAME = "graphene_imgstacks_dict.npy"
URL = f"https://zenodo.org/records/4885132/files/{NAME}?download=1"
_SECONDS_TO_ANSWER = 30

_log = logging.getLogger(__name__)


def fetch(root: Path, movies: Sequence[int] | None = None, url: str = URL) -> list[Frame]:
    """The frames of some movies or, with None, of all; downloaded and converted once.

    The published file is a pickle. It is read by `restricted.load_plain`, which executes nothing,
    and kept as plain arrays from then on.

    Raises
    ------
    UserError
        If it cannot be downloaded, is another file than before, or lacks one of the movies.
    """
    folder = root / "graphene" / "zenodo"
    index = folder / "movies.json"
    if not index.is_file():
        _convert(_downloaded(folder, url), folder, index)
    facts = json.loads(index.read_text())
    wanted = list(facts if movies is None else dict.fromkeys(map(str, movies)))
    for number in wanted:
        if number not in facts:
            raise UserError(f"data.movies: {number} is not there", f"give {', '.join(facts)}")
    return [
        Frame(
            image=np.asarray(image, np.float32),
            pixel_nm=facts[number]["pixel_nm"],
            name=f"movie{number}_{f}",
            movie=int(number),
        )
        for number in wanted
        for f, image in enumerate(np.load(folder / f"movie_{number}.npy", mmap_mode="r"))
    ]


def _downloaded(folder: Path, url: str) -> Path:
    """The published file; its checksum is noted when it first comes, and holds from then on."""
    import pooch  # slow to import, and needed once in the life of a machine

    pooch.get_logger().setLevel(logging.ERROR)
    note = folder / f"{NAME}.sha256"
    path = folder / NAME
    if not path.is_file():
        _log.info("downloading %s to %s", url, folder)
        try:
            pooch.retrieve(
                url,
                None,
                NAME,
                folder,
                downloader=pooch.HTTPDownloader(timeout=_SECONDS_TO_ANSWER),
            )
        except (OSError, ValueError) as error:
            raise UserError(
                f"{url} could not be downloaded ({type(error).__name__})",
                f"put {NAME} into {folder}, or use data.source=simulated",
            ) from None
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if note.is_file() and note.read_text().strip() != found:
        raise UserError(f"{path} has changed since it was downloaded", "delete it")
    write_text(note, found + "\n")
    return path


def _convert(path: Path, folder: Path, index: Path) -> None:
    """Plain arrays in place of the pickle, and what is known of each."""
    held = load_arrays(path)
    movies = held if isinstance(held, Mapping) else {}
    facts: dict[str, dict[str, Any]] = {}
    for number, movie in movies.items():
        if not isinstance(number, int | np.integer):  # it becomes the name of a file
            continue
        stack = np.asarray(movie.get("image_data")) if isinstance(movie, Mapping) else np.zeros(0)
        if stack.dtype.kind not in "uif" or stack.ndim not in (2, 3):
            continue
        stack = stack[None] if stack.ndim == 2 else stack
        with atomic_path(folder / f"movie_{number}.npy") as unfinished:
            np.save(unfinished, stack.astype(np.float32), allow_pickle=False)
        said = movie.get("metadata")
        known = pixel_nm(said, stack.shape[-1]) if isinstance(said, Mapping) else None
        facts[str(number)] = {"pixel_nm": known, "frames": len(stack)}
    if not facts:
        raise UserError(f"{path} holds no movies", "delete it, and it will be downloaded again")
    write_text(index, json.dumps(facts, indent=2) + "\n")
