"""Values that the user wrote down for each image: in a table, or beside the images."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vaerun.data.source import Source
from vaerun.files.columns import Table, names_beside, read_beside
from vaerun.files.stored import Array
from vaerun.utils.errors import UserError, nearest, show

# N images of a source.

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Records:
    """Values by name: from the table, or from beside the images, in the same files.

    Attributes
    ----------
    source
        The images.
    table
        A row for each image, or a column ``file``.
    folder
        That these files are named from.
    """

    source: Source
    table: Table | None
    folder: Path

    def values(self, name: str, key: str) -> Array:
        """One value for each image, (N,), numbers or text.

        Parameters
        ----------
        name
            Of a column or a data set.
        key
            That named it, for messages.
        """
        if self.table is not None and name in self.table.columns:
            column = np.append(self.table.columns[name], "")
            return column[_rows(self.source, self.table, self.folder)]
        beside = [names_beside(e.file, e.layout.n) for e in self.source.entries]
        wanted = name.strip("/")
        if all(wanted in names for names in beside):
            files = [entry.file for entry in self.source.entries]
            return np.concatenate([read_beside(file, wanted) for file in files])
        known = sorted({*(self.table.columns if self.table else ()), *beside[0]})
        what = f"data.{key}={name} is neither a column of data.table nor a data set of one value"
        mend = f"did you mean {nearest(name, known)}" if known else "name a file by data.table="
        raise UserError(f"{what} for each image", mend)


def _rows(source: Source, table: Table, folder: Path) -> Ints:
    """The row of the table for each image, (N,); −1 for an image that it does not name."""
    if "file" not in table.columns:
        if len(table) != len(source) or source.skipped:
            n = f"{len(source)}" + (f" and {len(source.skipped)} skipped" * bool(source.skipped))
            what = f"data.table={table.path} has {len(table)} rows for {n} images"
            raise UserError(what, "give one for each image, or name the files in a column 'file'")
        return np.arange(len(source))
    named: dict[str, list[int]] = {}
    for row, name in enumerate(table.columns["file"].tolist()):
        named.setdefault(Path(name).as_posix(), []).append(row)
    parts, used = [], set[str]()
    for entry in source.entries:
        path = entry.file
        below = path.relative_to(folder).as_posix() if path.is_relative_to(folder) else ""
        name = next((s for s in (below, path.name, path.stem) if s in named), None)
        rows = [-1] if name is None else named[name]
        if name in used or len(rows) not in (1, entry.layout.n):
            what = f"data.table={table.path} does not tell which image {show(name)} means"
            raise UserError(what, "give paths from data.path on, one row for each image")
        used |= set() if name is None else {name}
        parts.append(np.resize(np.array(rows), entry.layout.n))
    if not used:
        first = table.columns["file"][0]
        what = f"data.table={table.path} names no file of data.path ({first}, …)"
        raise UserError(what, "give names as they are in that folder")
    return np.concatenate(parts)
