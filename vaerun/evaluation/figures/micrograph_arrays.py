"""The arrays of real-space maps: positions of patches on micrographs, and their encodings."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from vaerun.data.curve_axis import CurveAxis
from vaerun.microscopy.frame import Frame, brightness, reduced
from vaerun.models.encodings import Encodings
from vaerun.models.latent_traversal import widest_dimensions

Arrays = dict[str, npt.NDArray[Any]]

# n patches of one frame, H × W pixels of it, J classes.

MOST_FRAMES = 2
LONGEST_SIDE = 2048  # pixels of a frame, twice what a figure shows


def frame_arrays(
    frames: Sequence[Frame],
    encodings: Encodings,
    names: Sequence[str],
    axis: CurveAxis | None = None,
) -> Arrays:
    """Micrographs with most validation patches, and the encodings of all their patches.

    Parameters
    ----------
    frames
        Micrographs, by the numbers in the encodings' `PatchLocation.frame`.
    encodings
        All splits.
    names
        Names of the classes that the model infers; unused if it has none.
    axis
        Axis of the curves of a map, in whose units their shifts are; None for images.

    Returns
    -------
    dict
        ``frame_<f>_…`` and ``predicted_names``, as listed in `vaerun.evaluation.figures`; empty
        where images are no patches of micrographs.
    """
    if encodings.place is None or not frames:
        return {}
    arrays: Arrays = {}
    quantities = _quantities(encodings)
    if axis is not None:
        quantities |= _of_curves(encodings, axis)
    for number in shown_frames(encodings):
        rows = np.flatnonzero(encodings.place.frame == number)
        # labelled images are encoded as training images, too
        rows = rows[np.unique(encodings.index[rows], return_index=True)[1]]
        own = _image_arrays(frames[number])
        own |= {"centre": encodings.place.centre[rows]}
        own |= {name: values[rows] for name, values in quantities.items()}
        arrays |= {f"frame_{number}_{name}": values for name, values in own.items()}
    if "predicted" in quantities:
        arrays["predicted_names"] = np.array(names)
    return arrays


def shown_frames(encodings: Encodings) -> list[int]:
    """Numbers of the frames with the most validation patches, ascending."""
    assert encodings.val.place is not None
    counts = np.bincount(encodings.val.place.frame)
    order = np.argsort(-counts, kind="stable")[:MOST_FRAMES]
    return sorted(int(number) for number in order if counts[number])


def _image_arrays(frame: Frame) -> Arrays:
    image, step = reduced(frame.image, LONGEST_SIDE)
    arrays: Arrays = {
        "image": np.round(255 * brightness(image)).astype(np.uint8),
        "title": np.array(frame.name),
    }
    if step > 1:
        arrays["step"] = np.array(step)
    if frame.pixel_nm is not None:
        arrays["pixel_nm"] = np.array(frame.pixel_nm)
    return arrays


def _change(encodings: Encodings) -> npt.NDArray[np.float32]:
    """How far z of the same atom is in the next frame, (N,); NaN where it is not found there."""
    place = encodings.place
    assert place is not None
    change = np.full(len(encodings), np.nan, np.float32)
    known = np.flatnonzero(place.track >= 0)
    # labelled images are encoded as training images, too
    known = known[np.unique(encodings.index[known], return_index=True)[1]]
    order = known[np.lexsort((place.frame[known], place.track[known]))]
    one, following = order[:-1], order[1:]
    same = (place.track[one] == place.track[following]) & (
        place.frame[following] == place.frame[one] + 1
    )
    step = encodings.z_mean[following[same]] - encodings.z_mean[one[same]]
    change[one[same]] = np.linalg.norm(step, axis=1)
    return change


def _of_curves(encodings: Encodings, axis: CurveAxis) -> Arrays:
    """Pose of the curves of a map, and their error, (N,) each, of what varies."""
    own = {
        "shift": encodings.shift[:, -1] * np.float32(axis.step),
        "scale": encodings.scale,
        "gain": encodings.gain,
        "offset": encodings.offset,
        "error": encodings.error,
    }
    return {name: values for name, values in own.items() if np.ptp(values) > 0}


def _quantities(encodings: Encodings) -> Arrays:
    """The quantities (N,) that patches are coloured by."""
    quantities: Arrays = {}
    if np.any(encodings.angle):
        quantities["angle"] = encodings.angle
    if encodings.has_target:
        quantities["target_mean"] = encodings.target_mean
    for i in widest_dimensions(encodings.val.z_mean):
        quantities[f"z{i + 1}"] = encodings.z_mean[:, i]
    change = _change(encodings)
    if np.isfinite(change).any():
        quantities["change"] = change
    if (encodings.label >= 0).any():
        quantities["rings" if encodings.has_ring_labels else "class"] = encodings.label
    if encodings.class_probability.shape[1]:
        quantities["predicted"] = encodings.predicted
    return quantities
