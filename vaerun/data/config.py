"""Config keys that all data sets share."""

import math
from dataclasses import dataclass
from typing import ClassVar

from vaerun.config.schema import field
from vaerun.data.corruption import CHOICES, CorruptionConfig

LEAST_STEPS = 64  # an epoch, for data.repeats=auto


@dataclass(frozen=True, kw_only=True, slots=True)
class DataConfig:
    """Keys that all data sets share; a data set adds its own in a subclass.

    Attributes
    ----------
    of_curves
        Whether it has curves, which have one dimension, and not images.
    """

    of_curves: ClassVar[bool] = False

    name: str = field("name of the data set, as in the run folder's path", affects="training")
    kind: str = field("which loader makes it")
    root: str = field(
        "folder of downloaded or given data files; drawn sets need none", affects="nothing"
    )
    train_size: int | None = field(
        "number of training images, null = all", min=1, affects="selection"
    )
    val_size: int | None = field(
        "number of validation images, null = all", min=1, affects="selection"
    )
    keep: str | None = field(
        "images to use: a CSV with a column index, as a report saves it, or a query such as "
        "'error<0.02' on data.from_run; null: all",
        affects="files",
    )
    drop: str | None = field(
        "images to leave out: a CSV, or a query on data.from_run, as for data.keep",
        affects="files",
    )
    from_run: str | None = field(
        "run folder whose images are used, and whose latents.h5 queries are about",
        affects="files",
    )
    corrupt: str = field("what a model is to restore; its targets stay clean", choices=CHOICES)
    corruption: CorruptionConfig = field("how images are corrupted, if they are")
    batch_size: int | str = field(
        "images per training step, of all devices together; usual: 100, fewer of large images; "
        "auto: up to 1024 that leave 100 steps an epoch",
        min=1,
        choices=["usual", "auto"],
        affects="training",
    )
    repeats: int | str = field(
        "times an epoch shows each training image; auto: as many as make at least "
        f"{LEAST_STEPS} steps an epoch",
        min=1,
        choices=["auto"],
        affects="training",
    )
    epochs: int = field(
        "epochs to train for, unless trainer.max_epochs says otherwise",
        min=1,
        affects="training",
    )
    invariances: list[str] = field(
        "what varies besides content: r rotation, t translation, s scale, i intensity; the "
        "model's default",
        choices=["r", "t", "s", "i"],
        affects="training",
    )
    angle_range_deg: float = field(
        "angles are known to lie within ± this, in degrees; 180 = the whole circle",
        min=0,
        max=180,
        affects="training",
    )
    fills_field: bool | str = field(
        "whether images have no empty margin around them, as a lattice; auto: judged by the "
        "training images",
        choices=["auto"],
        affects="training",
    )
    every_row: int | str = field(
        "rows of pixels that are enough for a training step: every n-th, from a random first one; "
        "auto: some 32 rows",
        min=1,
        choices=["auto"],
        affects="training",
    )

    @property
    def n_in_batch(self) -> int:
        """Images per training step; a word must have been resolved to a number before."""
        assert isinstance(self.batch_size, int), self.batch_size
        return self.batch_size

    def n_repeats(self, n: int) -> int:
        """Times an epoch shows each of n training images."""
        if self.repeats == "auto":
            return max(math.ceil(LEAST_STEPS * self.n_in_batch / n), 1)
        return int(self.repeats)

    def n_shown(self, n: int) -> int:
        """Images that an epoch shows of n training images, each as often as it is repeated."""
        return n * self.n_repeats(n)
