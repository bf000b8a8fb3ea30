"""A film of the decoded manifold over the epochs of a training, as an animated WebP."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from vaerun.evaluation.curve_pictures import pictures
from vaerun.utils.files import atomic_path

# R rows, K columns of images C H W.

MOST_FRAMES = 60
LARGEST = 1_000_000  # bytes of a film
_SIDE = 300  # pixels that the longer side of a frame takes
_STRIP = 18  # pixels of the strip with the epoch, above the images
_INK, _PAPER = 235, 24
_FRAME_QUALITY = 80  # of what is stored during training
_QUALITIES = (70, 45, 25)  # of the film, the first that is small enough
_SECONDS, _LAST_SECONDS = 0.12, 2.0  # that a frame, and the last one, are shown

Bytes = npt.NDArray[np.uint8]


def frame_pixels(images: npt.NDArray[np.floating]) -> Bytes:
    """Images (R, K, C, H, W) in [0, 1] as one picture (h, w, 3 or 1), side by side."""
    images = pictures(images)
    some = images if images.shape[2] == 3 else images[:, :, :1]
    bright = np.round(255 * np.clip(np.nan_to_num(some), 0, 1)).astype(np.uint8)
    rows, columns, channels, height, width = bright.shape
    return bright.transpose(0, 3, 1, 4, 2).reshape(rows * height, columns * width, channels)


def encode_frame(pixels: Bytes, caption: str) -> bytes:
    """A picture (h, w, 3 or 1) under a strip with a caption, as WebP."""
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).convert("RGB")
    shrink = _SIDE / max(picture.size)
    size = [max(round(side * shrink), 1) for side in picture.size]
    method = Image.Resampling.BOX if shrink < 1 else Image.Resampling.NEAREST
    frame = Image.new("RGB", (size[0], size[1] + _STRIP), (_PAPER,) * 3)
    frame.paste(picture.resize((size[0], size[1]), method), (0, _STRIP))
    draw = ImageDraw.Draw(frame)
    draw.text((5, 2), caption, fill=(_INK,) * 3, font=ImageFont.load_default(size=12))
    return _webp([frame], _FRAME_QUALITY)


def write_film(path: Path, frames: Sequence[bytes]) -> None:
    """Write a film of frames from `encode_frame` completely or not at all.

    Parameters
    ----------
    path
        The file; one that exists is replaced. It takes at most `LARGEST` bytes: where a lower
        quality is not enough, every other frame is left out.
    frames
        At least one, at most `MOST_FRAMES`.
    """
    pictures = [Image.open(io.BytesIO(frame)).convert("RGB") for frame in frames]
    largest = [max(sides) for sides in zip(*(one.size for one in pictures), strict=True)]
    pictures = [_on_paper(one, (largest[0], largest[1])) for one in pictures]
    while True:
        film = next((film for q in _QUALITIES if len(film := _webp(pictures, q)) <= LARGEST), None)
        if film is not None or len(pictures) < 3:
            break
        pictures = [*pictures[:-1:2], pictures[-1]]
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as unfinished:
        unfinished.write_bytes(film or _webp(pictures, _QUALITIES[-1]))


def _on_paper(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """A picture on dark paper of a size."""
    if picture.size == size:
        return picture
    paper = Image.new("RGB", size, (_PAPER,) * 3)
    paper.paste(picture, (0, 0))
    return paper


def _webp(pictures: Sequence[Image.Image], quality: int) -> bytes:
    buffer = io.BytesIO()
    shown = [round(1000 * _SECONDS)] * (len(pictures) - 1) + [round(1000 * _LAST_SECONDS)]
    if len(pictures) == 1:
        pictures[0].save(buffer, "WEBP", quality=quality, method=2)
    else:
        pictures[0].save(buffer, "WEBP", quality=quality, method=2, save_all=True,
                         append_images=pictures[1:], duration=shown, loop=0)  # fmt: skip
    return buffer.getvalue()
