"""Which axes of an array count images, channels, rows and columns."""

from typing import NamedTuple

import numpy as np

from vaerun.files.stored import Array

MIN_SIDE = 8  # pixels; anything narrower is a table or an axis of channels
_COLOURS = 3
_WITH_TRANSPARENCY = 4
_CHANNELS = 16  # at most, in stacks


class Layout(NamedTuple):
    """The images of an array.

    Attributes
    ----------
    n
        Images.
    shape
        (C, H, W) of each.
    stacked
        Whether the first axis counts them.
    channel_axis
        In a stack of images; None without.
    transparent
        Whether a last channel is dropped, which is a transparency.
    """

    n: int
    shape: tuple[int, int, int]
    stacked: bool = False
    channel_axis: int | None = None
    transparent: bool = False

    def images(self, part: Array) -> Array:
        """Some of the images, or the only one, from (n, …) to (n, C, H, W)."""
        images = part if self.stacked else part[None]
        if self.channel_axis is None:
            return images[:, None]
        return np.moveaxis(images, self.channel_axis, 1)[:, : self.shape[0]]

    def __str__(self) -> str:
        if self.channel_axis is None:
            return "grey"
        dropped = ", transparency dropped" if self.transparent else ""
        return f"channels {'first' if self.channel_axis == 1 else 'last'}{dropped}"


def recognise(shape: tuple[int, ...], colour_axis: int | None, alone: bool) -> Layout | None:
    """The layout of an array; None if it is none of images.

    Parameters
    ----------
    shape
        (H, W), (N, H, W), or with few channels last or first (H, W, C), (N, H, W, C),
        (N, C, H, W).
    colour_axis
        That of colours, where the format tells it.
    alone
        Whether the file is the only one. Of several, each that has (3, H, W) holds one image in
        colour; alone it would be a stack.
    """
    if len(shape) == 2:
        layout = Layout(1, (1, shape[0], shape[1]))
    elif len(shape) == 3:
        layout = _of_three(shape, colour_axis, alone)
    elif len(shape) == 4:
        axis = colour_axis or _channel_axis(shape)
        if axis is None:
            return None
        layout = _in_channels(shape, axis, stacked=True)
    else:
        return None
    return layout if layout.n and min(layout.shape[1:]) >= MIN_SIDE else None


def _of_three(shape: tuple[int, ...], colour_axis: int | None, alone: bool) -> Layout:
    if colour_axis == 2 or shape[2] <= _WITH_TRANSPARENCY < min(shape[:2]):
        return _in_channels((1, *shape), 3, stacked=False)
    if not alone and shape[0] == _COLOURS:
        return _in_channels((1, *shape), 1, stacked=False)
    return Layout(shape[0], (1, shape[1], shape[2]), stacked=True)


def _channel_axis(shape: tuple[int, ...]) -> int | None:
    """Of (N, C, H, W) or (N, H, W, C): the one that is narrow, the narrower of two."""
    _, second, third, last = shape
    few = {3: (last, min(second, third)), 1: (second, min(third, last))}
    narrow = [axis for axis, (n, side) in few.items() if n <= _CHANNELS and n < side]
    return min(narrow, key=lambda axis: few[axis][0], default=None)


def _in_channels(shape: tuple[int, ...], axis: int, stacked: bool) -> Layout:
    sides = [side for i, side in enumerate(shape) if i not in (0, axis)]
    transparent = axis == 3 and shape[axis] == _WITH_TRANSPARENCY
    channels = shape[axis] - transparent
    return Layout(shape[0], (channels, sides[0], sides[1]), stacked, axis, transparent)
