"""The user's images in their files, with all that is known of each; nothing is read yet."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vaerun.data.datasets import log_messages
from vaerun.data.datasets.annotations import Annotations, encode_classes, parse_factor
from vaerun.data.datasets.images_config import ImagesConfig
from vaerun.data.io.formats import expanded, find_files
from vaerun.data.io.tables import read_table
from vaerun.data.lazy.file_images import FileImages
from vaerun.data.lazy.image_files import ImageFiles
from vaerun.utils.errors import UserError

# N images.


@dataclass(frozen=True, kw_only=True)
class ScannedImages:
    """Images in files.

    Attributes
    ----------
    stack
        (N, C, H, W), not yet normalised.
    label
        (N,) int64, −1 where unknown.
    classes
        Their names.
    factors
        Known numbers by name, (N,) float32, NaN where unknown.
    """

    stack: FileImages
    label: Tensor
    classes: list[str]
    factors: dict[str, Tensor]


def scan_images(
    config: ImagesConfig, *, fewest: int = 1, classes: Sequence[str] | None = None
) -> ScannedImages:
    """The images, and what is known of each.

    Parameters
    ----------
    config
        Where they are.
    fewest
        Images that there must be.
    classes
        Names of the classes, if they are given; else all that there are.

    Raises
    ------
    UserError
        If there are too few, or some that do not go together.
    """
    if config.path is None:
        mend = "name your images, as in data.path=images.h5 or data.path=folder"
        raise UserError("data.path is not given", mend)
    source = ImageFiles.scan(
        find_files(config.path, below=True), config.key, config.skip_unreadable
    )
    if len(source) < fewest:
        raise _too_few(config.path, source, fewest)
    stack = _stack(config, source)
    table = None if config.table is None else read_table(config.table)
    folder = _folder(expanded(config.path))
    records = Annotations(source, table, folder)
    values = _classes(config, records)
    label, names = torch.full((len(source),), -1), list[str]()
    if values is not None:
        label, names = encode_classes(values, f"data.label={config.label or 'folder'}", classes)
    factors = {
        name: parse_factor(records.values(name, "factors"), name) for name in config.factors
    }
    return ScannedImages(stack=stack, label=label, classes=names, factors=factors)


def _folder(path: Path) -> Path:
    """What files are named from: the folder, or that of a file, or what precedes a wildcard."""
    if path.is_dir():
        return path
    wild = [
        i for i, part in enumerate(path.parts) if not path.is_file() and set(part) & set("*?[")
    ]
    return Path(*path.parts[: min(wild, default=-1)])


def _classes(config: ImagesConfig, records: Annotations) -> npt.NDArray[np.generic] | None:
    """What tells the class of each image, (N,); None if nothing does."""
    folders = [entry.file.parent for entry in records.source.entries]
    given = expanded(config.path or "")
    if config.label is None and not (given.is_dir() and given not in folders):
        return None
    if config.label not in (None, "folder"):
        return records.values(config.label, "label")
    if config.label is not None and len(set(folders)) < 2:
        what = f"data.label=folder, but all images of data.path={config.path} lie in one"
        raise UserError(what, "give a folder of folders, one for each class")
    return np.repeat([f.name for f in folders], [e.layout.n for e in records.source.entries])


def _stack(config: ImagesConfig, source: ImageFiles) -> FileImages:
    """The images, not yet normalised; all have one size and number of channels."""
    prepare = config.preparation
    outlines = {prepare.output_shape(entry.layout.shape): entry.file for entry in source.entries}
    if len(outlines) > 1:
        (a, b), (file, other) = list(outlines)[:2], list(outlines.values())[:2]
        what = f"{file} is {log_messages.size(a)}, but {other} is {log_messages.size(b)}"
        mend = "make them alike by data.size=[rows,columns], or by data.crop_px and data.pad_px"
        raise UserError(what, mend if a[0] == b[0] else "average colours by data.grey=true")
    return FileImages(source=source, rows=torch.arange(len(source)), prepare=prepare)


def _too_few(path: str, source: ImageFiles, fewest: int) -> UserError:
    images = "1 image" if len(source) == 1 else f"{len(source)} images"
    sides = log_messages.size(source.entries[0].layout.shape)
    return UserError(
        f"data.path={path} holds {images} of {sides}: too few to learn from",
        f"cut patches out of them by data=patches data.path={path}, or give {fewest} or more",
    )
