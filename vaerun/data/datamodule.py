"""Lightning data module: training and validation batches of a run."""

from collections.abc import Callable
from dataclasses import dataclass

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from vaerun.data.dataloader import Batch, StreamingLoader, make_dataloader
from vaerun.data.image_set import (
    Images,
    ImageSet,
    Splits,
    concatenate_images,
    concatenate_masks,
)
from vaerun.data.sampler import BatchOrder


@dataclass(frozen=True, kw_only=True)
class Supervision:
    """What a model may learn from in addition to the images.

    Attributes
    ----------
    condition
        Function from images to the condition (N, n) of a conditional model, or to None.
    labels
        Whether the model is trained on the labelled images, too, with their labels.
    pseudo_labels
        (N, 2) class and angle estimated before training, for the training images and then the
        labelled ones, −1 and NaN where there is none; None without pseudo-labels.
    """

    condition: Callable[[ImageSet], Tensor | None] = lambda _: None
    labels: bool = False
    pseudo_labels: Tensor | None = None


class DataModule(pl.LightningDataModule):
    """Batches of both splits: training images shuffled by (seed, epoch), validation images not.

    True classes of training and validation images never enter a batch; a model that learns
    classes sees those of the labelled set only.

    Batch sizes are of all ranks together. Validation stores no gradients, so that its batches may
    be larger, which is faster. A training epoch shows each image ``repeats`` times, validation
    once.
    """

    def __init__(
        self,
        splits: Splits,
        batch_size: int,
        seed: int,
        supervision: Supervision | None = None,
        val_batch_size: int = 500,
        repeats: int = 1,
    ) -> None:
        super().__init__()
        self.splits = splits
        self.batch_size = batch_size
        self.seed = seed
        self.supervision = supervision or Supervision()
        self.val_batch_size = val_batch_size
        self.repeats = repeats

    def train_dataloader(self) -> DataLoader[Batch[Tensor]] | StreamingLoader:
        """Training batches."""
        trainer = self._trainer()
        batches = [self._unlabelled(self.splits.train)]
        labelled = self.splits.labelled if self.supervision.labels else None
        if labelled is not None:
            batches.append(self._unlabelled(labelled)._replace(label=labelled.label))
        order = BatchOrder(
            batch_size=self.batch_size,
            seed=self.seed,
            epoch=lambda: trainer.current_epoch,
            seen=lambda: trainer.fit_loop.batch_idx + 1,
            repeats=self.repeats,
            rank=trainer.global_rank,
            n_ranks=trainer.world_size,
        )
        return make_dataloader(
            _concatenate(batches)._replace(pseudo_labels=self.supervision.pseudo_labels),
            trainer.strategy.root_device,
            order,
            n_labelled=0 if labelled is None else len(labelled),
        )

    def val_dataloader(self) -> DataLoader[Batch[Tensor]] | StreamingLoader:
        """Validation batches."""
        trainer = self._trainer()
        order = BatchOrder(
            batch_size=self.val_batch_size, rank=trainer.global_rank, n_ranks=trainer.world_size
        )
        batch = self._unlabelled(self.splits.val)
        return make_dataloader(batch, trainer.strategy.root_device, order)

    def _unlabelled(self, images: ImageSet) -> Batch[Images]:
        """Images of a split without labels, with the condition of a conditional model."""
        condition = self.supervision.condition(images)
        return Batch(images.images, images.target, None, condition, measured=images.measured)

    def _trainer(self) -> pl.Trainer:
        assert self.trainer is not None
        return self.trainer


def _concatenate(batches: list[Batch[Images]]) -> Batch[Images]:
    """Several batches as one; images and targets stay one object if nothing was corrupted."""
    if len(batches) == 1:
        return batches[0]
    images = concatenate_images([b.images for b in batches])
    clean = all(b.target is b.images for b in batches)
    labels = [torch.full((len(b.images),), -1) if b.label is None else b.label for b in batches]
    return Batch(
        images,
        images if clean else concatenate_images([b.target for b in batches]),
        torch.cat(labels),
        measured=concatenate_masks([(b.measured, b.images.shape) for b in batches]),
    )
