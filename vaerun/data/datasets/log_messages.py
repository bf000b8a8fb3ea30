"""Log messages about the user's images and their preprocessing."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from vaerun.data.datasets.intensity import IntensityStatistics
from vaerun.data.lazy.file_images import FileImages
from vaerun.data.lazy.preprocessing import Window

_NAMED = 6  # classes, files or types that are listed


def size(shape: tuple[int, int, int]) -> str:
    """Text of an image shape (C, H, W)."""
    channels, height, width = shape
    return f"{height}×{width}" + (f" in {channels} channels" if channels > 1 else "")


def describe_images(
    images: FileImages, label: Tensor, classes: Sequence[str], factors: Mapping[str, Tensor]
) -> str:
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
    if classes:
        counts = [f"{name} {int((label == j).sum()):,}" for j, name in enumerate(classes)]
        missing = int((label < 0).sum())
        parts.append(
            f"classes {_listed(counts)}" + (f", without one {missing:,}" if missing else "")
        )
    if factors:
        missing_in = {name: int(values.isnan().sum()) for name, values in factors.items()}
        names = [f"{name} (missing in {n:,})" if n else name for name, n in missing_in.items()]
        parts.append(f"factors {_listed(names)}")
    return "; ".join(parts)


def describe_preprocessing(
    images: FileImages,
    statistics: Sequence[IntensityStatistics],
    window: Window | None,
    n_repaired: int = 0,
) -> str:
    """Text on cropping, resizing and normalisation.

    Statistics are of parts that make up all images, or none; ``n_repaired`` counts images that
    were repaired before these were computed.
    """
    prepare = images.prepare
    steps = {
        "averaged over channels": prepare.grey,
        f"cut to {_sides(prepare.crop)}": prepare.crop,
        f"padded to {_sides(prepare.pad)}": prepare.pad,
        f"resampled to {_sides(prepare.size)}": prepare.size,
        f"brightness spread by {prepare.scale}": prepare.scale != "none",
        "black beyond the circle": prepare.mask,
    }
    parts = [step for step, wanted in steps.items() if wanted]
    if window is not None:
        low, high = window
        span = f"intensities from {low:g} to {high:g} became 0 to 1"
        parts.append("intensities as they are" if window == (0, 1) else span)
    elif prepare.normalise == "image":
        parts.append("each from its own darkest to its brightest pixel")
    n_repaired += sum(one.n_repaired for one in statistics)
    if n_repaired:
        parts.append(f"pixels that are no numbers in {n_repaired:,} of them set to their median")
    if n_constant := sum(one.n_constant for one in statistics):
        parts.append(f"{n_constant:,} of them are constant")
    return "; ".join(parts)


def _sides(sides: tuple[int, int] | None) -> str:
    return "" if sides is None else f"{sides[0]}×{sides[1]}"


def _listed(items: Sequence[object]) -> str:
    return ", ".join(map(str, items[:_NAMED])) + (", …" if len(items) > _NAMED else "")
