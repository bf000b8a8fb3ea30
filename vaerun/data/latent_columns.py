"""Columns of a run's `latents.h5` by the names that a query uses.

z1, z2, …                    content
angle, angle_sd              radians
shift_row, shift_column      pixels; shift: their length, or that of a curve along its axis
scale, gain, offset, error
target_mean, target_sd       of a target that the model infers, in its unit
label, predicted, class      class: predicted where the model infers one, else label
split                        train, validation or neither
index                        number of the image among those that the first run was given
frame, row, column           place of a patch, pixels of the user's frame
species, ring_class, track   what a patch is centred on
true_<name>                  a factor; also <name> where that is no column of its own
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from vaerun.data.query import QueryColumn
from vaerun.utils.errors import UserError
from vaerun.utils.paths import exists, expanded, missing

_SPLITS = ("train", "validation", "neither")
_PLAIN = ("angle", "angle_sd", "scale", "gain", "offset", "error", "target_mean", "target_sd",
          "frame", "species", "ring_class", "track", "index")  # fmt: skip

# N images.


@dataclass(frozen=True, kw_only=True)
class LatentTable:
    """Columns of the images of a run.

    Attributes
    ----------
    path
        The `latents.h5`.
    index
        (N,) number of each image; of labelled images twice.
    columns
        All columns (N,) by name, `index` too.
    source
        Fingerprint of the images that `index` counts; empty where the file has none.
    """

    path: Path
    index: npt.NDArray[np.int64]
    columns: dict[str, QueryColumn]
    source: str


def read_latent_table(run: str, key: str) -> LatentTable:
    """The columns of the `latents.h5` in a run folder.

    Parameters
    ----------
    run
        The run folder, as typed.
    key
        Config key that named it, for messages.

    Raises
    ------
    UserError
        If there is no such folder or file, or the file is not what a run writes.
    """
    folder = expanded(run)
    hint = "give the folder of a finished run, such as outputs/rvae/images/version_0"
    if not exists(folder):
        raise missing(f"{key}={run} is not there", folder, hint)
    path = folder / "latents.h5"
    if not exists(path):
        raise UserError(f"{key}={run} has no latents.h5", hint)
    try:
        with h5py.File(path, "r") as file:
            arrays = {name: file[name][()] for name in file if name != "factors"}
            factors = {name: file["factors"][name][()] for name in file.get("factors", {})}
            names = {name: _words(file.attrs, name) for name in ("classes", "predicted_classes")}
            source = str(file.attrs.get("source_fingerprint", ""))
        return LatentTable(
            path=path,
            index=arrays["index"].astype(np.int64),
            columns=_columns(arrays, factors, names),
            source=source,
        )
    except (OSError, KeyError, AttributeError, IndexError, ValueError) as error:
        what = f"{path} is not a latents.h5 that a run has written"
        raise UserError(what, "write it again by task=evaluate, or name another run") from error


def _words(attributes: Any, name: str) -> list[str]:
    values = np.asarray(attributes.get(name, []))
    return [v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in values]


def _columns(
    arrays: dict[str, npt.NDArray[Any]],
    factors: dict[str, npt.NDArray[Any]],
    names: dict[str, list[str]],
) -> dict[str, QueryColumn]:
    z, shift = arrays["z_mean"], arrays["shift"]
    columns = {f"z{i + 1}": QueryColumn(values=z[:, i]) for i in range(z.shape[1])}
    columns |= {name: QueryColumn(values=arrays[name]) for name in _PLAIN if name in arrays}
    if shift.shape[1] == 1:
        columns["shift"] = QueryColumn(values=shift[:, 0])
    else:
        columns["shift_row"] = QueryColumn(values=shift[:, 0])
        columns["shift_column"] = QueryColumn(values=shift[:, 1])
        columns["shift"] = QueryColumn(values=np.hypot(shift[:, 0], shift[:, 1]))
    columns["split"] = QueryColumn(values=arrays["split"], names=_SPLITS)
    columns["label"] = QueryColumn(values=arrays["label"], names=names["classes"])
    if "predicted" in arrays:
        predicted = QueryColumn(values=arrays["predicted"], names=names["predicted_classes"])
        columns["predicted"] = predicted
    columns["class"] = columns.get("predicted", columns["label"])
    if "centre" in arrays:
        columns["row"] = QueryColumn(values=arrays["centre"][:, 0])
        columns["column"] = QueryColumn(values=arrays["centre"][:, 1])
    for name, values in factors.items():
        columns[f"true_{name}"] = QueryColumn(values=values)
        columns.setdefault(name, QueryColumn(values=values))
    return columns
