"""Micrographs that the report shows patches on."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from vaerun.evaluation.report.packing import data_uri
from vaerun.evaluation.report.thumbnails import webp
from vaerun.microscopy.frame import Frame, brightness, reduced
from vaerun.models.encodings import VALIDATION, Encodings

Ints = npt.NDArray[np.int64]

# H × W pixels of a frame.

MOST_FRAMES = 8
LONGEST_SIDE = 1024  # pixels, as shown
QUALITY = 60
_IN_BASE64 = 4 / 3


def micrographs(
    frames: Sequence[Frame], encodings: Encodings, budget: int
) -> list[Mapping[str, Any]]:
    """Frames with patches that fit into ``budget`` bytes of text, at least one, best first.

    Returns
    -------
    list of dict
        ``number``, ``title``, ``url``, ``height`` and ``width`` in the frame's pixels, and
        ``pixel_nm``, None where unknown.
    """
    wanted = frames_to_show(encodings, MOST_FRAMES)
    shown: list[Mapping[str, Any]] = []
    room = float(budget)
    for number in wanted:
        raw = _picture(frames[number])
        room -= len(raw) * _IN_BASE64
        if shown and room < 0:
            break
        height, width = frames[number].image.shape
        shown.append(
            {
                "number": number,
                "title": _title(frames, encodings, number),
                "url": data_uri(raw, "image/webp"),
                "height": height,
                "width": width,
                "pixel_nm": frames[number].pixel_nm,
            }
        )
    return shown


def frames_to_show(encodings: Encodings, most: int) -> list[int]:
    """Numbers of frames with patches, spread evenly; frames for validation come first."""
    assert encodings.place is not None
    number = encodings.place.frame
    val = np.unique(number[encodings.split == VALIDATION])
    others = np.setdiff1d(number, val)
    return [*_spread(val, most), *_spread(others, most)][:most]


def _spread(numbers: Ints, most: int) -> list[int]:
    """Up to ``most`` evenly spread numbers, ordered so that the first few are spread, too."""
    at = np.unique(np.linspace(0, len(numbers) - 1, min(most, len(numbers))).round().astype(int))
    # bit-reversed counting halves the gaps
    order = sorted(range(len(at)), key=lambda i: f"{i:06b}"[::-1])
    return [int(numbers[at[i]]) for i in order]


def _title(frames: Sequence[Frame], encodings: Encodings, number: int) -> str:
    assert encodings.place is not None
    splits = np.unique(encodings.split[encodings.place.frame == number])
    kind = ", validation" if splits.tolist() == [VALIDATION] else ""
    return (frames[number].name or f"frame {number}") + kind


def _picture(frame: Frame) -> bytes:
    """The frame in grey as WebP."""
    image, _ = reduced(frame.image, 2 * LONGEST_SIDE)
    grey = Image.fromarray(np.round(255 * brightness(image)).astype(np.uint8))
    grey.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    return webp(np.asarray(grey)[..., None], QUALITY)
