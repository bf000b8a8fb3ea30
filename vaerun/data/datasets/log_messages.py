"""Log messages about the user's images and their preprocessing."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from vaerun.data.datasets.annotations import Classes
from vaerun.data.datasets.intensity import IntensityStatistics
from vaerun.data.lazy.file_images import FileImages
from vaerun.data.lazy.preprocessing import Window
from vaerun.utils.format import interval

_LOOK_MISSING = ("-1", "na", "n/a", "#n/a", "none", "null", "-")  # yet may be classes
_NAMED = 6  # classes, files or types that are listed


def size(shape: tuple[int, int, int]) -> str:
    """Text of an image shape (C, H, W)."""
    channels, height, width = shape
    return f"{height}×{width}" + (f" in {channels} channels" if channels > 1 else "")


def describe_images(images: FileImages, classes: Classes, factors: Mapping[str, Tensor]) -> str:
    """Text on number, size and type of images, and on their files, classes and factors."""
    source = images.source
    first, last = source.entries[0], source.entries[-1]
    files = first.file.name
    if len(source.entries) > 1:
        files = f"{len(source.entries):,} files, {first.file.name} to {last.file.name}"
    shapes = {entry.axes.shape[1:] for entry in source.entries}
    sides = size(first.axes.shape) if len(shapes) == 1 else f"{len(shapes)} sizes"
    types = ", ".join(sorted(map(str, source.types)))
    parts = [f"found {len(source):,} images of {sides} ({types}, {first.axes}) in {files}"]
    parts += source.notes
    if source.skipped:
        parts.append(f"{len(source.skipped)} unreadable skipped: {_listed(source.skipped)}")
    if classes.names:
        parts.append(_describe_classes(classes))
    if factors:
        missing_in = {name: int(values.isnan().sum()) for name, values in factors.items()}
        names = [f"{name} (missing in {n:,})" if n else name for name, n in missing_in.items()]
        parts.append(f"factors {_listed(names)}")
    return "; ".join(parts)


def _describe_classes(classes: Classes) -> str:
    """Text on how many images each class has, and which values are none."""
    counts = [
        f"{name} {int((classes.label == j).sum()):,}" for j, name in enumerate(classes.names)
    ]
    text = f"classes {_listed(counts)}"
    n_missing = sum(classes.missing.values())
    if n_missing:
        values = [
            f"'{word}' {n:,}" if word else f"empty {n:,}" for word, n in classes.missing.items()
        ]
        named = "" if set(classes.missing) == {""} else f" ({_listed(values)})"
        text += f", without one {n_missing:,}{named}"
    odd = [name for name in classes.names if name.lower() in _LOOK_MISSING]
    if odd:
        text += f" ({_listed(odd)} counted as classes: only empty cells and NaN are none)"
    return text


def describe_preprocessing(
    images: FileImages,
    statistics: Sequence[IntensityStatistics],
    window: Window | None,
) -> str:
    """Text on cropping, resizing, normalisation and pixels that were not measured.

    Statistics are of parts that make up all images, or none.
    """
    prepare = images.prepare
    steps = {
        "averaged over channels": prepare.grey,
        f"resampled to pixels of {prepare.resample_nm or 0:g} nm": prepare.resample_nm,
        f"cut to {_sides(prepare.crop)}": prepare.crop,
        f"padded to {_sides(prepare.pad)}": prepare.pad,
        f"resampled to {_sides(prepare.size)}": prepare.size,
        f"brightness spread by {prepare.scale}": prepare.scale != "none",
        "black beyond the circle": prepare.mask,
    }
    parts = [step for step, wanted in steps.items() if wanted]
    if window is not None:
        span = f"intensities from {interval(*window)} became 0 to 1"
        parts.append("intensities as they are" if window == (0, 1) else span)
    elif prepare.normalise == "image":
        parts.append("each from its own darkest to its brightest pixel")
    fills = str(images.fills) or "no numbers"
    if n_filled := sum(one.n_filled for one in statistics):
        n_pixels = sum(one.n_pixels for one in statistics)
        parts.append(
            f"{n_pixels:,} pixels in {n_filled:,} of them count as not measured ({fills}), "
            "and are left out of likelihood and errors"
        )
    elif images.fills and not statistics:
        parts.append(f"not measured: {fills}")
    if n_constant := sum(one.n_constant for one in statistics):
        parts.append(f"{n_constant:,} of them are constant")
    return "; ".join(parts)


def _sides(sides: tuple[int, int] | None) -> str:
    return "" if sides is None else f"{sides[0]}×{sides[1]}"


def _listed(items: Sequence[object]) -> str:
    return ", ".join(map(str, items[:_NAMED])) + (", …" if len(items) > _NAMED else "")
