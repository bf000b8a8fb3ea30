"""Images with labels, factors and positions, and the splits of a data set."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from vaerun.data.curve_axis import CurveAxis
from vaerun.data.lazy.file_images import FileImages
from vaerun.data.lazy.frame_patches import FramePatches
from vaerun.data.patch_location import PatchLocation
from vaerun.data.pixel_statistics import PixelStatistics, pixel_statistics
from vaerun.microscopy.frame import Frame

Ints = npt.NDArray[np.int64]
Images = Tensor | FramePatches | FileImages  # (N, C, H, W)
ImagesAt = Callable[[Tensor], Tensor]  # positions (n,) → images (n, C, H, W)

POSE_FACTORS = ("angle", "shift_row", "shift_column")


def as_tensor(images: Images) -> Tensor:
    """Images as one tensor (N, C, H, W)."""
    return images if isinstance(images, Tensor) else images.as_tensor()


def concatenate_images(parts: Sequence[Images]) -> Images:
    """Images of several sets, one after the other; lazy if all parts are lazy in the same way."""
    patches = [part for part in parts if isinstance(part, FramePatches)]
    if len(patches) == len(parts):
        return FramePatches.concatenate(patches)
    files = [part for part in parts if isinstance(part, FileImages)]
    if len(files) == len(parts):
        return FileImages.concatenate(files)
    return torch.cat([as_tensor(part) for part in parts])


def concatenate_masks(parts: Sequence[tuple[Images | None, Sequence[int]]]) -> Images | None:
    """Masks of several sets, of which all pixels are True where there is none; with the shapes.

    None if no set has one.
    """
    if all(mask is None for mask, _ in parts):
        return None
    return concatenate_images(
        [torch.ones(*shape, dtype=torch.bool) if mask is None else mask for mask, shape in parts]
    )


def without_pose(factors: Mapping[str, Tensor], index: Tensor) -> dict[str, Tensor]:
    """Factors (n,) of the images at some positions (n,), with angle and shift 0."""
    return {
        name: torch.zeros(len(index)) if name in POSE_FACTORS else values[index]
        for name, values in factors.items()
    }


def _shape_of(images: Images) -> tuple[int, int, int]:
    channels, height, width = images.shape[1:]
    return channels, height, width


def _select(images: Images, index: Tensor) -> Images:
    return images[index] if isinstance(images, Tensor) else images.select(index)


def _select_lazily(images_at: ImagesAt, index: Tensor) -> ImagesAt:
    return lambda positions: images_at(index[positions])


@dataclass(frozen=True, kw_only=True)
class ImageSet:
    """Images with their labels, factors and positions.

    Attributes
    ----------
    images
        (N, C, H, W) float32 in [0, 1], as a model sees them: a tensor, or images that are read
        from files or cut from frames when indexed. Curves of L points are (N, C, 1, L).
    label
        (N,) int64 class, −1 where unknown.
    index
        (N,) int64, number of each image among all of its source, whichever of them are used.
    factors
        True values by name, (N,) float32 each: angles in radians, ``angle`` counter-clockwise;
        ``shift_row`` and ``shift_column`` in pixels.
    clean
        (N, C, H, W) targets of corrupted images; else None.
    paired
        (N, C', H', W') what is predicted of each image, of any shape; else None.
    measured
        (N, C, H, W) boolean, which pixels were measured, by the target's size; None: all. Others
        are filled, in the images as in their targets.
    place
        Positions of patches in their frames; else None.
    unposed
        Draws the objects of the images at some positions at angle 0 and shift 0, all else about
        them as it is, but with noise of their own; None where the data set cannot do that. The
        same positions give the same images.
    """

    images: Images
    label: Tensor
    index: Tensor
    factors: dict[str, Tensor] = field(default_factory=dict)
    clean: Images | None = None
    paired: Images | None = None
    measured: Images | None = None
    place: PatchLocation | None = None
    unposed: ImagesAt | None = None

    @property
    def target(self) -> Images:
        """Images that a model is to reconstruct or predict, (N, C, H, W)."""
        if self.paired is not None:
            return self.paired
        return self.images if self.clean is None else self.clean

    def first(self, n: int) -> "ImageSet":
        """First n images."""
        return self.select(torch.arange(min(n, len(self))))

    def select(self, index: Tensor) -> "ImageSet":
        """Images at some positions (n,)."""
        return ImageSet(
            images=_select(self.images, index),
            label=self.label[index],
            index=self.index[index],
            factors={name: values[index] for name, values in self.factors.items()},
            clean=None if self.clean is None else _select(self.clean, index),
            paired=None if self.paired is None else _select(self.paired, index),
            measured=None if self.measured is None else _select(self.measured, index),
            place=None if self.place is None else self.place.select(index.numpy()),
            unposed=None if self.unposed is None else _select_lazily(self.unposed, index),
        )

    def select_unposed(self, index: Tensor) -> "ImageSet | None":
        """Objects at some positions (n,) at angle 0 and shift 0; None without `unposed`."""
        if self.unposed is None:
            return None
        return ImageSet(
            images=self.unposed(index),
            label=self.label[index],
            index=self.index[index],
            factors=without_pose(self.factors, index),
        )

    @classmethod
    def concatenate(cls, parts: Sequence["ImageSet"]) -> "ImageSet":
        """Images of several sets, one after the other, with the factors that all sets have.

        The result has no `unposed`.
        """
        known = [name for name in parts[0].factors if all(name in p.factors for p in parts)]
        places = [part.place for part in parts if part.place is not None]
        corrupted = any(part.clean is not None for part in parts)
        paired = [part.paired for part in parts if part.paired is not None]
        return cls(
            images=concatenate_images([part.images for part in parts]),
            label=torch.cat([part.label for part in parts]),
            index=torch.cat([part.index for part in parts]),
            factors={name: torch.cat([part.factors[name] for part in parts]) for name in known},
            clean=concatenate_images([part.target for part in parts]) if corrupted else None,
            paired=concatenate_images(paired) if len(paired) == len(parts) else None,
            measured=concatenate_masks([(part.measured, part.target.shape) for part in parts]),
            place=PatchLocation.concatenate(places) if len(places) == len(parts) else None,
        )

    def __len__(self) -> int:
        return len(self.images)

    def __post_init__(self) -> None:
        assert len(self.images.shape) == 4, self.images.shape
        assert self.images.dtype == torch.float32, self.images.dtype
        n = len(self.images)
        assert all(len(t) == n for t in (self.label, self.index, *self.factors.values()))
        assert self.clean is None or self.clean.shape == self.images.shape
        assert len(self.target) == n
        assert self.measured is None or self.measured.shape == self.target.shape
        assert self.place is None or len(self.place) == n


@dataclass(frozen=True, kw_only=True)
class DataShape:
    """Properties of a data set that a network depends on, stored in its checkpoints."""

    image: tuple[int, int, int]  # (C, H, W)
    target: tuple[int, int, int] | None = None  # (C, H, W) of what is predicted, if not the image
    n_classes: int = 0
    # lowest and highest training value of each factor
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)
    window: tuple[float, float] | None = None  # intensities that became 0 and 1, if all share them
    target_window: tuple[float, float] | None = None  # likewise, of what is predicted
    axis_step: float | None = None  # of curves: from one point to the next, in units of the axis


@dataclass(frozen=True, kw_only=True)
class ImageSource:
    """Frames or files that images come from, and the intensities that became 0 and 1.

    Attributes
    ----------
    symmetry
        Order of the rotational symmetry of each class: 2 if it looks the same after 180°.
    frames
        Micrographs that the images are patches of, numbered as in `PatchLocation.frame`.
    frame_windows
        Intensities of each frame that became 0 and 1, if the images are patches of frames.
    window
        Intensities that became 0 and 1, if all images share them; else None.
    linear
        Whether brightness is proportional to intensity within the window.
    axis
        Axis of the curves; None for images.
    target_window, target_axis
        Likewise of what is predicted, if it is something else.
    """

    symmetry: list[int] = field(default_factory=list)
    frames: Sequence[Frame] = ()
    frame_windows: Sequence[tuple[float, float]] = ()
    window: tuple[float, float] | None = None
    linear: bool = True
    axis: CurveAxis | None = None
    target_window: tuple[float, float] | None = None
    target_axis: CurveAxis | None = None


@dataclass(frozen=True, kw_only=True)
class AllImages(ImageSource):
    """All images of a data set in one set, and what they come from."""

    images: ImageSet


@dataclass(frozen=True, kw_only=True)
class Splits(ImageSource):
    """Training, validation and labelled images of a data set, and what they come from.

    Attributes
    ----------
    train, val
        Images to learn from and to validate on, with independent factors.
    classes
        Names of the classes, empty if there are none.
    labelled
        Images with labels that a semi-supervised model learns from, if any; labels of all other
        images serve to evaluate it.
    known
        Positions (n,) of the training images whose target a model learns from, if it infers one;
        targets of all other images serve to evaluate it.
    rest
        Patches of the frames that are for neither training nor validation, such as those between
        the two; they are encoded and drawn, but not judged.
    origin
        Digest of the files that the images come from, (32,) uint8; None if they were drawn.
    source
        Hash of the images that ``index`` counts, whichever of them are used, see
        `vaerun.data.selection`.
    selection
        How images were chosen among these, by name, for the manifest; None: all are used.
    """

    train: ImageSet
    val: ImageSet
    classes: list[str]
    labelled: ImageSet | None = None
    known: Tensor | None = None
    rest: ImageSet | None = None
    origin: Tensor | None = None
    source: str = ""
    selection: Mapping[str, Any] | None = None

    @property
    def shape(self) -> DataShape:
        """Properties that a network depends on."""
        ranges = {
            name: (float(values.min()), float(values.max()))
            for name, values in self.train.factors.items()
            if bool(values.isfinite().all()) and float(values.max()) > float(values.min())
        }
        return DataShape(
            image=self.image,
            target=None if self.train.paired is None else _shape_of(self.train.paired),
            n_classes=len(self.classes),
            ranges=ranges,
            window=self.window,
            target_window=self.target_window,
            axis_step=None if self.axis is None else self.axis.step,
        )

    @cached_property
    def pixels(self) -> PixelStatistics:
        """Mean and sd of the pixels that a model learns to draw: of the training targets."""
        target, measured = self.train.target, self.train.measured

        def select(index: Tensor) -> Tensor:
            pixels = as_tensor(_select(target, index))
            return pixels if measured is None else pixels[as_tensor(_select(measured, index))]

        return pixel_statistics(len(target), target.shape[1:].numel(), select)

    @property
    def parts(self) -> list[ImageSet]:
        """Training, validation and, if there are any, labelled images."""
        return [self.train, self.val, *([] if self.labelled is None else [self.labelled])]

    @property
    def image(self) -> tuple[int, int, int]:
        """(C, H, W) of every image."""
        return _shape_of(self.train.images)

    def fingerprint_parts(self) -> list[Tensor]:
        """Tensors that identify this data set, equal on every computer.

        The last bit of drawn or resampled pixels depends on the processor. Drawn images are
        therefore represented by their factors, noisy images by the clean ones, and images from
        files by the digest of the files.
        """
        parts = [] if self.origin is None else [self.origin]
        for images in self.parts:
            parts += [images.index, images.label, *images.factors.values()]
            if not images.factors and self.origin is None:
                target = images.target
                parts += [target] if isinstance(target, Tensor) else target.fingerprint_parts()
        return parts
