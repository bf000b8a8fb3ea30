"""The public movies of the paper: silicon in graphene under the beam (Zenodo record 4885132).

The published file is a pickle, which names functions to call while it is read. Here only names
that rebuild arrays and plain containers are accepted; any other ends the reading before a call.
"""

import hashlib
import json
import logging
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

from vaerun.data.io.pixel_size import pixel_nm
from vaerun.microscopy.frame import Frame
from vaerun.utils.errors import UserError
from vaerun.utils.files import atomic_path, write_text

NAME = "graphene_imgstacks_dict.npy"
URL = f"https://zenodo.org/records/4885132/files/{NAME}?download=1"
_TIMEOUT_S = 30

# numpy moved these functions between versions; any of the names means the one of this version
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

_log = logging.getLogger(__name__)


def _latin1(text: str, codec: str) -> bytes:
    """Bytes as old pickles encode them; other codecs are refused, since they might do more."""
    if codec != "latin1":
        raise pickle.UnpicklingError(f"it names the codec {codec}")
    return text.encode("latin1")


class _Unpickler(pickle.Unpickler):
    """Unpickles arrays and plain containers only."""

    def find_class(self, module: str, name: str) -> Any:
        """The harmless object that a name in the pickle means; an error for any other name."""
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
        If it holds anything else, of which nothing is executed, or is broken.
    """
    try:
        with path.open("rb") as file:
            version = npy.read_magic(file)
            read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            read(file)
            content = _Unpickler(file).load()
    except (pickle.UnpicklingError, ValueError, EOFError, AttributeError, TypeError,
            IndexError, KeyError, UnicodeDecodeError, ImportError) as error:  # fmt: skip
        raise UserError(
            f"{path} is refused: {error}", "delete it, and get it again from where you trust it"
        ) from None
    is_scalar = isinstance(content, np.ndarray) and content.shape == ()
    return content.item() if is_scalar else content


def fetch(root: Path, movies: Sequence[int] | None = None, url: str = URL) -> list[Frame]:
    """The frames of the movies with these numbers; None: of all.

    The file is downloaded and converted to plain arrays in the folder ``root``, both only once.

    Raises
    ------
    UserError
        If the file cannot be downloaded, has changed since, or lacks one of the movies.
    """
    folder = root / "graphene" / "zenodo"
    index = folder / "movies.json"
    if not index.is_file():
        _convert(_downloaded(folder, url), folder, index)
    facts = json.loads(index.read_text())
    numbers = list(facts if movies is None else dict.fromkeys(map(str, movies)))
    for number in numbers:
        if number not in facts:
            raise UserError(f"data.movies: {number} is not there", f"give {', '.join(facts)}")
    return [
        Frame(
            image=np.asarray(image, np.float32),
            pixel_nm=facts[number]["pixel_nm"],
            name=f"movie{number}_{f}",
            movie=int(number),
        )
        for number in numbers
        for f, image in enumerate(np.load(folder / f"movie_{number}.npy", mmap_mode="r"))
    ]


def _downloaded(folder: Path, url: str) -> Path:
    """Path of the published file, whose checksum must be that of its first download."""
    import pooch  # slow to import, and needed only once

    pooch.get_logger().setLevel(logging.ERROR)
    note = folder / f"{NAME}.sha256"
    path = folder / NAME
    if not path.is_file():
        _log.info("downloading %s to %s", url, folder)
        try:
            downloader = pooch.HTTPDownloader(timeout=_TIMEOUT_S)
            pooch.retrieve(url, None, NAME, folder, downloader=downloader)
        except (OSError, ValueError) as error:
            raise UserError(
                f"{url} could not be downloaded ({type(error).__name__})",
                f"put {NAME} into {folder}, or use data.source=simulated",
            ) from None
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if note.is_file() and note.read_text().strip() != digest:
        raise UserError(f"{path} has changed since it was downloaded", "delete it")
    write_text(note, digest + "\n")
    return path


def _convert(path: Path, folder: Path, index: Path) -> None:
    """Write each movie of the pickle as an npy file, and an index of their pixel sizes."""
    content = load_arrays(path)
    movies = content if isinstance(content, Mapping) else {}
    facts: dict[str, dict[str, Any]] = {}
    for number, movie in movies.items():
        if not isinstance(number, int | np.integer):  # it becomes part of a file name
            continue
        stack = np.asarray(movie.get("image_data")) if isinstance(movie, Mapping) else np.zeros(0)
        if stack.dtype.kind not in "uif" or stack.ndim not in (2, 3):
            continue
        stack = stack[None] if stack.ndim == 2 else stack
        with atomic_path(folder / f"movie_{number}.npy") as unfinished:
            np.save(unfinished, stack.astype(np.float32), allow_pickle=False)
        metadata = movie.get("metadata")
        size = pixel_nm(metadata, stack.shape[-1]) if isinstance(metadata, Mapping) else None
        facts[str(number)] = {"pixel_nm": size, "frames": len(stack)}
    if not facts:
        raise UserError(f"{path} holds no movies", "delete it, and it will be downloaded again")
    write_text(index, json.dumps(facts, indent=2) + "\n")
