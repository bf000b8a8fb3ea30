"""What a training looks like: its manifold after some epochs, as a film and in TensorBoard.

Nothing here draws a random number or changes the network, so a run ends in the same numbers
with and without.
"""

import contextlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytorch_lightning as pl
import torch

from vaerun.data.image_set import ImageSet, as_tensor
from vaerun.evaluation.figures.film import (
    MOST_FRAMES,
    Bytes,
    encode_frame,
    frame_pixels,
    write_film,
)
from vaerun.models import inference
from vaerun.models.invariant_vae import InvariantVAE
from vaerun.models.latent_traversal import PRIOR_RANGE, widest_dimensions
from vaerun.runs.folder import RunFolder
from vaerun.training.event_files import event_writer
from vaerun.utils.arrays import evenly

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

# R rows, K columns of images C H W; d content dimensions.

_TILES = 6  # along each side of the manifold
_MOST_CLASSES = 8  # rows of a model with classes
_ENCODED = 64  # validation images that show which dimensions are used
_RECONSTRUCTED = 8

Images = np.ndarray[Any, np.dtype[np.floating]]


class ManifoldFilm(pl.Callback):
    """Keeps a small picture of the manifold of some epochs, and writes the film when it ends.

    Parameters
    ----------
    folder
        The run folder.
    val
        Validation images.
    classes
        Names of the classes of the data.
    film
        Whether to make the film.
    figures_every
        Epochs from one manifold and reconstructions in TensorBoard to the next; None: never.
    """

    def __init__(
        self,
        folder: RunFolder,
        val: ImageSet,
        classes: list[str],
        *,
        film: bool,
        figures_every: int | None,
    ) -> None:
        self.folder = folder
        self.few = val.select(torch.from_numpy(evenly(len(val), _ENCODED)))
        self.classes = classes
        self.film = film
        self.figures_every = figures_every
        self.frames: list[torch.Tensor] = []
        self._open = contextlib.ExitStack()
        self._writer: SummaryWriter | None = None

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Keep the manifold if a frame is due, and write figures if they are."""
        epoch, last = trainer.current_epoch + 1, int(trainer.max_epochs or 1)
        wants_frame = self.film and epoch in frame_epochs(last)
        wants_figures = self.figures_every is not None and epoch % self.figures_every == 0
        if not (wants_frame or wants_figures):
            return
        network = pl_module.network
        assert isinstance(network, InvariantVAE)
        was_training = network.training
        network.eval()
        try:
            images, dimensions = manifold(network, self.few, self.classes)
            pixels = frame_pixels(images)
            if wants_frame:
                caption = f"epoch {epoch} of {last}   {dimensions}"
                raw = np.frombuffer(encode_frame(pixels, caption), np.uint8)
                self.frames.append(torch.from_numpy(raw.copy()))
            if wants_figures:
                self._write_figures(network, pixels, epoch)
        finally:
            network.train(was_training)

    def _write_figures(self, network: InvariantVAE, manifold: Bytes, epoch: int) -> None:
        """Write manifold and reconstructions as a run of their own in TensorBoard."""
        some = self.few.first(_RECONSTRUCTED)
        made = inference.shown(torch.from_numpy(inference.reconstruct(network, some)))
        pair = np.stack([inference.shown(as_tensor(some.images)).numpy(), made.numpy()])
        if self._writer is None:
            events = self.folder.tensorboard / "while_training"
            self._writer = self._open.enter_context(event_writer(events))
        for name, pixels in (("manifold", manifold), ("reconstructions", frame_pixels(pair))):
            self._writer.add_image(name, pixels, epoch, dataformats="HWC")

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Close the event file."""
        self._open.close()

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        """Close the event file after a failure, too."""
        self._open.close()

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the film, if there are frames to move."""
        if len(self.frames) > 1:
            write_film(self.folder.film, [f.numpy().tobytes() for f in self.frames])

    @property
    def state_key(self) -> str:
        """Key of the frames in a checkpoint."""
        return "film"

    def state_dict(self) -> dict[str, Any]:
        """The frames so far, as bytes of WebP."""
        return {"frames": self.frames}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the frames before a resumed epoch."""
        self.frames = list(state_dict["frames"])


def frame_epochs(n_epochs: int) -> frozenset[int]:
    """Epochs, from 1, after which a frame is taken: evenly, at most `MOST_FRAMES`."""
    n = min(n_epochs, MOST_FRAMES)
    return frozenset(np.linspace(1, n_epochs, n).round().astype(int).tolist())


def manifold(network: InvariantVAE, few: ImageSet, classes: list[str]) -> tuple[Images, str]:
    """Decoded images (R, K, C, H, W) over the content, and the names of its dimensions.

    Two dimensions without classes, else the widest one with a row for each class. The range is
    that of the prior, or of a few images for a model without one.
    """
    d, is_free = network.latents.content_dim, network.variant.deterministic
    z = np.zeros((1, d), np.float32)
    if d > 2 or is_free:
        condition = network.category.condition(few.label, few.factors)
        z = inference.encode_images(network, few.images, condition).z_mean
    across, *up = widest_dimensions(z) if d > 2 else list(range(d))
    ends = np.full(d, PRIOR_RANGE, np.float32)
    low, high = (z.min(0), z.max(0)) if is_free else (-ends, ends)
    columns = np.linspace(low[across], high[across], _TILES)
    names = [str(j) for j in range(network.n_classes)] if network.n_classes else classes
    examples = network.category.examples(names)[:_MOST_CLASSES]
    if examples:
        points = np.zeros((_TILES, d), np.float32)
        points[:, across] = columns
        rows = [inference.decode_canonical(network, points, code) for _, code in examples]
        return np.stack(rows), f"z{across + 1} of each class"
    heights = np.linspace(high[up[0]], low[up[0]], _TILES) if up else np.zeros(1)
    points = np.zeros((len(heights), _TILES, d), np.float32)
    points[..., across] = columns
    if up:
        points[..., up[0]] = heights[:, None]
    images = inference.decode_canonical(network, points.reshape(-1, d))
    shown = ", ".join(f"z{i + 1}" for i in (across, *up[:1]))
    return images.reshape(*points.shape[:2], *images.shape[1:]), shown
