"""Files, labels and factors of the user's images, collected without reading the images."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vaerun.data.datasets import log_messages
from vaerun.data.datasets.annotations import Annotations, Classes, encode_classes
from vaerun.data.datasets.images_config import ImagesConfig
from vaerun.data.io import pixel_size
from vaerun.data.io.formats import find_files, is_one_file
from vaerun.data.io.lazy_array import ArraySelector, listed
from vaerun.data.io.tables import Table, read_table
from vaerun.data.lazy.file_images import FileImages
from vaerun.data.lazy.image_files import MIN_SIDE, ImageFiles
from vaerun.microscopy.frame import SAME_SIZE
from vaerun.utils.errors import UserError
from vaerun.utils.paths import expanded, fixed_folder
from vaerun.utils.text import as_text

# N images.

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ScannedImages:
    """Images in files, with their labels and factors."""

    images: FileImages  # (N, C, H, W), not yet normalised
    classes: Classes
    factors: dict[str, Tensor]  # (N,) float32 each, NaN where unknown


def scan_images(
    config: ImagesConfig, *, fewest: int = 1, classes: Sequence[str] | None = None
) -> ScannedImages:
    """At least `fewest` images in files, with their labels and factors.

    Names of classes, if given, determine the numbers of the labels.

    Raises
    ------
    UserError
        If there are too few images, or images that differ in size or channels.
    """
    if config.path is None:
        hint = "name your images, as in data.path=images.h5 or data.path=folder"
        raise UserError("data.path is not given", hint)
    given = expanded(config.path)
    files = find_files(config.path, below=True)
    selector = ArraySelector(config.key, MIN_SIDE, stacks=True, axes=config.axes)
    source = ImageFiles.scan(files, selector, config.skip_unreadable)
    if len(source) < fewest:
        raise _too_few(config.path, source, fewest)
    images = _images(config, source)
    folder = fixed_folder(given) if not given.is_dir() else given
    used = [name for name in (config.label, *config.factors) if name is not None]
    table = _table(config, used, files)
    annotations = Annotations(source, table, folder, used)
    values = _classes(config, annotations)
    known = Classes(torch.full((len(source),), -1), [], {})
    if values is not None:
        label = config.label or "folder"
        may_miss = label != "folder"
        known = encode_classes(values, f"data.label={label}", classes, may_miss=may_miss)
    factors = {name: annotations.factor(name) for name in config.factors}
    return ScannedImages(images=images, classes=known, factors=factors)


def _table(config: ImagesConfig, used: Sequence[str], files: Sequence[Path]) -> Table | None:
    """The table, and a line about what was assumed about it."""
    if config.table is None:
        return None
    table = read_table(config.table, used, [file.stem for file in files])
    if not set(used) & table.columns.keys():
        columns = ", ".join(filter(None, table.columns))
        log.warning(f"{table.key} is not used: name its columns ({columns}) by data.label or "
                    "data.factors")  # fmt: skip
    commas = ", with decimal commas" * table.has_decimal_commas
    if table.text.is_assumed or commas:
        log.info(f"{table.key} was read as {table.text}{commas}")
    return table


def _classes(config: ImagesConfig, annotations: Annotations) -> npt.NDArray[np.generic] | None:
    """Class of each image as the user wrote it, (N,); None without classes."""
    entries = annotations.source.entries
    folders = [entry.file.parent for entry in entries]
    given = expanded(config.path or "")
    below = given.is_dir() and not is_one_file(given) and given not in folders
    if config.label is None and not below:
        return None
    if config.label not in (None, "folder"):
        return annotations.values(config.label, "label")
    if config.label is not None and len(set(folders)) < 2:
        what = f"data.label=folder, but all images of data.path={config.path} lie in one"
        raise UserError(what, "give a folder of folders, one for each class")
    return np.repeat([as_text(f.name) for f in folders], [entry.axes.n for entry in entries])


def _images(config: ImagesConfig, source: ImageFiles) -> FileImages:
    """Images that are not yet normalised, all of one size and number of channels."""
    prepare = config.preprocessing
    _check_pixel_sizes(config, source)
    # data.size would undo what data.resample_nm does
    same = replace(prepare, size=None) if config.resample_nm is not None else prepare
    shapes = {same.output_shape(e.axes.shape, e.sides_nm): e.file for e in source.entries}
    if len(shapes) > 1:
        (a, b), (file, other) = list(shapes)[:2], list(shapes.values())[:2]
        what = f"{file} is {log_messages.size(a)}, but {other} is {log_messages.size(b)}"
        hint = "make them alike by data.size=[rows,columns], or by data.crop_px and data.pad_px"
        if config.resample_nm is not None:
            side = max(min(min(shape[1:]) for shape in shapes), 8)
            what = f"at data.resample_nm={config.resample_nm:g}, {what}"
            hint = f"cut and surround them by data.crop_px={side} data.pad_px={side}"
        raise UserError(what, hint if a[0] == b[0] else "average colours by data.grey=true")
    return FileImages(source=source, rows=torch.arange(len(source)), prepare=prepare)


def _check_pixel_sizes(config: ImagesConfig, source: ImageFiles) -> None:
    """Say if the pixels of the files differ in size, and raise an error if it cannot be undone."""
    entries = source.entries
    if config.resample_nm is not None:
        unknown = next((entry.file for entry in entries if entry.pixel_nm is None), None)
        if unknown is not None:
            what = f"{unknown} has no pixel size, from which data.resample_nm starts"
            raise UserError(what, "give files that have one, or leave data.resample_nm out")
        mixed = next((entry for entry in entries if entry.sizes_nm), None)
        if mixed is not None:
            what = f"images in {mixed.file} have pixels of {_listed_nm(mixed.sizes_nm)}"
            raise UserError(what, "name those of one size by data.key, or give each its own file")
        return
    known = [size for entry in entries for size in entry.sizes_nm or (entry.pixel_nm,)]
    sizes = [size for size in known if size is not None]
    widest = max(sizes, default=0.0)
    square = f"data.resample_nm={widest:.3g} makes them square" if sizes else "scale the rows"
    oblong = [(entry.file.name, entry.pixel_nm, entry.aspect) for entry in entries]
    if warning := pixel_size.oblong(oblong, square):
        log.warning(warning)
    if sizes and widest > SAME_SIZE * min(sizes):
        log.warning(
            f"pixels of these images are {min(sizes):.3g} to {max(sizes):.3g} nm, so that the "
            f"same object differs in size: data.resample_nm={max(sizes):.3g} resamples all to "
            "one size"
        )


def _listed_nm(sizes_nm: Sequence[float | None]) -> str:
    """Pixel sizes, each once."""
    words = ["an unknown size" if size is None else f"{size:.3g} nm" for size in sizes_nm]
    return listed(list(dict.fromkeys(words)))


def _too_few(path: str, source: ImageFiles, fewest: int) -> UserError:
    images = "1 image" if len(source) == 1 else f"{len(source)} images"
    first = source.entries[0]
    sides = log_messages.size(first.axes.shape)
    if first.axes.shape[0] * len(source) >= fewest and len(first.array_shape) == 3:
        names = first.axes.letters.replace("C", "N")
        return UserError(
            f"data.path={path} holds {images} of {sides}: too few to learn from",
            f"where its channels are images of their own, type data.axes={names}",
        )
    return UserError(
        f"data.path={path} holds {images} of {sides}: too few to learn from",
        f"cut patches out of them by data=patches data.path={path}, or give {fewest} or more",
    )
