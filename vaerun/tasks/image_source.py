"""Encodings and what their images come from: units of files and axes, symmetry of patches."""

import dataclasses
from typing import TypeVar

import numpy as np
from rich.console import Console

from vaerun.data.image_set import ImageSource
from vaerun.evaluation.metrics.angle_symmetry import angle_symmetry
from vaerun.microscopy.frame import in_file
from vaerun.models.encodings import Encodings

Source = TypeVar("Source", bound=ImageSource)


def in_files(encodings: Encodings, source: ImageSource) -> Encodings:
    """Express brightness in intensities and centres of patches in pixels of the user's files.

    Shifts of curves (N, 1) are in units of their axis.

    Gain and offset stay those of images from 0 to 1 where brightness is not proportional to
    intensity, or each patch has a scale of its own.
    """
    place, frames = encodings.place, source.frames
    if source.axis is not None:
        shift = encodings.shift[:, -1:] * np.float32(source.axis.step)
        encodings = dataclasses.replace(encodings, shift=shift)
    if source.window is not None and source.linear:
        encodings = encodings.in_intensities(np.asarray(source.window)[None])
    elif place is not None and source.frame_windows:
        encodings = encodings.in_intensities(np.asarray(source.frame_windows)[place.frame])
    if place is None or not frames:
        return encodings
    centre = in_file(place.centre, place.frame, frames).astype(np.float32)
    return dataclasses.replace(encodings, place=dataclasses.replace(place, centre=centre))


def with_symmetry(
    source: Source, encodings: Encodings, n_classes: int, console: Console
) -> Source:
    """The source with the symmetry of its patches, from the angles where it is not known."""
    place = encodings.place
    if source.symmetry or place is None or not np.any(encodings.angle):
        return source
    order = angle_symmetry(encodings.angle, place.frame, place.centre, place.species)
    if order > 1:
        console.print(f"angles of neighbours differ by multiples of {360 / order:g}°: θ is drawn "
                      "modulo that")  # fmt: skip
    return dataclasses.replace(source, symmetry=[order] * max(n_classes, 1))
