"""The arrays behind real-space maps: where patches lie on micrographs, and what they encode."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from vaerun.microscopy.frame import Frame, brightness
from vaerun.models.encodings import Encodings
from vaerun.models.latent_traversal import widest_dimensions

Arrays = dict[str, npt.NDArray[Any]]

# n patches of one frame, H × W pixels of it, J classes.

MOST_FRAMES = 2


def frame_arrays(frames: Sequence[Frame], encodings: Encodings, names: Sequence[str]) -> Arrays:
    """Micrographs, and the encodings of all their patches.

    Parameters
    ----------
    frames
        Micrographs, by the numbers in the encodings' `Place.frame`.
    encodings
        All splits.
    names
        What the classes that a model infers are called; unused if it has none.

    Returns
    -------
    dict
        For each frame f that is shown: ``frame_<f>_image`` (H, W) uint8, ``frame_<f>_title`` (),
        ``frame_<f>_pixel_nm`` () if known, ``frame_<f>_centre`` (n, 2) row and column, and (n,)
        each ``frame_<f>_angle`` in radians, ``frame_<f>_z<i>`` for the two widest dimensions,
        ``frame_<f>_class``, −1 for none, and ``frame_<f>_predicted``, as far as there are any;
        ``predicted_names`` (J,). Nothing where images are no patches.
    """
    if encodings.place is None or not frames:
        return {}
    arrays: Arrays = {}
    quantities = _quantities(encodings)
    for number in shown_frames(encodings):
        rows = np.flatnonzero(encodings.place.frame == number)
        # images with a label to learn from are encoded as training images too
        rows = rows[np.unique(encodings.index[rows], return_index=True)[1]]
        own = _of_frame(frames[number])
        own |= {"centre": encodings.place.centre[rows]}
        own |= {name: values[rows] for name, values in quantities.items()}
        arrays |= {f"frame_{number}_{name}": values for name, values in own.items()}
    if "predicted" in quantities:
        arrays["predicted_names"] = np.array(names)
    return arrays


def shown_frames(encodings: Encodings) -> list[int]:
    """The frames with the most validation patches, of equal ones the first, in their order."""
    assert encodings.val.place is not None
    counts = np.bincount(encodings.val.place.frame)
    order = np.argsort(-counts, kind="stable")[:MOST_FRAMES]
    return sorted(int(number) for number in order if counts[number])


def _of_frame(frame: Frame) -> Arrays:
    arrays: Arrays = {
        "image": np.round(255 * brightness(frame.image)).astype(np.uint8),
        "title": np.array(frame.name),
    }
    if frame.pixel_nm is not None:
        arrays["pixel_nm"] = np.array(frame.pixel_nm)
    return arrays


def _quantities(encodings: Encodings) -> Arrays:
    """What patches are coloured by, all N of them."""
    quantities: Arrays = {}
    if np.any(encodings.angle):
        quantities["angle"] = encodings.angle
    for i in widest_dimensions(encodings.val.z_mean):
        quantities[f"z{i + 1}"] = encodings.z_mean[:, i]
    if (encodings.label >= 0).any():
        quantities["class"] = encodings.label
    if encodings.class_probability.shape[1]:
        quantities["predicted"] = encodings.predicted
    return quantities
