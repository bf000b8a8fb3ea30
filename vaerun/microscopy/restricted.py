"""Numbers out of a pickled .npy file, and nothing else: what would execute is refused.

A pickle names functions to call while it is read. Here a name is looked up in a short list of
what rebuilds arrays and plain containers; any other ends the reading before it is called.
"""

import pickle
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy

from vaerun.utils.errors import UserError

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


def load_plain(path: Path) -> Any:
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
