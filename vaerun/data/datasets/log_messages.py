"""What the log says of the user's images: what was found, and what was done to it."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from vaerun.data.datasets.intensity import IntensityStatistics
from vaerun.data.lazy.file_images import FileImages
from vaerun.data.lazy.preprocessing import Window

_NAMED = 6  # classes, files or types that are listed


def size(shape: tuple[int, int, int]) -> str:
    """(C, H, W) in words."""
    channels, height, width = shape
    return f"{height}×{width}" + (f" in {channels} channels" if channels > 1 else "")


def describe_images(
    stack: FileImages, label: Tensor, classes: Sequence[str], factors: Mapping[str, Tensor]
) -> str:
    """Images, their files and axes, what is known of them."""
    source = stack.source
    first, last = source.entries[0], source.entries[-1]
    several = len(source.entries) > 1
    files = first.file.name
    if several:
        files = f"{len(source.entries):,} files, {first.file.name} to {last.file.name}"
    shapes = {entry.layout.shape[1:] for entry in source.entries}
    sides = size(first.layout.shape) if len(shapes) == 1 else f"{len(shapes)} sizes"
    types = ", ".join(sorted(map(str, source.types)))
    parts = [f"found {len(source):,} images of {sides} ({types}, {first.layout}) in {files}"]
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
    stack: FileImages,
    surveys: Sequence[IntensityStatistics],
    window: Window | None,
    n_mended: int = 0,
) -> str:
    """Cutting, resampling, intensities.

    Parameters
    ----------
    stack
        The images.
    surveys
        Of all of them, or none.
    window
        Intensities that became 0 and 1, if all share them.
    n_mended
        Images that were mended before they were surveyed.
    """
    prepare = stack.prepare
    steps = {
        "averaged over channels": prepare.grey,
        f"cut to {_sides(prepare.crop)}": prepare.crop,
        f"padded to {_sides(prepare.pad)}": prepare.pad,
        f"resampled to {_sides(prepare.size)}": prepare.size,
        "black beyond the circle": prepare.mask,
    }
    parts = [step for step, wanted in steps.items() if wanted]
    if window is not None:
        low, high = window
        span = f"intensities from {low:g} to {high:g} became 0 to 1"
        parts.append("intensities as they are" if window == (0, 1) else span)
    elif prepare.normalise == "image":
        parts.append("each from its own darkest to its brightest pixel")
    n_mended += sum(survey.n_mended for survey in surveys)
    if n_mended:
        parts.append(f"pixels that are no numbers in {n_mended:,} of them set to their median")
    if n_constant := sum(survey.n_constant for survey in surveys):
        parts.append(f"{n_constant:,} of them are constant")
    return "; ".join(parts)


def describe_split(n_train: int, n_val: int) -> str:
    """How many images are for what."""
    return f"; {n_train:,} to train on, {n_val:,} to validate"


def large_image_hint(path: str) -> str:
    """What to do with images that are frames."""
    return (
        "such large images are slow to learn from: data.size=64 resamples them, "
        f"data=patches data.path={path} cuts patches out of them"
    )


def unlike_run_warning(seen: IntensityStatistics, window: Window) -> str:
    """Intensities that are probably counted otherwise than those of the run."""
    return (
        f"these images have intensities from {seen.low:g} to {seen.high:g}, those of the run "
        f"became 0 to 1 from {window[0]:g} to {window[1]:g}: give them in the same units"
    )


def _sides(sides: tuple[int, int] | None) -> str:
    return "" if sides is None else f"{sides[0]}×{sides[1]}"


def _listed(items: Sequence[object]) -> str:
    return ", ".join(map(str, items[:_NAMED])) + (", …" if len(items) > _NAMED else "")
